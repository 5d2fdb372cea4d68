//! Whether an answer is stored and for how long: never longer than a number in it says, never what it forbids, and the same
//! however its directives are spelled; knows no clock but the host's own.

#![cfg_attr(not(test), no_main)]

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, SystemTime};
use trm_fuzz::exchange::{Exchange, texts};
use trm_http_cache::directives::Directives;
use trm_http_cache::rules::{Lifetime, Refusal, fresh, is_stored, store, surrogate_keys};

const CONTROLS: [&str; 2] = ["cache-control", "surrogate-control"];

/// The greatest number that stands anywhere in a header.
fn greatest(headers: &HeaderMap, name: &str) -> u64 {
    let fields = texts(headers, name);
    let numbers = fields
        .iter()
        .flat_map(|field| field.split(|letter: char| !letter.is_ascii_digit()))
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::MAX));
    numbers.max().unwrap_or(0)
}

/// Whether a directive stands in a header that has no quotes.
fn says(headers: &HeaderMap, name: &str, directive: &str) -> bool {
    let fields = texts(headers, name);
    let mut all = fields.iter().flat_map(|field| field.split(','));
    !fields.iter().any(|field| field.contains('"'))
        && all.any(|one| one.trim().eq_ignore_ascii_case(directive))
}

/// The same headers with each field of a name as `how` makes it.
fn with(headers: &HeaderMap, name: &str, how: impl Fn(&str) -> Vec<String>) -> HeaderMap {
    let mut changed = headers.clone();
    changed.remove(name);
    for field in texts(headers, name).iter().flat_map(|field| how(field)) {
        let name: header::HeaderName = name.parse().expect("a header's name");
        let value = HeaderValue::from_bytes(field.as_bytes());
        changed.append(name, value.expect("a header's value"));
    }
    changed
}

fn seconds(headers: &HeaderMap, name: header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

fn check(exchange: &Exchange<'_>, lifetime: Lifetime) {
    let (request, response) = (&exchange.request, &exchange.response);
    assert!(!response.contains_key(header::SET_COOKIE));
    assert!(!says(request, CONTROLS[0], "no-store"));
    let targeted = response.contains_key(CONTROLS[1]);
    for forbidden in ["private", "no-cache"] {
        assert!(targeted || !says(response, CONTROLS[0], forbidden));
    }
    let understood = says(response, CONTROLS[0], "must-understand");
    assert!(targeted || understood || !says(response, CONTROLS[0], "no-store"));
    let said = CONTROLS.map(|name| greatest(response, name));
    let by_date = seconds(response, header::EXPIRES).map(|expires| {
        let base = seconds(response, header::DATE).unwrap_or_else(SystemTime::now);
        // The host looked at its clock a moment before.
        expires.duration_since(base).unwrap_or_default() + Duration::from_secs(1)
    });
    let most = Duration::from_secs(said[0].max(said[1])).max(by_date.unwrap_or_default());
    assert!(lifetime.fresh <= most, "{lifetime:?} of {most:?}");
    let stale = lifetime.while_revalidate.max(lifetime.if_error);
    assert!(stale <= Duration::from_secs(said[0]), "{lifetime:?}");
    let strict = ["must-revalidate", "proxy-revalidate"];
    if !targeted && strict.iter().any(|one| says(response, CONTROLS[0], one)) {
        assert_eq!(stale, Duration::ZERO);
    }
    let asked = Directives::of(request);
    let end = lifetime.fresh.as_secs();
    let ages = [0, 1, end.saturating_sub(1), end, end.saturating_add(1)];
    let good = ages.map(|age| fresh(&lifetime, Duration::from_secs(age), &asked));
    for (age, good) in ages.into_iter().zip(good) {
        let most = asked.max_age.unwrap_or(u64::MAX);
        let young = Duration::from_secs(age) < lifetime.fresh && age <= most;
        assert!(!good || young, "fresh at {age}");
    }
    assert!(lifetime.kept() >= lifetime.fresh);
}

fuzz_target!(|bytes: &[u8]| {
    let exchange = Exchange::read(bytes);
    let (request, response) = (&exchange.request, &exchange.response);
    let word = |at: usize| exchange.first.get(at).copied().unwrap_or_default();
    let method = Method::from_bytes(word(0).as_bytes()).unwrap_or(Method::GET);
    let status = StatusCode::from_bytes(word(1).as_bytes()).unwrap_or(StatusCode::OK);
    let stored =
        |request: &HeaderMap, response: &HeaderMap| store(&method, request, status, response);
    let said = stored(request, response);
    if let Ok(lifetime) = said {
        assert!(method == Method::GET && ![206, 304].contains(&status.as_u16()));
        check(&exchange, lifetime);
    }
    // What forbids storing forbids it beside anything else.
    let no_store = HeaderValue::from_static("no-store");
    let mut refusing = request.clone();
    refusing.append(header::CACHE_CONTROL, no_store);
    assert!(stored(&refusing, response).is_err());
    let mut personal = response.clone();
    personal.append(header::SET_COOKIE, HeaderValue::from_static("a=b"));
    assert!(stored(request, &personal).is_err());
    let clocked = [header::EXPIRES, header::DATE];
    if !clocked.iter().any(|name| response.contains_key(name)) {
        let same = |other: HeaderMap| {
            let other = stored(request, &other);
            assert_eq!(other, said, "{:?}", texts(response, CONTROLS[0]));
        };
        same(with(response, CONTROLS[0], |field| {
            vec![field.to_ascii_uppercase()]
        }));
        if !texts(response, CONTROLS[0])
            .iter()
            .any(|field| field.contains('"'))
        {
            let apart = |field: &str| field.split(',').map(|one| format!(" {one}\t")).collect();
            same(with(response, CONTROLS[0], apart));
        }
    }
    let names = response.keys();
    let kept: Vec<_> = names.filter(|name| is_stored(name, response)).collect();
    // A list that is no text lists nothing.
    let lists = response.get_all(header::CONNECTION).iter();
    for list in lists.filter_map(|list| list.to_str().ok()) {
        for name in list.split(',').map(str::trim) {
            let listed = |kept: &&header::HeaderName| kept.as_str().eq_ignore_ascii_case(name);
            assert!(!kept.iter().any(listed), "{name}");
        }
    }
    let keys = surrogate_keys(response);
    assert!(
        keys.iter()
            .all(|key| !key.is_empty() && !key.contains(char::is_whitespace))
    );
    let vary = texts(response, "vary");
    let any = vary
        .iter()
        .any(|field| field.split(',').any(|name| name.trim() == "*"));
    assert!(
        !any || matches!(
            said,
            Err(Refusal::Vary | Refusal::Kind | Refusal::Forbidden)
        )
    );
});
