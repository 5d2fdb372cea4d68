//! Any text as a manifest: functions without a fault or faults with their lines, the same beside a comment, and no grant that
//! does not stand in the text; opens no component.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::path::Path;
use trm_policy::grants::Access;
use trm_policy::manifest::{Fault, Function, read};

/// Where strings are not written by escapes and lines end in one way, each stands in the text as it is.
fn stands(text: &str, word: &str) -> bool {
    text.contains(['\\', '\r']) || text.contains(word)
}

fn check(text: &str, function: &Function) {
    assert!(stands(text, &function.name));
    assert!(function.routes.iter().all(|route| stands(text, route)));
    let limits = function.limits;
    assert!((1..=600_000).contains(&limits.timeout.as_millis()));
    assert!((1..=4_096).contains(&limits.memory_mb) && (1..=4_096).contains(&limits.concurrency));
    assert!(limits.max_body <= 1 << 30);
    let schedule = function.schedule.map_or(1, |every| every.as_secs());
    assert!((1..=86_400).contains(&schedule));
    let grants = &function.grants;
    assert!(stands(text, "metrics") || !grants.metrics());
    for host in grants.outbound() {
        assert!(stands(text, host));
    }
    assert!(!grants.cache("trm:kv:x") && !grants.documents("trm_kv_x", Access::Read));
    for (granted, word) in [
        (grants.any_cache(), "cache"),
        (grants.any_counter(), "counters"),
        (grants.any_documents(), "documents"),
        (grants.any_key_value(), "key_value_stores"),
    ] {
        assert!(!granted || stands(text, word), "{word}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (functions, faults) = read(text, Path::new("/app"));
    let lines = text.matches('\n').count() + 1;
    for fault in &faults {
        assert!(
            (1..=lines).contains(&fault.line) && !fault.text.is_empty(),
            "{fault:?}"
        );
    }
    let names: BTreeSet<_> = functions.iter().map(|function| &function.name).collect();
    assert_eq!(names.len(), functions.len());
    for function in &functions {
        check(text, function);
    }
    // A mark of the order of bytes is one at the beginning alone.
    if text.starts_with('\u{feff}') {
        return;
    }
    let (same, moved) = read(&format!("# a comment\n{text}"), Path::new("/app"));
    assert_eq!(same, functions);
    let texts = |faults: &[Fault]| {
        let mut texts: Vec<_> = faults.iter().map(|fault| fault.text.clone()).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!(texts(&moved), texts(&faults));
    let lines = |faults: &[Fault]| faults.iter().map(|fault| fault.line).sum::<usize>();
    // Each moves by the comment's line, save one that has no place and stands in the first.
    let further = lines(&moved) - lines(&faults);
    assert!(further <= faults.len(), "{faults:?}, {moved:?}");
});
