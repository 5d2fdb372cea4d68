//! What takes a request's time beside its calls, and all of it as a `Server-Timing` header; measures nothing.

use super::Seen;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;
use std::time::Instant;

/// Calls that the header tells of; one that is longer is no header for a browser.
const MAX_TOLD: usize = 50;
/// Characters of a call's first argument.
const MAX_WHAT: usize = 80;

/// One part of a request: waiting for an instance, the guest's work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// `queue`, `guest`.
    pub name: Cow<'static, str>,
    /// Microseconds from the begin of the request to the part's.
    pub at_us: u64,
    /// Microseconds.
    pub took_us: u64,
}

impl Part {
    /// A part that began then and ends now, of a request that began at `request`.
    pub(super) fn ended(name: &'static str, request: Instant, began: Instant) -> Self {
        Self {
            name: name.into(),
            at_us: began.saturating_duration_since(request).as_micros() as u64,
            took_us: began.elapsed().as_micros() as u64,
        }
    }
}

impl Seen {
    /// The value of `Server-Timing` (W3C Server Timing): `dur` and, our own, `at`, both in milliseconds.
    pub fn server_timing(&self) -> String {
        let mut header = String::new();
        let mut add = |name: &str, what: &str, at: u64, took: Option<u64>| {
            let separator = if header.is_empty() { "" } else { ", " };
            let (at, took) = (at as f64 / 1e3, took.map(|took| took as f64 / 1e3));
            let took = took.map_or_else(String::new, |took| format!(";dur={took:.3}"));
            let what = match what {
                "" => String::new(),
                what => format!(";desc=\"{what}\""),
            };
            // Writing to a text does not fail.
            _ = write!(header, "{separator}{name}{took};at={at:.3}{what}");
        };
        for part in &self.parts {
            add(&part.name, "", part.at_us, Some(part.took_us));
        }
        for told in self.calls.iter().take(MAX_TOLD) {
            let what = told.arguments.first().and_then(Value::as_str);
            add(
                &told.call,
                &quoted(what.unwrap_or_default()),
                told.at_us,
                told.took_us,
            );
        }
        let more = self.calls.len().saturating_sub(MAX_TOLD) + self.left_out;
        if more > 0 {
            add("more", &format!("{more} calls"), 0, None);
        }
        header
    }
}

/// What a quoted string of a header may hold without escapes.
fn quoted(text: &str) -> String {
    let plain = |character: char| match character {
        ' '..='~' if !matches!(character, '"' | '\\') => character,
        _ => '?',
    };
    text.chars().take(MAX_WHAT).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Told;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_header_tells_parts_and_calls_in_milliseconds() {
        let told = |took_us| Told {
            call: "cache.get".to_owned(),
            arguments: vec![json!("jobs:\"1\"\n")],
            answer: None,
            at_us: 1_500,
            took_us,
        };
        let mut seen = Seen {
            calls: vec![told(Some(20)), told(None)],
            parts: vec![Part {
                name: "queue".into(),
                at_us: 0,
                took_us: 250,
            }],
            ..Seen::default()
        };
        assert_eq!(
            seen.server_timing(),
            "queue;dur=0.250;at=0.000, cache.get;dur=0.020;at=1.500;desc=\"jobs:?1??\", cache.get;at=1.500;desc=\"jobs:?1??\""
        );
        seen.calls = vec![told(None); 60];
        assert!(
            seen.server_timing()
                .ends_with("more;at=0.000;desc=\"10 calls\"")
        );
    }
}
