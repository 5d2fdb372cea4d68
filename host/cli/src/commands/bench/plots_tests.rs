//! Tests of the plots: XML that is well-formed, with every mark inside of its field, for any numbers; draws nothing new.

use super::*;

const ODD: [&[f64]; 6] = [
    &[],
    &[0.0],
    &[30.0],
    &[1e300, f64::MAX],
    &[-4.0, 0.0, 1e9],
    &[f64::NAN, f64::INFINITY, 1.0],
];
const NAME: &str = "a < b & \"c\" > d\u{1}";

/// Fails unless the text is one element, in which all that is opened is closed and all that is said is quoted.
fn well_formed(svg: &str) {
    let said = |text: &str| {
        assert!(!text.contains('>'), "{text}");
        for after in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;"];
            assert!(known.iter().any(|word| after.starts_with(word)), "{text}");
        }
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    };
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some((before, after)) = rest.split_once('<') {
        said(before);
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            assert!(!open.is_empty() || rest.trim().is_empty(), "{rest}");
            continue;
        }
        let whole = tag.strip_suffix('/');
        let (name, mut attributes) = whole.unwrap_or(tag).split_once(' ').unwrap_or((tag, ""));
        while !attributes.is_empty() {
            let (key, after) = attributes.split_once("=\"").expect("a value is quoted");
            let letters = key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
            assert!(letters && !key.is_empty(), "{tag}");
            let (value, after) = after.split_once('"').expect("a quote ends");
            said(value);
            attributes = after.trim_start();
        }
        if whole.is_none() {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}

fn side(values: impl Iterator<Item = f64>) -> Side {
    Side {
        axis: Axis::decades(values),
        what: "x & y",
        written: time,
    }
}

#[test]
fn plots_of_any_numbers_are_well_formed() {
    for samples in ODD {
        let named = [(NAME.to_owned(), samples.to_vec())];
        well_formed(&histogram(NAME, &named));
        let x = Side {
            axis: Axis::even(samples.iter().copied()),
            what: "<x>",
            written: number,
        };
        let points = samples.iter().map(|value| (*value, *value)).collect();
        let series = [Series {
            name: NAME.to_owned(),
            points,
            aim: false,
        }];
        let y = side(samples.iter().copied());
        well_formed(&lines(NAME, &x, &y, &series));
    }
    well_formed(&histogram("nothing", &[]));
}

#[test]
#[should_panic(expected = "a value is quoted")]
fn what_is_not_well_formed_is_found() {
    well_formed("<svg><g x=1/></svg>");
}

#[test]
fn bars_are_shares_of_their_own_samples() {
    let axis = Axis::decades([1.0, 1e4].into_iter());
    assert_eq!(shares(&axis, &[1.0])[0], 100.0);
    let split = shares(&axis, &[1.0, 1e4, 1e4, 1e4]);
    assert_eq!((split[0], split[BARS - 1]), (25.0, 75.0));
    assert_eq!(split.iter().sum::<f64>(), 100.0);
    assert_eq!(shares(&axis, &[]), vec![0.0; BARS]);
}

#[test]
fn a_plot_has_its_title_its_units_its_steps_and_a_legend() {
    let series = |name: &str, aim| Series {
        name: name.to_owned(),
        points: vec![(0.0, 10.0), (50.0, 1_000.0)],
        aim,
    };
    let x = Side {
        axis: Axis::even([50.0].into_iter()),
        what: "requests a second",
        written: number,
    };
    let y = side([10.0, 1_000.0].into_iter());
    let svg = lines("Load", &x, &y, &[series("p50", false), series("aim", true)]);
    let words = [
        "<title>Load</title>",
        ">requests a second<",
        ">x &amp; y<",
        ">p50<",
        ">aim<",
        ">50<",
        ">100 µs<",
        ">1 ms<",
    ];
    for word in words {
        assert!(svg.contains(word), "{word} is not in {svg}");
    }
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert_eq!(svg.matches("stroke-dasharray").count(), 1);
    // From the corner at the lower left to that at the upper right.
    let path = format!("points=\"0.0,{TALL:.1} {WIDE:.1},0.0\"");
    assert_eq!(svg.matches(&path).count(), 2);
    assert_eq!(svg.matches("<circle").count(), 2);
}
