//! Which other collections a pipeline reaches into, and whether it writes; runs none.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

/// Why a pipeline is not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineError {
    /// Its bytes cannot be read.
    Invalid(String),
    /// It writes, or names another database.
    Denied(String),
}

/// The stages that reach into other collections, and those collections. Stages that write are refused:
/// `aggregate` is a read. The bytes are read as they stand: a decoded document would hold only the last
/// of two fields of one name, and the store may take the first.
pub fn foreign_collections(
    pipeline: &[RawDocumentBuf],
) -> Result<Vec<(String, String)>, PipelineError> {
    let mut found = Vec::new();
    for stage in pipeline {
        collect(stage, 0, &mut found)?;
    }
    Ok(found)
}

fn malformed(error: impl std::fmt::Display) -> PipelineError {
    PipelineError::Invalid(format!("pipeline: {error}"))
}

fn collect(
    document: &RawDocument,
    depth: usize,
    found: &mut Vec<(String, String)>,
) -> Result<(), PipelineError> {
    if depth > 100 {
        return Err(malformed("nested more than 100 deep"));
    }
    for element in document {
        let (key, value) = element.map_err(malformed)?;
        match key.as_str() {
            "$out" | "$merge" => {
                return Err(PipelineError::Denied(format!(
                    "{key} writes; aggregate only reads"
                )));
            }
            "$lookup" | "$graphLookup" | "$unionWith" => named(key.as_str(), value, found)?,
            _ => {}
        }
        match value {
            RawBsonRef::Document(inner) => collect(inner, depth + 1, found)?,
            RawBsonRef::Array(inner) => {
                let inner = RawDocument::from_bytes(inner.as_bytes()).map_err(malformed)?;
                collect(inner, depth + 1, found)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The collections that one stage names, in each way that there is.
fn named(
    stage: &str,
    value: RawBsonRef<'_>,
    found: &mut Vec<(String, String)>,
) -> Result<(), PipelineError> {
    match value {
        RawBsonRef::String(name) => found.push((stage.to_owned(), name.to_owned())),
        RawBsonRef::Document(of) => {
            for element in of {
                let (field, value) = element.map_err(malformed)?;
                if !["from", "coll"].contains(&field.as_str()) {
                    continue;
                }
                let name = value.as_str().ok_or_else(|| {
                    PipelineError::Denied(format!("{stage} names a collection by its name only"))
                })?;
                found.push((stage.to_owned(), name.to_owned()));
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{doc, rawdoc};

    fn names(stage: RawDocumentBuf) -> Vec<String> {
        let found = foreign_collections(&[stage]).unwrap();
        found.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn every_way_to_name_a_collection_is_seen() {
        assert_eq!(names(rawdoc! {"$unionWith": "a"}), ["a"]);
        assert_eq!(names(rawdoc! {"$unionWith": {"coll": "a"}}), ["a"]);
        let inner = rawdoc! {"$lookup": {"from": "a", "pipeline": [{"$lookup": {"from": "b"}}]}};
        assert_eq!(names(inner), ["a", "b"]);
        assert_eq!(
            names(rawdoc! {"$facet": {"x": [{"$graphLookup": {"from": "a"}}]}}),
            ["a"]
        );
    }

    #[test]
    fn a_field_that_is_there_twice_is_seen_twice() {
        let mut twice = RawDocumentBuf::new();
        let of = |name: &str| rawdoc! {"from": name};
        twice.append(bson::cstr!("$lookup"), of("secrets"));
        twice.append(bson::cstr!("$lookup"), of("notes"));
        assert_eq!(names(twice), ["secrets", "notes"]);
    }

    #[test]
    fn another_database_and_writing_are_denied() {
        for stage in [
            doc! {"$lookup": {"from": {"db": "admin", "coll": "system.users"}}},
            doc! {"$out": "a"},
            doc! {"$facet": {"x": [{"$merge": {"into": "a"}}]}},
        ] {
            let stage = RawDocumentBuf::try_from(&stage).unwrap();
            let refused = foreign_collections(std::slice::from_ref(&stage));
            assert!(
                matches!(refused, Err(PipelineError::Denied(_))),
                "{stage:?}"
            );
        }
    }
}
