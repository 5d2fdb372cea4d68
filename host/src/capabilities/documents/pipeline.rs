//! Which other collections a pipeline reaches into, and whether it writes; runs none.

use super::Error;
use bson::{Bson, Document, RawDocumentBuf};

/// The stages that reach into other collections, and those collections. Stages that write are refused:
/// `aggregate` is a read.
pub(super) fn foreign_collections(
    pipeline: &[RawDocumentBuf],
) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    for stage in pipeline {
        let stage: Document = stage
            .try_into()
            .map_err(|error| Error::Invalid(format!("pipeline: {error}")))?;
        collect_foreign(&Bson::Document(stage), 0, &mut found)?;
    }
    Ok(found)
}

fn collect_foreign(
    value: &Bson,
    depth: usize,
    found: &mut Vec<(String, String)>,
) -> Result<(), Error> {
    if depth > 100 {
        return Err(Error::Invalid(
            "pipeline: nested more than 100 deep".to_owned(),
        ));
    }
    match value {
        Bson::Document(document) => {
            for (key, value) in document {
                match key.as_str() {
                    "$out" | "$merge" => {
                        return Err(Error::Denied(format!("{key} writes; aggregate only reads")));
                    }
                    "$lookup" | "$graphLookup" | "$unionWith" => {
                        let named = match value {
                            Bson::String(name) => Some(name.as_str()),
                            Bson::Document(of) => of.get_str("from").or(of.get_str("coll")).ok(),
                            _ => None,
                        };
                        if let Some(name) = named {
                            found.push((key.clone(), name.to_owned()));
                        }
                    }
                    _ => {}
                }
                collect_foreign(value, depth + 1, found)?;
            }
        }
        Bson::Array(values) => {
            for value in values {
                collect_foreign(value, depth + 1, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}
