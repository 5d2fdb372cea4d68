//! Byte ranges of a stored answer: RFC 9110 section 14. Serves one range; where several are asked, the whole.

use super::rules::date;
use http::{HeaderMap, header};
use std::ops::Range;

/// What of a body is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it.
    Whole,
    /// A part.
    Part(Range<usize>),
    /// Nothing that it has.
    Unsatisfiable,
}

/// What a request asks of a body with this length.
pub fn select(request: &HeaderMap, response: &HeaderMap, length: usize) -> Selected {
    let Some(range) = request.get(header::RANGE) else {
        return Selected::Whole;
    };
    let range = range.to_str().ok().and_then(|range| {
        let (unit, set) = range.split_once('=')?;
        unit.trim().eq_ignore_ascii_case("bytes").then_some(set)
    });
    match range.and_then(|set| read(set.trim(), length)) {
        Some(_) if !is_same(request, response) => Selected::Whole,
        Some(selected) => selected,
        None => Selected::Whole,
    }
}

/// `first-last`, `first-` or `-count`; none where it is not one range.
fn read(set: &str, length: usize) -> Option<Selected> {
    let (first, last) = set.split_once('-')?;
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds lie behind every end.
        true => Some(text.parse().unwrap_or(usize::MAX)),
        false => None,
    };
    let part = match (first.trim(), last.trim()) {
        ("", "") => return None,
        ("", count) => length.saturating_sub(number(count)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last): (usize, usize) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    Some(match part.is_empty() {
        true => Selected::Unsatisfiable,
        false => Selected::Part(part),
    })
}

/// Whether `If-Range`, where it is said, names what is stored; a weak tag never does.
fn is_same(request: &HeaderMap, response: &HeaderMap) -> bool {
    let Some(said) = request.get(header::IF_RANGE) else {
        return true;
    };
    match said.as_bytes() {
        [b'"', ..] => response.get(header::ETAG) == Some(said),
        [b'W', b'/', ..] => false,
        _ => {
            let said = date(request, header::IF_RANGE);
            said.is_some() && said == date(response, header::LAST_MODIFIED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Selected {
        let mut request = HeaderMap::new();
        request.insert(header::RANGE, range.parse().unwrap());
        select(&request, &HeaderMap::new(), 10)
    }

    #[test]
    fn one_range_is_served_and_several_are_the_whole() {
        assert_eq!(of("bytes=0-1"), Selected::Part(0..2));
        assert_eq!(of("Bytes = 3-"), Selected::Part(3..10));
        assert_eq!(of("bytes=-4"), Selected::Part(6..10));
        assert_eq!(of("bytes=-40"), Selected::Part(0..10));
        assert_eq!(of("bytes=8-99999999999999999999999"), Selected::Part(8..10));
        assert_eq!(of("bytes=2-2"), Selected::Part(2..3));
        assert_eq!(of("bytes=9-9"), Selected::Part(9..10));
        for whole in [
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=5-2",
            "bytes=-",
            "bytes=a-b",
            "bytes",
        ] {
            assert_eq!(of(whole), Selected::Whole, "{whole}");
        }
        for beyond in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(of(beyond), Selected::Unsatisfiable, "{beyond}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        let mut response = HeaderMap::new();
        response.insert(header::ETAG, "\"a\"".parse().unwrap());
        let date = "Tue, 24 Nov 2026 12:00:00 GMT";
        response.insert(header::LAST_MODIFIED, date.parse().unwrap());
        let mut request = HeaderMap::new();
        request.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        let mut with = |version: &str| {
            request.insert(header::IF_RANGE, version.parse().unwrap());
            select(&request, &response, 10)
        };
        assert_eq!(with("\"a\""), Selected::Part(0..2));
        assert_eq!(with(date), Selected::Part(0..2));
        for other in ["\"b\"", "W/\"a\"", "Tue, 24 Nov 2026 12:00:01 GMT", "x"] {
            assert_eq!(with(other), Selected::Whole, "{other}");
        }
        // What has no version is no version that is named.
        for named in ["\"a\"", "W/\"a\"", date, "x"] {
            request.insert(header::IF_RANGE, named.parse().unwrap());
            assert_eq!(
                select(&request, &HeaderMap::new(), 10),
                Selected::Whole,
                "{named}"
            );
        }
    }
}
