//! Filters and sorts as SQL over the JSON form; knows no table and runs nothing.

use crate::QueryError;
use crate::key;
use crate::path::Path;
use crate::path::Shape;
use bson::{Bson, Document};

/// The deepest nesting of a filter.
const MAX_DEPTH: usize = 50;

/// An SQL condition and what its question marks stand for, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The SQL, an expression.
    pub sql: String,
    /// The keys.
    pub keys: Vec<String>,
}

impl Condition {
    fn constant(truth: bool) -> Self {
        Self {
            sql: if truth { "1" } else { "0" }.to_owned(),
            keys: Vec::new(),
        }
    }

    fn join(parts: Vec<Self>, word: &str, empty: bool) -> Self {
        if parts.is_empty() {
            return Self::constant(empty);
        }
        let sql: Vec<_> = parts.iter().map(|part| format!("({})", part.sql)).collect();
        let keys = parts.into_iter().flat_map(|part| part.keys).collect();
        Self {
            sql: sql.join(word),
            keys,
        }
    }

    fn all(parts: Vec<Self>) -> Self {
        Self::join(parts, " AND ", true)
    }

    fn any(parts: Vec<Self>) -> Self {
        Self::join(parts, " OR ", false)
    }

    /// Not: what is unknown to SQL did not match, and so it matches now.
    fn negated(self) -> Self {
        Self {
            sql: format!("NOT ifnull(({}), 0)", self.sql),
            keys: self.keys,
        }
    }
}

/// The condition of a filter, over a collection of this shape.
pub fn condition(filter: &Document, shape: &Shape) -> Result<Condition, QueryError> {
    clause(filter, shape, 0)
}

/// The terms of an ORDER BY.
pub fn order(sort: &Document, shape: &Shape) -> Result<String, QueryError> {
    let mut terms = Vec::new();
    for (field, way) in sort {
        let path = Path::new(field, shape)?;
        if path.multikey || path.document {
            let what = format!("sorting by {field}, which holds arrays or documents");
            return Err(QueryError::unsupported(what));
        }
        let way = match way {
            Bson::Int32(1) | Bson::Int64(1) => "ASC",
            Bson::Int32(-1) | Bson::Int64(-1) => "DESC",
            Bson::Double(way) if *way == 1.0 => "ASC",
            Bson::Double(way) if *way == -1.0 => "DESC",
            Bson::Document(_) => return Err(QueryError::unsupported("sorting by an expression")),
            other => {
                return Err(QueryError::invalid(format!(
                    "sort {field}: {other} is not 1 or -1"
                )));
            }
        };
        terms.push(format!("{} {way}", path.value));
    }
    Ok(terms.join(", "))
}

fn clause(filter: &Document, shape: &Shape, depth: usize) -> Result<Condition, QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::invalid(format!(
            "a filter is nested more than {MAX_DEPTH} deep"
        )));
    }
    let mut parts = Vec::new();
    for (name, value) in filter {
        parts.push(match name.as_str() {
            "$and" => Condition::all(clauses(name, value, shape, depth)?),
            "$or" => Condition::any(clauses(name, value, shape, depth)?),
            "$nor" => Condition::any(clauses(name, value, shape, depth)?).negated(),
            "$comment" => continue,
            operator if operator.starts_with('$') => {
                return Err(QueryError::unsupported(format!("the operator {operator}")));
            }
            field => field_condition(&Path::new(field, shape)?, value)?,
        });
    }
    Ok(Condition::all(parts))
}

fn clauses(
    name: &str,
    value: &Bson,
    shape: &Shape,
    depth: usize,
) -> Result<Vec<Condition>, QueryError> {
    match value.as_array() {
        Some(filters) if !filters.is_empty() => filters
            .iter()
            .map(|filter| match filter.as_document() {
                Some(filter) => clause(filter, shape, depth + 1),
                None => Err(QueryError::invalid(format!(
                    "{name} holds something else than filters"
                ))),
            })
            .collect(),
        _ => Err(QueryError::invalid(format!(
            "{name} needs a list of filters, and not an empty one"
        ))),
    }
}

fn field_condition(path: &Path, value: &Bson) -> Result<Condition, QueryError> {
    match value {
        Bson::Document(operators) if is_operators(operators) => {
            let parts = operators
                .iter()
                .map(|(operator, operand)| operation(path, operator, operand))
                .collect::<Result<_, _>>()?;
            Ok(Condition::all(parts))
        }
        value => equal(path, value),
    }
}

fn is_operators(document: &Document) -> bool {
    document
        .keys()
        .next()
        .is_some_and(|name| name.starts_with('$'))
}

fn operation(path: &Path, operator: &str, operand: &Bson) -> Result<Condition, QueryError> {
    let list = || {
        operand
            .as_array()
            .ok_or_else(|| QueryError::invalid(format!("{operator} needs a list")))
    };
    let each = |values: &[Bson]| -> Result<Vec<_>, _> {
        values.iter().map(|value| equal(path, value)).collect()
    };
    Ok(match operator {
        "$eq" => equal(path, operand)?,
        "$ne" => equal(path, operand)?.negated(),
        "$in" => Condition::any(each(list()?)?),
        "$nin" => Condition::any(each(list()?)?).negated(),
        "$all" if list()?.is_empty() => Condition::constant(false),
        "$all" => Condition::all(each(list()?)?),
        "$gt" | "$gte" | "$lt" | "$lte" => range(path, operator, operand)?,
        "$exists" => {
            let there = Condition {
                sql: format!("json_type(doc, {}) IS NOT NULL", path.literal),
                keys: Vec::new(),
            };
            match operand {
                Bson::Boolean(true) | Bson::Int32(1) | Bson::Int64(1) => there,
                Bson::Boolean(false) | Bson::Int32(0) | Bson::Int64(0) => there.negated(),
                _ => {
                    return Err(QueryError::unsupported(
                        "$exists with anything but true or false",
                    ));
                }
            }
        }
        "$size" => match operand {
            Bson::Int32(size) if *size >= 0 => length(path, i64::from(*size)),
            Bson::Int64(size) if *size >= 0 => length(path, *size),
            _ => return Err(QueryError::invalid("$size needs a whole number from 0 on")),
        },
        "$not" => match operand {
            Bson::Document(operators) if is_operators(operators) => {
                field_condition(path, operand)?.negated()
            }
            _ => return Err(QueryError::invalid("$not needs operators")),
        },
        other => return Err(QueryError::unsupported(format!("the operator {other}"))),
    })
}

fn length(path: &Path, size: i64) -> Condition {
    let literal = &path.literal;
    let sql = format!(
        "json_type(doc, {literal}) = 'array' AND json_array_length(doc, {literal}) = {size}"
    );
    Condition {
        sql,
        keys: Vec::new(),
    }
}

/// The value is this, or is an array that holds this.
fn equal(path: &Path, value: &Bson) -> Result<Condition, QueryError> {
    if matches!(value, Bson::RegularExpression(_)) {
        return Err(QueryError::unsupported("regular expressions"));
    }
    let (test, keys) = match key::scalar(value)? {
        None => ("IS NULL".to_owned(), Vec::new()),
        Some(key) => ("= ?".to_owned(), vec![key]),
    };
    Ok(test_value(path, |value| format!("{value} {test}"), keys))
}

/// A test of the value, or of any element where the value may be an array.
fn test_value(path: &Path, test: impl Fn(&str) -> String, keys: Vec<String>) -> Condition {
    let own = test(&path.value);
    if !path.multikey {
        return Condition { sql: own, keys };
    }
    let (literal, of_element) = (&path.literal, test("element.value"));
    // The value of an array or a document is JSON text, which is no scalar's key, so `own` is about scalars.
    let sql = format!(
        "({own}) OR (json_type(doc, {literal}) = 'array' AND EXISTS \
         (SELECT 1 FROM json_each(doc, {literal}) AS element WHERE {of_element}))"
    );
    let keys = [keys.clone(), keys].concat();
    Condition { sql, keys }
}

/// A range within the operand's type: MongoDB compares nothing across types.
fn range(path: &Path, operator: &str, operand: &Bson) -> Result<Condition, QueryError> {
    let Some(key) = key::scalar(operand)? else {
        return match operator {
            "$gte" | "$lte" => equal(path, &Bson::Null),
            _ => Ok(Condition::constant(false)),
        };
    };
    if key == key::NAN {
        return Err(QueryError::unsupported("ranges of a not-a-number"));
    }
    let rank = key.as_bytes()[0];
    let (sign, bound) = match operator {
        // Up to, and without, the next type.
        "$gt" => (">", ("<", char::from(rank + 1).to_string())),
        "$gte" => (">=", ("<", char::from(rank + 1).to_string())),
        // From the type's first value; a not-a-number is less than no number.
        "$lt" => ("<", lowest(rank)),
        _ => ("<=", lowest(rank)),
    };
    let (bound_sign, bound) = bound;
    let test = move |value: &str| format!("{value} {sign} ? AND {value} {bound_sign} ?");
    Ok(test_value(path, test, vec![key, bound]))
}

fn lowest(rank: u8) -> (&'static str, String) {
    match rank {
        b'2' => (">", key::NAN.to_owned()),
        other => (">=", char::from(other).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn what_is_not_translated_is_said() {
        let fault = |filter| condition(&filter, &Shape::default()).unwrap_err();
        for filter in [
            doc! {"a": {"$regex": "x"}},
            doc! {"$where": "1"},
            doc! {"a": {"b": 1}},
            doc! {"$text": {"$search": "x"}},
            doc! {"a": {"$elemMatch": {"b": 1}}},
        ] {
            assert!(
                matches!(fault(filter.clone()), QueryError::Unsupported(_)),
                "{filter}"
            );
        }
        for filter in [
            doc! {"$or": []},
            doc! {"a": {"$in": 1}},
            doc! {"a": {"$not": 1}},
        ] {
            assert!(
                matches!(fault(filter.clone()), QueryError::Invalid(_)),
                "{filter}"
            );
        }
    }

    #[test]
    fn values_are_parameters_only() {
        let evil = "'; DROP TABLE jobs; --";
        let made = condition(&doc! {"a": evil}, &Shape::default()).unwrap();
        assert!(!made.sql.contains("DROP"));
        assert_eq!(made.keys, [format!("3{evil}")]);
    }
}
