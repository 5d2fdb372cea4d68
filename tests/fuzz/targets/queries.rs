//! Any BSON as a filter, a sort, an update, a projection, a stage: refused or done, never a panic; compares nothing.

#![cfg_attr(not(test), no_main)]

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use libfuzzer_sys::fuzz_target;
use trm_query::aggregate::{Source, run, split};
use trm_query::path::Shape;
use trm_query::{QueryError, filter, key, matches, project, update};

/// A store that holds one document, whatever is asked.
struct One(Document);

impl Source for One {
    type Error = QueryError;

    fn find(&mut self, _: &str, filter: &Document) -> Result<Vec<Document>, QueryError> {
        Ok(match matches::matches(&self.0, filter)? {
            true => vec![self.0.clone()],
            false => Vec::new(),
        })
    }
}

fuzz_target!(|bytes: &[u8]| {
    let raw = RawDocumentBuf::from_bytes(bytes.to_vec());
    let Ok(given) = raw.and_then(|raw| Document::try_from(&raw)) else {
        return;
    };
    let held = doc! {"_id": 1, "a": [1, {"b": "x"}], "c": {"d": 2.5}, "e": "text"};
    let mut shape = Shape::default();
    // Each may refuse it; what it answers is for the tests of stores.
    drop(key::document(&given, &mut shape));
    drop(filter::condition(&given, &shape));
    drop(filter::order(&given, &shape));
    drop(matches::matches(&held, &given));
    drop(project::project(&held, &given));
    if update::check(&given).is_ok() {
        drop(update::apply(
            &mut held.clone(),
            &given,
            false,
            DateTime::MIN,
        ));
        drop(update::apply(
            &mut Document::new(),
            &given,
            true,
            DateTime::MAX,
        ));
    }
    let stages: Vec<_> = given
        .values()
        .filter_map(Bson::as_document)
        .cloned()
        .collect();
    if let Ok((first, stages)) = split(&stages) {
        drop(matches::matches(&held, &first));
        drop(run(
            vec![held.clone(), held.clone()],
            stages,
            &mut One(held),
        ));
    }
});
