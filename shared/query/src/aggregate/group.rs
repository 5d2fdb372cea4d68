//! The stage $group: documents gathered by a value, and what is accumulated of each; reads no store.

use super::expression::evaluate;
use crate::QueryError;
use crate::key;
use crate::update::add;
use bson::{Bson, Document, doc};
use std::collections::BTreeMap;

pub(super) fn group(documents: &[Document], group: &Document) -> Result<Vec<Document>, QueryError> {
    let Some(by) = group.get("_id") else {
        return Err(QueryError::invalid("$group needs an _id"));
    };
    let mut groups: BTreeMap<String, (Bson, Vec<&Document>)> = BTreeMap::new();
    for document in documents {
        let value = identity(by, document)?;
        // Equal numbers of different types are one group.
        let key = key::identity(&value)?;
        groups
            .entry(key)
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

/// What a document is gathered by; a part of it that is missing is null.
fn identity(by: &Bson, document: &Document) -> Result<Bson, QueryError> {
    match by {
        Bson::Document(parts) if !parts.keys().any(|name| name.starts_with('$')) => {
            let mut value = Document::new();
            for (name, part) in parts {
                value.insert(name, evaluate(part, document)?.unwrap_or(Bson::Null));
            }
            Ok(Bson::Document(value))
        }
        by => Ok(evaluate(by, document)?.unwrap_or(Bson::Null)),
    }
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
