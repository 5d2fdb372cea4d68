//! Query strings: what is read is written in one order and read again as the same, and every fault is the client's; asks nothing.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use trm_sdk::Query;

const KNOWN: [&str; 5] = ["page", "city", "sort", "é", "a b"];

/// `application/x-www-form-urlencoded`, byte by byte.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let mut ahead = bytes.clone();
        let pair = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        match (byte, pair) {
            (b'+', _) => decoded.push(b' '),
            (b'%', (Some(high), Some(low))) => {
                decoded.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let pairs: Vec<_> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    let query = match Query::parse(text, &KNOWN) {
        Ok(query) => query,
        Err(problem) => {
            assert_eq!(problem.status(), 400);
            let names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
            let well = pairs.iter().enumerate().all(|(at, (name, value))| {
                let known = name.as_deref().is_some_and(|name| KNOWN.contains(&name));
                known && value.is_some() && !names[..at].contains(&name)
            });
            let nul =
                |value: &Option<String>| value.as_ref().is_some_and(|value| value.contains('\0'));
            let nul = pairs.iter().any(|(_, value)| nul(value));
            assert!(!well || nul, "{text} is refused");
            return;
        }
    };
    for (name, value) in &pairs {
        let name = name.as_deref().expect("it was read");
        assert_eq!(query.get(name), value.as_deref(), "{name} of {text}");
    }
    assert_eq!(
        KNOWN
            .iter()
            .filter(|name| query.get(name).is_some())
            .count(),
        pairs.len()
    );
    let written = query.canonical();
    // Names are the author's own; of those here only some may stand in an address as they are.
    if !written.contains(['é', ' ']) {
        let again = Query::parse(&written, &KNOWN).expect("what is written is read");
        assert_eq!((&again, again.canonical()), (&query, written.clone()));
    }
    let mut turned: Vec<&str> = text.split('&').collect();
    turned.reverse();
    let turned = Query::parse(&turned.join("&"), &KNOWN).expect("another order is no fault");
    assert_eq!(turned.canonical(), written);
    assert_eq!(query.with(&KNOWN, Some(("page", "2"))), "page=2");
    let number = query.number("page", 1_u32, 1, 100);
    assert!(number.is_err() || number.is_ok_and(|number| (1..=100).contains(&number)));
    let id = query.id("city").map(|id| id.map(|id| id.to_hex()));
    if let Ok(Some(id)) = id {
        assert!(
            query
                .get("city")
                .is_some_and(|text| text.eq_ignore_ascii_case(&id))
        );
    }
});
