//! Projections of a document: fields in or fields out; computes none.

use crate::QueryError;
use bson::{Bson, Document};

/// The document with only what the projection keeps, in the document's own order.
pub fn project(document: &Document, projection: &Document) -> Result<Document, QueryError> {
    let mut fields = Vec::new();
    let mut id = None;
    let mut scores = Vec::new();
    for (field, how) in projection {
        if crate::text::is_score(how) {
            // The store has put it into the document; it says nothing about other fields.
            scores.push(field.as_str());
            continue;
        }
        let keep = match how {
            Bson::Int32(number) => *number != 0,
            Bson::Int64(number) => *number != 0,
            Bson::Double(number) => *number != 0.0,
            Bson::Boolean(truth) => *truth,
            _ => {
                return Err(QueryError::unsupported(format!(
                    "the projection of {field} by {how}"
                )));
            }
        };
        if field.starts_with('$') || field.split('.').any(|part| part.is_empty() || part == "$") {
            return Err(QueryError::unsupported(format!(
                "the projection of {field}"
            )));
        }
        match field.as_str() {
            "_id" => id = Some(keep),
            _ => fields.push((field.as_str(), keep)),
        }
    }
    let including = match fields.first() {
        Some((_, keep)) => *keep,
        None => id == Some(true),
    };
    if fields.iter().any(|(_, keep)| *keep != including) {
        return Err(QueryError::invalid(
            "a projection includes or excludes, not both",
        ));
    }
    let mut paths: Vec<&str> = fields.into_iter().map(|(field, _)| field).collect();
    if including == id.unwrap_or(true) && (including || id == Some(false)) {
        paths.push("_id");
    }
    if including {
        paths.extend(scores);
    }
    Ok(keep(document, &paths, including))
}

fn keep(document: &Document, paths: &[&str], including: bool) -> Document {
    let mut kept = Document::new();
    for (name, value) in document {
        if paths.contains(&name.as_str()) {
            if including {
                kept.insert(name, value.clone());
            }
            continue;
        }
        let below: Vec<&str> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(name.as_str())?.strip_prefix('.'))
            .collect();
        if below.is_empty() {
            if !including {
                kept.insert(name, value.clone());
            }
        } else if let Some(value) = keep_below(value, &below, including) {
            kept.insert(name, value);
        }
    }
    kept
}

fn keep_below(value: &Bson, paths: &[&str], including: bool) -> Option<Bson> {
    match value {
        Bson::Document(inner) => Some(Bson::Document(keep(inner, paths, including))),
        Bson::Array(values) => {
            let kept = values
                .iter()
                .filter_map(|value| keep_below(value, paths, including));
            Some(Bson::Array(kept.collect()))
        }
        // A scalar has nothing below it: it is no part of what is included, nor of what is excluded.
        scalar => (!including).then(|| scalar.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn fields_stay_or_go() {
        let document = doc! {"_id": 1, "a": {"b": 2, "c": 3}, "d": [{"b": 4, "c": 5}, 6], "e": 7};
        let check = |projection: Document, expected: Document| {
            assert_eq!(
                project(&document, &projection).unwrap(),
                expected,
                "{projection}"
            );
        };
        check(doc! {"e": 1}, doc! {"_id": 1, "e": 7});
        check(doc! {"e": 1, "_id": 0}, doc! {"e": 7});
        check(doc! {"_id": 1}, doc! {"_id": 1});
        check(doc! {"a.b": 1}, doc! {"_id": 1, "a": {"b": 2}});
        check(doc! {"d.b": 1, "_id": 0}, doc! {"d": [{"b": 4}]});
        check(
            doc! {"a": 0, "d.c": 0},
            doc! {"_id": 1, "d": [{"b": 4}, 6], "e": 7},
        );
        check(doc! {"_id": 0, "a": 0, "d": 0}, doc! {"e": 7});
        check(doc! {}, document.clone());
        assert!(project(&document, &doc! {"a": 1, "e": 0}).is_err());
    }
}
