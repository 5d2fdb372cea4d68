//! A guest's BSON at the boundary: what is taken decodes, is not nested deeper than 100, and is taken again when it is encoded
//! anew; and no pipeline reaches a collection that was not named before it ran.

#![cfg_attr(not(test), no_main)]

use bson::{Bson, Document, RawDocumentBuf, doc};
use libfuzzer_sys::fuzz_target;
use trm_document_stores::pipeline::{PipelineError, foreign_collections};
use trm_documents::form;
use trm_fuzz::choices::Choices;
use trm_query::aggregate::{Source, run, split};
use trm_query::{QueryError, matches};

fn depth(value: &Bson) -> usize {
    let inner: Vec<&Bson> = match value {
        Bson::Document(document) => document.values().collect(),
        Bson::Array(values) => values.iter().collect(),
        Bson::JavaScriptCodeWithScope(code) => code.scope.values().collect(),
        _ => return 0,
    };
    1 + inner.into_iter().map(depth).max().unwrap_or(0)
}

fn forms(bytes: &[u8]) {
    let taken = form::document("it", bytes.to_vec());
    let raw = RawDocumentBuf::from_bytes(bytes.to_vec());
    let decoded = raw.and_then(|raw| Document::try_from(&raw));
    match (taken, decoded) {
        (Ok(raw), Ok(document)) => {
            assert_eq!(raw.as_bytes(), bytes);
            assert!(depth(&Bson::Document(document.clone())) <= 100);
            let again = document.to_vec().expect("what was decoded is encoded");
            assert!(form::document("it", again).is_ok());
        }
        // What is only found while it is decoded is refused there.
        (Ok(_), Err(_)) | (Err(_), Err(_)) => {}
        // A level takes eight bytes; of a name that is there twice only the last is decoded.
        (Err(refused), Ok(_)) => {
            assert!(
                bytes.len() > 800 && refused.to_string().contains("deep"),
                "{refused}"
            );
        }
    }
}

/// A store that keeps which collections it was asked for.
struct Asked {
    held: Document,
    names: Vec<String>,
}

impl Source for Asked {
    type Error = QueryError;

    fn find(&mut self, of: &str, filter: &Document) -> Result<Vec<Document>, QueryError> {
        self.names.push(of.to_owned());
        Ok(match matches::matches(&self.held, filter)? {
            true => vec![self.held.clone()],
            false => Vec::new(),
        })
    }
}

fn stage(choices: &mut Choices<'_>, depth: u8) -> Document {
    let name = *choices.one(&["mine", "other", "third"]);
    let field = *choices.one(&["a", "b", "c.d"]);
    match choices.below(10) {
        0 => doc! {"$lookup": {"from": name, "localField": field, "foreignField": "a", "as": "j"}},
        1 => doc! {"$graphLookup": {
            "from": name, "startWith": format!("${field}"), "connectFromField": "b", "connectToField": "a", "as": "j",
            "restrictSearchWithMatch": choices.filter(2),
        }},
        2 if depth < 2 => {
            let inner: Vec<_> = (0..choices.below(3))
                .map(|_| stage(choices, depth + 1))
                .collect();
            doc! {"$facet": {field: inner}}
        }
        3 => doc! {"$unionWith": name},
        4 => doc! {"$out": name},
        5 => doc! {"$merge": {"into": name}},
        6 => doc! {"$match": choices.filter(1)},
        7 => doc! {"$addFields": {field: {"$literal": {"$lookup": {"from": name}}}}},
        8 => doc! {"$lookup": {"from": {"db": "admin", "coll": name}}},
        _ => choices.document(),
    }
}

fn pipelines(pipeline: &[Document]) {
    let raw: Result<Vec<_>, _> = pipeline.iter().map(RawDocumentBuf::try_from).collect();
    let Ok(raw) = raw else { return };
    let writes = ["$out", "$merge"];
    let writing = pipeline
        .iter()
        .any(|stage| writes.iter().any(|name| stage.contains_key(name)));
    let named: Vec<_> = match foreign_collections(&raw) {
        Ok(named) => named.into_iter().map(|(_, name)| name).collect(),
        Err(PipelineError::Denied(_) | PipelineError::Invalid(_)) => return,
    };
    assert!(!writing, "{pipeline:?} writes");
    let held = doc! {"_id": 1, "a": [1, "x"], "b": 1, "c": {"d": 2.5}};
    let mut asked = Asked {
        held: held.clone(),
        names: Vec::new(),
    };
    if let Ok((_, stages)) = split(pipeline) {
        // It may be refused on its way; what was asked before that counts.
        drop(run(vec![held], stages, &mut asked));
    }
    for name in &asked.names {
        assert!(
            named.contains(name),
            "{pipeline:?} reaches {name}, not only {named:?}"
        );
    }
}

fuzz_target!(|bytes: &[u8]| {
    forms(bytes);
    let raw = RawDocumentBuf::from_bytes(bytes.to_vec());
    if let Ok(given) = raw.and_then(|raw| Document::try_from(&raw)) {
        let stages = given.values().filter_map(Bson::as_document);
        pipelines(&stages.cloned().collect::<Vec<_>>());
    }
    let mut choices = Choices(bytes);
    let count = choices.below(4);
    pipelines(
        &(0..count)
            .map(|_| stage(&mut choices, 0))
            .collect::<Vec<_>>(),
    );
});
