//! Whether a document that is already here matches a filter; the store's own filters are SQL.

use crate::QueryError;
use crate::key;
use bson::{Bson, Document};
use std::cmp::Ordering;

/// The deepest nesting of a filter.
const MAX_DEPTH: usize = 50;

/// Whether the filter holds.
pub fn matches(document: &Document, filter: &Document) -> Result<bool, QueryError> {
    all(document, filter, 0)
}

fn all(document: &Document, filter: &Document, depth: usize) -> Result<bool, QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::invalid("a filter is nested too deep"));
    }
    for (name, operand) in filter {
        let holds = match name.as_str() {
            "$and" | "$or" | "$nor" => {
                let mut holding = Vec::new();
                let Some(parts) = operand.as_array().filter(|parts| !parts.is_empty()) else {
                    return Err(QueryError::invalid(format!(
                        "{name} needs a list of filters"
                    )));
                };
                for part in parts {
                    let Some(part) = part.as_document() else {
                        return Err(QueryError::invalid(format!("{name} holds no filter")));
                    };
                    holding.push(all(document, part, depth + 1)?);
                }
                match name.as_str() {
                    "$and" => holding.iter().all(|holds| *holds),
                    "$or" => holding.iter().any(|holds| *holds),
                    _ => !holding.iter().any(|holds| *holds),
                }
            }
            operator if operator.starts_with('$') => {
                return Err(QueryError::unsupported(format!(
                    "the operator {operator} here"
                )));
            }
            path => field(&found(document, path), operand)?,
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The values at a path, through lists: each list itself and each of its elements.
fn found<'a>(document: &'a Document, path: &str) -> Vec<&'a Bson> {
    let (name, rest) = path
        .split_once('.')
        .map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(value) = document.get(name) else {
        return Vec::new();
    };
    match (value, rest) {
        (Bson::Array(elements), None) => std::iter::once(value).chain(elements).collect(),
        (value, None) => vec![value],
        (Bson::Document(inner), Some(rest)) => found(inner, rest),
        (Bson::Array(elements), Some(rest)) => elements
            .iter()
            .filter_map(Bson::as_document)
            .flat_map(|inner| found(inner, rest))
            .collect(),
        _ => Vec::new(),
    }
}

fn field(values: &[&Bson], operand: &Bson) -> Result<bool, QueryError> {
    let Some(operators) = operand.as_document().filter(|document| {
        let first = document.keys().next();
        first.is_some_and(|name| name.starts_with('$'))
    }) else {
        return equal(values, operand);
    };
    for (operator, operand) in operators {
        let list = || {
            operand
                .as_array()
                .ok_or_else(|| QueryError::invalid(format!("{operator} needs a list")))
        };
        let any = |operands: &[Bson]| -> Result<bool, QueryError> {
            for operand in operands {
                if equal(values, operand)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let holds = match operator.as_str() {
            "$eq" => equal(values, operand)?,
            "$ne" => !equal(values, operand)?,
            "$in" => any(list()?)?,
            "$nin" => !any(list()?)?,
            "$gt" => ordered(values, operand, Ordering::is_gt)?,
            "$gte" => ordered(values, operand, Ordering::is_ge)?,
            "$lt" => ordered(values, operand, Ordering::is_lt)?,
            "$lte" => ordered(values, operand, Ordering::is_le)?,
            "$exists" => match operand {
                Bson::Boolean(wanted) => *wanted != values.is_empty(),
                _ => return Err(QueryError::unsupported("$exists without true or false")),
            },
            "$not" => !field(values, operand)?,
            other => {
                return Err(QueryError::unsupported(format!(
                    "the operator {other} here"
                )));
            }
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A value that is equal; null is equal to no value at all.
fn equal(values: &[&Bson], operand: &Bson) -> Result<bool, QueryError> {
    if values.is_empty() {
        return Ok(matches!(operand, Bson::Null));
    }
    let wanted = key::identity(operand)?;
    for value in values {
        if key::identity(value)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A value of the operand's own type that stands in this order to it.
fn ordered(
    values: &[&Bson],
    operand: &Bson,
    stands: impl Fn(Ordering) -> bool,
) -> Result<bool, QueryError> {
    let Some(bound) = key::scalar(operand)? else {
        return Ok(stands(Ordering::Equal) && equal(values, operand)?);
    };
    for value in values {
        if matches!(value, Bson::Document(_) | Bson::Array(_)) {
            continue;
        }
        let Some(key) = key::scalar(value)? else {
            continue;
        };
        let comparable =
            key.as_bytes()[0] == bound.as_bytes()[0] && (key == key::NAN) == (bound == key::NAN);
        if comparable && stands(key.cmp(&bound)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn filters_hold_as_in_the_store() {
        let document = doc! {"a": 5, "t": ["x", "y"], "in": [{"b": 1}, {"b": 2}], "n": Bson::Null};
        for (filter, expected) in [
            (doc! {"a": 5.0}, true),
            (doc! {"a": {"$gt": 4, "$lt": 6}}, true),
            (doc! {"a": {"$gt": "4"}}, false),
            (doc! {"t": "x"}, true),
            (doc! {"t": {"$ne": "x"}}, false),
            (doc! {"in.b": 2}, true),
            (doc! {"in.b": {"$gt": 2}}, false),
            (doc! {"n": Bson::Null, "zz": Bson::Null}, true),
            (doc! {"zz": {"$exists": false}}, true),
            (doc! {"$or": [{"a": 1}, {"t": {"$in": ["y"]}}]}, true),
            (doc! {"$nor": [{"a": 5}]}, false),
            (doc! {"a": {"$not": {"$gte": 6}}}, true),
        ] {
            assert_eq!(matches(&document, &filter).unwrap(), expected, "{filter}");
        }
        assert!(matches(&document, &doc! {"$where": "1"}).is_err());
    }
}
