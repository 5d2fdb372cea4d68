//! Any bytes as a stored document that is shown: JSON or a fault, and where they are BSON the JSON of what that says.

#![cfg_attr(not(test), no_main)]

use bson::{Document, RawBsonRef, RawDocument};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::collections::BTreeSet;
use trm_sdk::view;

/// Whether each name stands in it once. Of several the last is shown, while a `Document` keeps the place of the first.
fn has_each_name_once(document: &RawDocument) -> bool {
    let mut names = BTreeSet::new();
    document.iter().flatten().all(|(name, value)| {
        let name = name.as_str();
        names.insert(if name == "_id" { "id" } else { name }) && is_unambiguous(value)
    })
}

fn is_unambiguous(value: RawBsonRef<'_>) -> bool {
    match value {
        RawBsonRef::Document(inside) => has_each_name_once(inside),
        RawBsonRef::Array(inside) => inside.into_iter().flatten().all(is_unambiguous),
        _ => true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(raw) = RawDocument::from_bytes(bytes) else {
        return;
    };
    let shown = view::one(raw).ok();
    let read = |json: &[u8]| -> Value { serde_json::from_slice(json).expect("it is JSON") };
    let read_again = shown.as_deref().map(read);
    let kept = view::revised(raw).ok();
    assert_eq!(kept.is_some(), shown.is_some());
    if let (Some(kept), Some(shown)) = (kept, shown) {
        assert!(kept.starts_with(&shown), "what is kept begins with it");
    }
    let document = Document::try_from(raw).ok();
    if let Some(document) = document.filter(|_| has_each_name_once(raw)) {
        // Through text as well, for a number may be another once it was read.
        let expected = serde_json::to_vec(&view::view(document)).expect("it is written");
        assert_eq!(read_again, Some(read(&expected)));
    }
});
