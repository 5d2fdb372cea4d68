//! The operators of one field as SQL; knows no other field.

use super::Condition;
use super::Scope;
use crate::QueryError;
use crate::key;
use crate::path::Path;
use bson::{Bson, Document};

pub(super) fn field_condition(
    path: &Path,
    value: &Bson,
    scope: &Scope,
) -> Result<Condition, QueryError> {
    match value {
        Bson::Document(operators) if is_operators(operators) => {
            let parts = operators
                .iter()
                .map(|(operator, operand)| operation(path, operator, operand, scope))
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

fn operation(
    path: &Path,
    operator: &str,
    operand: &Bson,
    scope: &Scope,
) -> Result<Condition, QueryError> {
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
                sql: format!("json_type({}, {}) IS NOT NULL", path.base, path.literal),
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
        "$type" => {
            let names = match operand {
                Bson::Array(names) => names.as_slice(),
                name => std::slice::from_ref(name),
            };
            let of = names.iter().map(|name| of_type(path, name));
            Condition::any(of.collect::<Result<_, _>>()?)
        }
        "$not" => match operand {
            Bson::Document(operators) if is_operators(operators) => {
                field_condition(path, operand, &scope.deeper()?)?.negated()
            }
            _ => return Err(QueryError::invalid("$not needs operators")),
        },
        "$elemMatch" => match operand {
            Bson::Document(test) => any_element(path, test, scope)?,
            _ => return Err(QueryError::invalid("$elemMatch needs a filter")),
        },
        "$regex" => prefix(path, operand)?,
        other => return Err(QueryError::unsupported(format!("the operator {other}"))),
    })
}

/// A type by its name, as far as the keys tell types apart.
fn of_type(path: &Path, name: &Bson) -> Result<Condition, QueryError> {
    let json = |json_type: &str| {
        let (base, literal) = (&path.base, &path.literal);
        let own = format!("json_type({base}, {literal}) = '{json_type}'");
        let sql = match path.multikey && json_type != "array" {
            true => format!(
                "({own}) OR (json_type({base}, {literal}) = 'array' AND EXISTS (SELECT 1 FROM \
                 json_each({base}, {literal}) AS element WHERE element.type = '{json_type}'))"
            ),
            false => own,
        };
        Condition {
            sql,
            keys: Vec::new(),
        }
    };
    let rank = match name.as_str() {
        Some("number") => b'2',
        Some("string") => b'3',
        Some("binData") => b'6',
        Some("objectId") => b'7',
        Some("bool") => b'8',
        Some("date") => b'9',
        Some("object") => return Ok(json("object")),
        Some("array") => return Ok(json("array")),
        Some("null") => return Ok(json("null")),
        // No document of this store holds one.
        Some("timestamp" | "regex") => return Ok(Condition::constant(false)),
        _ => return Err(QueryError::unsupported(format!("the type {name}"))),
    };
    let bounds = [rank, rank + 1].map(|rank| char::from(rank).to_string());
    let test = |value: &str| format!("{value} >= ? AND {value} < ?");
    Ok(test_value(path, test, bounds.into()))
}

fn length(path: &Path, size: i64) -> Condition {
    let (base, literal) = (&path.base, &path.literal);
    let sql = format!(
        "json_type({base}, {literal}) = 'array' AND json_array_length({base}, {literal}) = {size}"
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
        // The column of an _id is never NULL: null's key is its rank alone.
        None if path.value == "id" => ("= '1'".to_owned(), Vec::new()),
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
    let (base, literal, of_element) = (&path.base, &path.literal, test("element.value"));
    // The value of an array or a document is JSON text, which is no scalar's key, so `own` is about scalars.
    let sql = format!(
        "({own}) OR (json_type({base}, {literal}) = 'array' AND EXISTS \
         (SELECT 1 FROM json_each({base}, {literal}) AS element WHERE {of_element}))"
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

/// An array with one element that passes the whole test.
fn any_element(path: &Path, test: &Document, scope: &Scope) -> Result<Condition, QueryError> {
    let alias = format!("element{}", scope.depth + 1);
    let (kind, inner) = if is_operators(test) {
        const OF_SCALARS: [&str; 8] = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"];
        if let Some(other) = test
            .keys()
            .find(|name| !OF_SCALARS.contains(&name.as_str()))
        {
            return Err(QueryError::unsupported(format!("{other} in $elemMatch")));
        }
        let element = Path {
            full: path.full.clone(),
            base: format!("{alias}.value"),
            value: format!("{alias}.value"),
            literal: "'$'".to_owned(),
            multikey: false,
            document: false,
        };
        let inner = field_condition(&element, &Bson::Document(test.clone()), &scope.deeper()?)?;
        ("NOT IN ('object', 'array')", inner)
    } else {
        let of = Scope {
            element: Some((&alias, &path.full)),
            ..scope.deeper()?
        };
        ("= 'object'", super::clause(test, &of)?)
    };
    let (base, literal, sql) = (&path.base, &path.literal, inner.sql);
    // A CASE is tried in order: the test reads an element as JSON, which only some are.
    Ok(Condition {
        sql: format!(
            "json_type({base}, {literal}) = 'array' AND EXISTS (SELECT 1 FROM \
             json_each({base}, {literal}) AS {alias} WHERE \
             CASE WHEN {alias}.type {kind} THEN ({sql}) ELSE 0 END)"
        ),
        keys: inner.keys,
    })
}

/// A regular expression that only says how a text begins, which an index can answer.
fn prefix(path: &Path, pattern: &Bson) -> Result<Condition, QueryError> {
    let begins = match pattern {
        Bson::String(pattern) => pattern.strip_prefix('^'),
        _ => None,
    };
    let is_plain = |text: &&str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || " _-@:/".contains(c))
    };
    let Some(begins) = begins.filter(is_plain) else {
        return Err(QueryError::unsupported(
            "$regex, but for one like ^text, of letters, digits and spaces",
        ));
    };
    let keys = vec![format!("3{begins}"), format!("3{begins}\u{10ffff}")];
    let test = |value: &str| format!("{value} >= ? AND {value} < ?");
    Ok(test_value(path, test, keys))
}

fn lowest(rank: u8) -> (&'static str, String) {
    match rank {
        b'2' => (">", key::NAN.to_owned()),
        other => (">=", char::from(other).to_string()),
    }
}
