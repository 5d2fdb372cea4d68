//! Conditional requests, ranges and variants of a stored answer against plain readings of the same headers; serves nothing.

#![cfg_attr(not(test), no_main)]

use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use trm_fuzz::exchange::{Exchange, texts};
use trm_http_cache::range::{Selected, select};
use trm_http_cache::rules::{unmodified, variant, vary};

fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<std::time::SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// A number of any length, and at most what a machine counts.
fn number(digits: &str) -> Option<u128> {
    let plain = !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX).into())
}

/// What one range selects, without a look at conditions: first and last byte, or that it has none.
fn selected(range: &str, length: u128) -> Option<Option<(u128, u128)>> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.matches('-').count() != 1 {
        return None;
    }
    let ends: Vec<&str> = set.split('-').map(str::trim).collect();
    let (first, last) = match ends[..] {
        ["", count] => (
            length.saturating_sub(number(count)?),
            length.saturating_sub(1),
        ),
        [first, ""] => (number(first)?, length.saturating_sub(1)),
        [first, last] => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.min(length.saturating_sub(1)))
        }
        _ => return None,
    };
    Some((first < length && length > 0).then_some((first, last)))
}

fn ranges(exchange: &Exchange<'_>, length: usize) {
    let (request, response) = (&exchange.request, &exchange.response);
    let range = request
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let expected = range.and_then(|range| selected(range, length as u128));
    let condition = request.get(header::IF_RANGE);
    let same = condition.is_none_or(|condition| {
        let dated = date(request, header::IF_RANGE);
        (condition.as_bytes().starts_with(b"\"") && response.get(header::ETAG) == Some(condition))
            || (dated.is_some() && dated == date(response, header::LAST_MODIFIED))
    });
    match (select(request, response, length), expected) {
        (Selected::Whole, None) => {}
        (Selected::Whole, Some(_)) => assert!(!same),
        (Selected::Part(part), Some(Some((first, last)))) => {
            assert!(same && part.end <= length && !part.is_empty());
            assert_eq!((part.start as u128, part.end as u128 - 1), (first, last));
        }
        (Selected::Unsatisfiable, Some(None)) => assert!(same),
        (said, expected) => panic!("{said:?}, not {expected:?}, of {range:?}"),
    }
}

fn validators(exchange: &Exchange<'_>) {
    let (request, response) = (&exchange.request, &exchange.response);
    let said = unmodified(request, response);
    let tag = response.get(header::ETAG);
    let given = texts(request, "if-none-match");
    if given.is_empty() {
        let since = date(request, header::IF_MODIFIED_SINCE);
        let modified = date(response, header::LAST_MODIFIED);
        let held = since
            .zip(modified)
            .is_some_and(|(since, modified)| modified <= since);
        assert_eq!(said, held);
        return;
    }
    let Some(tag) = tag.and_then(|tag| tag.to_str().ok()) else {
        assert!(!said);
        return;
    };
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let named = given
        .iter()
        .any(|field| field.contains(opaque) || field.contains('*'));
    assert!(!said || named, "{given:?} is not {tag}");
    // One more field that names it, by whichever strength, is enough.
    let well_formed = opaque.len() > 1
        && opaque.starts_with('"')
        && opaque.ends_with('"')
        && opaque.matches('"').count() == 2;
    for named in [opaque.to_owned(), format!("\"x\", W/{opaque}")] {
        let mut more = request.clone();
        more.append(header::IF_NONE_MATCH, named.parse().expect("it was one"));
        assert!(!well_formed || unmodified(&more, response));
    }
}

fn variants(exchange: &Exchange<'_>) {
    let (request, response) = (&exchange.request, &exchange.response);
    let Some(names) = vary(response) else {
        return;
    };
    assert!(names.len() <= 8 && names.is_sorted_by(|one, next| one.as_str() < next.as_str()));
    let own = variant(&names, request);
    let mut other = request.clone();
    other.append("x-of-no-list", HeaderValue::from_static("1"));
    assert!(names.iter().any(|name| name == "x-of-no-list") || variant(&names, &other) == own);
    for name in &names {
        let mut other = request.clone();
        other.append(name, HeaderValue::from_static("more"));
        assert_ne!(variant(&names, &other), own);
        // Another last byte is another value.
        let Some(value) = request.get(name) else {
            continue;
        };
        let mut bytes = value.as_bytes().to_vec();
        let Some(last) = bytes
            .last_mut()
            .filter(|last| **last > b' ' && **last != b',')
        else {
            continue;
        };
        *last = if *last == 0xff { 0xfe } else { 0xff };
        let mut other = request.clone();
        let fields: Vec<_> = request.get_all(name).iter().skip(1).cloned().collect();
        other.insert(name, HeaderValue::from_bytes(&bytes).expect("it was one"));
        for field in fields {
            other.append(name, field);
        }
        assert_ne!(variant(&names, &other), own, "{name}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let exchange = Exchange::read(bytes);
    let length = exchange.first.first().and_then(|word| word.parse().ok());
    ranges(&exchange, length.unwrap_or(10));
    validators(&exchange);
    variants(&exchange);
});
