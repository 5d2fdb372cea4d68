//! The stages of a pipeline after its first $match, over decoded documents; reads no store.

use crate::QueryError;
use crate::key;
use crate::project::project;
use crate::update::add;
use bson::{Bson, Document, doc};
use std::collections::BTreeMap;

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

/// Runs the stages, one after the other.
pub fn run(documents: Vec<Document>, stages: &[Document]) -> Result<Vec<Document>, QueryError> {
    stages.iter().try_fold(documents, |documents, stage| {
        let mut parts = stage.iter();
        match (parts.next(), parts.next()) {
            (Some((name, operand)), None) => step(documents, name, operand),
            _ => Err(QueryError::invalid("a stage has one operator")),
        }
    })
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
            .map(|document| project(document, projection))
            .collect(),
        ("$group", Bson::Document(group)) => self::group(&documents, group),
        ("$sort" | "$count" | "$project" | "$group", _) => Err(QueryError::invalid(format!(
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
            return if matches!(way, Bson::Int32(-1) | Bson::Int64(-1)) {
                order.reverse()
            } else {
                order
            };
        }
    }
    std::cmp::Ordering::Equal
}

fn group(documents: &[Document], group: &Document) -> Result<Vec<Document>, QueryError> {
    let Some(by) = group.get("_id") else {
        return Err(QueryError::invalid("$group needs an _id"));
    };
    let mut groups: BTreeMap<Vec<u8>, (Bson, Vec<&Document>)> = BTreeMap::new();
    for document in documents {
        let value = evaluate(by, document)?.unwrap_or(Bson::Null);
        // Equal numbers of different types are one group, so scalars are told apart by their key.
        let identity = match key::scalar(&value) {
            Ok(key) => key.unwrap_or_default().into_bytes(),
            Err(_) => doc! {"_": value.clone()}
                .to_vec()
                .map_err(|error| QueryError::invalid(error.to_string()))?,
        };
        groups
            .entry(identity)
            .or_insert_with(|| (value, Vec::new()))
            .1
            .push(document);
    }
    groups
        .into_values()
        .map(|(id, members)| {
            let mut result = doc! {"_id": id};
            for (field, how) in group.iter().filter(|(field, _)| *field != "_id") {
                let how = how
                    .as_document()
                    .filter(|how| how.len() == 1)
                    .and_then(|how| how.iter().next())
                    .ok_or_else(|| QueryError::invalid(format!("{field} needs an accumulator")))?;
                result.insert(field, accumulate(how.0, how.1, &members)?);
            }
            Ok(result)
        })
        .collect()
}

fn accumulate(how: &str, of: &Bson, members: &[&Document]) -> Result<Bson, QueryError> {
    let mut values = Vec::new();
    for member in members {
        values.push(evaluate(of, member)?);
    }
    let numbers = || {
        values
            .iter()
            .flatten()
            .filter(|value| matches!(value, Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_)))
    };
    match how {
        "$sum" => numbers().try_fold(Bson::Int32(0), |sum, value| add(&sum, value)),
        "$avg" => {
            let count = numbers().count();
            let sum = numbers().try_fold(Bson::Double(0.0), |sum, value| add(&sum, value))?;
            Ok(match sum.as_f64() {
                Some(sum) if count > 0 => Bson::Double(sum / count as f64),
                _ => Bson::Null,
            })
        }
        "$min" | "$max" => {
            let mut best: Option<(String, &Bson)> = None;
            for value in values.iter().flatten() {
                let Some(key) = key::scalar(value)? else {
                    continue;
                };
                let better = best.as_ref().is_none_or(|(kept, _)| match how {
                    "$min" => key < *kept,
                    _ => key > *kept,
                });
                if better {
                    best = Some((key, value));
                }
            }
            Ok(best.map_or(Bson::Null, |(_, value)| value.clone()))
        }
        "$first" => Ok(values.first().cloned().flatten().unwrap_or(Bson::Null)),
        "$last" => Ok(values.last().cloned().flatten().unwrap_or(Bson::Null)),
        "$push" => Ok(Bson::Array(values.into_iter().flatten().collect())),
        "$count" => Ok(Bson::Int32(members.len() as i32)),
        other => Err(QueryError::unsupported(format!("the accumulator {other}"))),
    }
}

/// A constant, a path (`$a.b`), or a document of these.
fn evaluate(expression: &Bson, document: &Document) -> Result<Option<Bson>, QueryError> {
    match expression {
        Bson::String(path) => match path.strip_prefix('$') {
            Some(path) if path.starts_with('$') => {
                Err(QueryError::unsupported(format!("the variable ${path}")))
            }
            Some(path) => Ok(at(document, path).cloned()),
            None => Ok(Some(expression.clone())),
        },
        Bson::Document(parts) => {
            let mut value = Document::new();
            for (name, part) in parts {
                if name.starts_with('$') {
                    return Err(QueryError::unsupported(format!("the expression {name}")));
                }
                if let Some(part) = evaluate(part, document)? {
                    value.insert(name, part);
                }
            }
            Ok(Some(Bson::Document(value)))
        }
        Bson::Array(_) => Err(QueryError::unsupported("a list as an expression")),
        constant => Ok(Some(constant.clone())),
    }
}

fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    let mut parts = path.split('.');
    let mut value = document.get(parts.next()?)?;
    for part in parts {
        value = value.as_document()?.get(part)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let fault = run(vec![], &[doc! {"$unwind": "$a"}]).unwrap_err();
        assert!(fault.to_string().contains("$unwind"), "{fault}");
        assert!(matches!(
            run(vec![], &[doc! {"$limit": 0}]),
            Err(QueryError::Invalid(_))
        ));
    }
}
