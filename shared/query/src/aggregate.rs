//! The stages of a pipeline after its first $match, over decoded documents; asks its source for other collections.

mod expression;
mod group;
mod join;

use crate::QueryError;
use crate::key;
use crate::matches::matches;
use crate::project::project;
use bson::{Bson, Document, doc};
use expression::{at, evaluate, put};

/// The leading $match, which the store answers, and the stages after it.
pub fn split(pipeline: &[Document]) -> Result<(Document, &[Document]), QueryError> {
    match pipeline.split_first() {
        Some((first, rest)) if first.contains_key("$match") => match first.get_document("$match") {
            Ok(filter) if first.len() == 1 => Ok((filter.clone(), rest)),
            _ => Err(QueryError::invalid(
                "$match needs a filter, alone in its stage",
            )),
        },
        _ => Ok((Document::new(), pipeline)),
    }
}

/// The most documents that a stage may make.
const MAX_MADE: usize = 100_000;

/// Where a stage finds the documents of another collection.
pub trait Source {
    /// Why it cannot.
    type Error: From<QueryError>;

    /// Every match of a filter, within a bound of the source's own.
    fn find(&mut self, of: &str, filter: &Document) -> Result<Vec<Document>, Self::Error>;
}

/// Runs the stages, one after the other.
pub fn run<S: Source>(
    documents: Vec<Document>,
    stages: &[Document],
    source: &mut S,
) -> Result<Vec<Document>, S::Error> {
    let mut documents = documents;
    for stage in stages {
        let mut parts = stage.iter();
        let (Some((name, operand)), None) = (parts.next(), parts.next()) else {
            return Err(QueryError::invalid("a stage has one operator").into());
        };
        documents = match (name.as_str(), operand) {
            ("$lookup", Bson::Document(join)) => join::lookup(documents, join, source)?,
            ("$graphLookup", Bson::Document(join)) => join::graph(documents, join, source)?,
            ("$facet", Bson::Document(facets)) => facet(&documents, facets, source)?,
            _ => step(documents, name, operand)?,
        };
        if documents.len() > MAX_MADE {
            let fault = format!("{name} makes more than {MAX_MADE} documents");
            return Err(QueryError::invalid(fault).into());
        }
    }
    Ok(documents)
}

/// Several pipelines over the same documents, each as a list in the one result.
fn facet<S: Source>(
    documents: &[Document],
    facets: &Document,
    source: &mut S,
) -> Result<Vec<Document>, S::Error> {
    let mut result = Document::new();
    for (name, stages) in facets {
        let stages = stages.as_array().map(|stages| {
            let stages = stages.iter().map(|stage| stage.as_document().cloned());
            stages.collect::<Option<Vec<_>>>()
        });
        let Some(Some(stages)) = stages else {
            return Err(QueryError::invalid(format!("$facet: {name} needs a pipeline")).into());
        };
        if stages.iter().any(|stage| stage.contains_key("$facet")) {
            return Err(QueryError::invalid("$facet in a $facet").into());
        }
        let made = run(documents.to_vec(), &stages, source)?;
        let made = made.into_iter().map(Bson::Document).collect();
        result.insert(name, Bson::Array(made));
    }
    Ok(vec![result])
}

fn step(
    mut documents: Vec<Document>,
    name: &str,
    operand: &Bson,
) -> Result<Vec<Document>, QueryError> {
    match (name, operand) {
        ("$sort", Bson::Document(sort)) => {
            let mut keyed = documents
                .into_iter()
                .map(|document| Ok((sort_keys(&document, sort)?, document)))
                .collect::<Result<Vec<_>, QueryError>>()?;
            keyed.sort_by(|(one, _), (other, _)| compare(one, other, sort));
            Ok(keyed.into_iter().map(|(_, document)| document).collect())
        }
        ("$limit" | "$skip", number) => {
            let count = match number {
                Bson::Int32(count) => i64::from(*count),
                Bson::Int64(count) => *count,
                _ => -1,
            };
            if count < 0 || (name == "$limit" && count == 0) {
                return Err(QueryError::invalid(format!(
                    "{name} needs a positive whole number"
                )));
            }
            let count = count as usize;
            if name == "$limit" {
                documents.truncate(count);
            } else {
                documents.drain(..count.min(documents.len()));
            }
            Ok(documents)
        }
        ("$count", Bson::String(field)) if documents.is_empty() => {
            // MongoDB answers with no document at all, not with a count of 0.
            check_name(field).map(|()| Vec::new())
        }
        ("$count", Bson::String(field)) => {
            check_name(field)?;
            Ok(vec![doc! {field: documents.len() as i32}])
        }
        ("$project", Bson::Document(projection)) => documents
            .iter()
            .map(|document| shaped(document, projection))
            .collect(),
        ("$addFields" | "$set", Bson::Document(fields)) => {
            for document in &mut documents {
                let before = document.clone();
                for (field, how) in fields {
                    if let Some(value) = evaluate(how, &before)? {
                        put(document, field, value)?;
                    }
                }
            }
            Ok(documents)
        }
        ("$match", Bson::Document(filter)) => {
            let mut kept = Vec::new();
            for document in documents {
                if matches(&document, filter)? {
                    kept.push(document);
                }
            }
            Ok(kept)
        }
        ("$unwind", how) => unwind(documents, how),
        ("$group", Bson::Document(group)) => group::group(&documents, group),
        (
            "$sort" | "$count" | "$project" | "$group" | "$match" | "$lookup" | "$graphLookup"
            | "$facet",
            _,
        ) => Err(QueryError::invalid(format!(
            "{name}: {operand} is not what it takes"
        ))),
        _ => Err(QueryError::unsupported(format!("the stage {name} here"))),
    }
}

fn check_name(field: &str) -> Result<(), QueryError> {
    if field.is_empty() || field.starts_with('$') || field.contains('.') {
        return Err(QueryError::invalid(format!(
            "\"{field}\" is not a field's name"
        )));
    }
    Ok(())
}

type Keys = Vec<Option<String>>;

fn sort_keys(document: &Document, sort: &Document) -> Result<Keys, QueryError> {
    sort.keys()
        .map(|field| key::scalar(at(document, field).unwrap_or(&Bson::Null)))
        .collect()
}

fn compare(one: &Keys, other: &Keys, sort: &Document) -> std::cmp::Ordering {
    for ((one, other), way) in one.iter().zip(other).zip(sort.values()) {
        let order = one.cmp(other);
        if order.is_ne() {
            let down = match way {
                Bson::Double(way) => *way < 0.0,
                way => matches!(way, Bson::Int32(-1) | Bson::Int64(-1)),
            };
            return if down { order.reverse() } else { order };
        }
    }
    std::cmp::Ordering::Equal
}

/// A projection whose fields may also be computed: `{"name": "$a.b"}`.
fn shaped(document: &Document, projection: &Document) -> Result<Document, QueryError> {
    let computed = |how: &Bson| match how {
        Bson::String(path) => path.starts_with('$'),
        Bson::Document(_) => true,
        _ => false,
    };
    let mut plain = Document::new();
    for (field, how) in projection {
        if !computed(how) {
            plain.insert(field, how.clone());
        }
    }
    let only_computed = plain.keys().all(|field| field == "_id");
    let mut shown = if only_computed && plain.len() < projection.len() {
        // Nothing of the document but what is computed, and the _id where it is not left out.
        project(document, &doc! {"_id": 1})?
    } else {
        project(document, &plain)?
    };
    let without_id = plain
        .get("_id")
        .is_some_and(|how| matches!(how, Bson::Int32(0) | Bson::Int64(0) | Bson::Boolean(false)));
    if without_id {
        shown.remove("_id");
    }
    for (field, how) in projection.iter().filter(|(_, how)| computed(how)) {
        if let Some(value) = evaluate(how, document)? {
            put(&mut shown, field, value)?;
        }
    }
    Ok(shown)
}

/// One document for each element of a list; others once, or not at all where there is no value.
fn unwind(documents: Vec<Document>, how: &Bson) -> Result<Vec<Document>, QueryError> {
    let (path, preserve) = match how {
        Bson::String(path) => (path.as_str(), false),
        Bson::Document(how) => {
            let known = |name: &String| name == "path" || name == "preserveNullAndEmptyArrays";
            if let Some(other) = how.keys().find(|name| !known(name)) {
                return Err(QueryError::unsupported(format!("$unwind with {other}")));
            }
            let preserve = how.get_bool("preserveNullAndEmptyArrays").unwrap_or(false);
            (how.get_str("path").unwrap_or_default(), preserve)
        }
        _ => ("", false),
    };
    let Some(path) = path.strip_prefix('$').filter(|path| !path.is_empty()) else {
        return Err(QueryError::invalid(
            "$unwind needs a path that begins with $",
        ));
    };
    let mut made = Vec::new();
    for mut document in documents {
        match at(&document, path).cloned() {
            Some(Bson::Array(values)) if values.is_empty() => {
                if preserve {
                    expression::remove(&mut document, path);
                    made.push(document);
                }
            }
            Some(Bson::Array(values)) => {
                for value in values {
                    let mut one = document.clone();
                    put(&mut one, path, value)?;
                    made.push(one);
                }
            }
            None | Some(Bson::Null) if !preserve => {}
            _ => made.push(document),
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other collection.
    struct Alone;

    impl Source for Alone {
        type Error = QueryError;

        fn find(&mut self, of: &str, _: &Document) -> Result<Vec<Document>, QueryError> {
            Err(QueryError::invalid(of))
        }
    }

    fn run(documents: Vec<Document>, stages: &[Document]) -> Result<Vec<Document>, QueryError> {
        super::run(documents, stages, &mut Alone)
    }

    #[test]
    fn the_documents_leaderboard() {
        let referrals = vec![
            doc! {"by": 1, "n": 2},
            doc! {"by": 2, "n": 3},
            doc! {"by": 1, "n": 4},
            doc! {"n": 1},
        ];
        let stages = [
            doc! {"$group": {"_id": "$by", "count": {"$sum": 1}, "total": {"$sum": "$n"}, "mean": {"$avg": "$n"}}},
            doc! {"$sort": {"count": -1, "_id": 1}},
            doc! {"$limit": 2},
        ];
        let expected = vec![
            doc! {"_id": 1, "count": 2, "total": 6, "mean": 3.0},
            doc! {"_id": Bson::Null, "count": 1, "total": 1, "mean": 1.0},
        ];
        assert_eq!(run(referrals, &stages).unwrap(), expected);
    }

    #[test]
    fn stages_that_are_not_here_are_named() {
        let fault = run(vec![], &[doc! {"$bucket": {}}]).unwrap_err();
        assert!(fault.to_string().contains("$bucket"), "{fault}");
        assert!(matches!(
            run(vec![], &[doc! {"$limit": 0}]),
            Err(QueryError::Invalid(_))
        ));
    }
}
