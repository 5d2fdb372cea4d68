//! The route table against a plain reading of its patterns, segment by segment: it finds one that matches wherever there is one, and
//! a word goes before a parameter and that before a wildcard; serves nothing.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use trm_fuzz::choices::Choices;
use trm_policy::routes::RouteTable;

/// What a pattern makes of a path: its parameters, what its wildcard matches, and how exact each segment was.
type Read = (Vec<(String, String)>, String, Vec<u8>);

fn read(pattern: &str, path: &str) -> Option<Read> {
    let (mut parameters, mut exact) = (Vec::new(), Vec::new());
    let mut segments = path.strip_prefix('/')?.split('/');
    let mut wanted = pattern[1..].split('/');
    loop {
        match (wanted.next(), segments.next()) {
            (None, None) => return Some((parameters, String::new(), exact)),
            (Some("..."), first) => {
                exact.push(0);
                let rest: Vec<&str> = first.into_iter().chain(segments).collect();
                let rest = rest.join("/");
                let rest = if rest.is_empty() {
                    rest
                } else {
                    format!("/{rest}")
                };
                return Some((parameters, rest, exact));
            }
            (Some(wanted), Some(segment)) => match wanted.strip_prefix(':') {
                Some(name) if !segment.is_empty() => {
                    exact.push(1);
                    parameters.push((name.to_owned(), segment.to_owned()));
                }
                None if wanted == segment => exact.push(2),
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn pattern(choices: &mut Choices<'_>) -> String {
    let mut pattern = String::new();
    for _ in 0..choices.below(4) {
        pattern.push('/');
        match choices.below(5) {
            0 => pattern.push(':'),
            1 => {}
            _ => {
                pattern += *choices.one(&["a", "b", "ab", ":a", ":b", ":id", "a.b", "%20"]);
                continue;
            }
        }
        pattern += &choices.word(&['a', 'b', '*', '-', 'é', '.', ':', '{', '}', '?'], 4);
    }
    if choices.below(3) == 0 {
        pattern += "/...";
    }
    pattern
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let mut routes = RouteTable::default();
    let mut patterns = Vec::new();
    for _ in 0..=choices.below(5) {
        let pattern = pattern(&mut choices);
        // One that is refused, or that another one hides, ends the start.
        if routes.add(&pattern, pattern.clone()).is_err() {
            return;
        }
        patterns.push(pattern);
    }
    for _ in 0..4 {
        let mut path = String::new();
        for _ in 0..choices.below(5) {
            path.push('/');
            path += &choices.word(&['a', 'b', '.', '*', '-', ':', '%', 'é'], 4);
        }
        let matching = patterns.iter().filter_map(|pattern| {
            let (parameters, rest, exact) = read(pattern, &path)?;
            Some((exact, pattern, parameters, rest))
        });
        let best = matching.max_by(|one, other| one.0.cmp(&other.0));
        match (routes.find(&path), best) {
            (None, None) => {}
            (Some(found), Some((_, pattern, parameters, rest))) => {
                assert_eq!(found.target, pattern, "{path} of {patterns:?}");
                assert_eq!(found.parameters, parameters, "{path} of {pattern}");
                // A wildcard that matches its own folder alone has no rest, with or without its slash.
                assert_eq!(found.rest, rest, "{path} of {pattern}");
            }
            (found, best) => panic!(
                "{path} of {patterns:?}: {:?}, not {best:?}",
                found.map(|found| found.target)
            ),
        }
    }
});
