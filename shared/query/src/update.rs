//! Updates of one document by MongoDB's operators; finds no document and keeps none.

use crate::QueryError;
use crate::key;
use bson::{Bson, DateTime, Document};

/// Checks that this is an update and not a replacement, before any document is looked for.
pub fn check(update: &Document) -> Result<(), QueryError> {
    if update.is_empty() || update.keys().any(|name| !name.starts_with('$')) {
        return Err(QueryError::invalid(
            "an update consists of operators, like $set",
        ));
    }
    let mut paths: Vec<&str> = Vec::new();
    for (operator, changes) in update {
        let Some(changes) = changes.as_document() else {
            return Err(QueryError::invalid(format!(
                "{operator} needs a document of fields"
            )));
        };
        for path in changes.keys() {
            let meets = |other: &&str| {
                *other == path
                    || other
                        .strip_prefix(path.as_str())
                        .is_some_and(|rest| rest.starts_with('.'))
                    || path
                        .strip_prefix(*other)
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            if paths.iter().any(meets) {
                return Err(QueryError::invalid(format!("two changes meet at {path}")));
            }
            paths.push(path);
        }
    }
    Ok(())
}

/// Applies a checked update. `inserting` is where an upsert makes the document.
pub fn apply(
    document: &mut Document,
    update: &Document,
    inserting: bool,
    now: DateTime,
) -> Result<(), QueryError> {
    let id = document.get("_id").cloned();
    for (operator, changes) in update {
        for (path, operand) in changes.as_document().into_iter().flatten() {
            change(document, operator, path, operand, inserting, now)?;
        }
    }
    if !inserting && document.get("_id") != id.as_ref() {
        return Err(QueryError::invalid("the _id of a document cannot change"));
    }
    Ok(())
}

fn change(
    document: &mut Document,
    operator: &str,
    path: &str,
    operand: &Bson,
    inserting: bool,
    now: DateTime,
) -> Result<(), QueryError> {
    let (parents, name) = path
        .rsplit_once('.')
        .map_or((None, path), |(up, name)| (Some(up), name));
    if path
        .split('.')
        .any(|part| part.is_empty() || part.starts_with('$'))
    {
        return Err(QueryError::unsupported(format!(
            "the path {path} in an update"
        )));
    }
    if operator == "$setOnInsert" && !inserting {
        return Ok(());
    }
    let makes = !matches!(operator, "$unset" | "$pull");
    let Some(holder) = holder(document, parents, makes)? else {
        return Ok(());
    };
    match operator {
        "$set" | "$setOnInsert" => {
            holder.insert(name, operand.clone());
        }
        "$unset" => {
            holder.remove(name);
        }
        "$currentDate" => match operand {
            Bson::Boolean(true) => {
                holder.insert(name, now);
            }
            _ => {
                return Err(QueryError::unsupported(
                    "$currentDate with anything but true",
                ));
            }
        },
        "$inc" => {
            let sum = match holder.get(name) {
                None => operand.clone(),
                Some(value) => add(value, operand)?,
            };
            holder.insert(name, sum);
        }
        "$min" | "$max" => {
            let replaces = match holder.get(name) {
                None => true,
                Some(value) => {
                    let (old, new) = (key::scalar(value)?, key::scalar(operand)?);
                    if operator == "$min" {
                        new < old
                    } else {
                        new > old
                    }
                }
            };
            if replaces {
                holder.insert(name, operand.clone());
            }
        }
        "$push" | "$addToSet" => {
            let values = each(operator, operand)?;
            let array = array(holder, name)?;
            for value in values {
                if operator == "$push" || !holds(array, &value)? {
                    array.push(value);
                }
            }
        }
        "$pull" => {
            let pulled = pulled(operand)?;
            if holder.contains_key(name) {
                let array = array(holder, name)?;
                let mut kept = Vec::with_capacity(array.len());
                for value in array.drain(..) {
                    if !pulled.contains(&key::identity(&value)?) {
                        kept.push(value);
                    }
                }
                *array = kept;
            }
        }
        other => {
            return Err(QueryError::unsupported(format!(
                "the update operator {other}"
            )));
        }
    }
    Ok(())
}

/// The document that holds the last name of a path; made on the way where `makes`.
fn holder<'a>(
    document: &'a mut Document,
    parents: Option<&str>,
    makes: bool,
) -> Result<Option<&'a mut Document>, QueryError> {
    let mut holder = document;
    for name in parents.into_iter().flat_map(|parents| parents.split('.')) {
        if !holder.contains_key(name) {
            if !makes {
                return Ok(None);
            }
            holder.insert(name, Document::new());
        }
        holder = match holder.get_mut(name) {
            Some(Bson::Document(inner)) => inner,
            Some(Bson::Array(_)) => {
                return Err(QueryError::unsupported(format!(
                    "an update through the array {name}"
                )));
            }
            _ if !makes => return Ok(None),
            _ => return Err(QueryError::invalid(format!("{name} is not a document"))),
        };
    }
    Ok(Some(holder))
}

fn each(operator: &str, operand: &Bson) -> Result<Vec<Bson>, QueryError> {
    let Bson::Document(modifiers) = operand else {
        return Ok(vec![operand.clone()]);
    };
    match modifiers.keys().next().map(String::as_str) {
        Some("$each") if modifiers.len() == 1 => match &modifiers["$each"] {
            Bson::Array(values) => Ok(values.clone()),
            _ => Err(QueryError::invalid(format!(
                "{operator}: $each needs a list"
            ))),
        },
        Some(name) if name.starts_with('$') => Err(QueryError::unsupported(format!(
            "{operator} with {name} and more"
        ))),
        _ => Ok(vec![operand.clone()]),
    }
}

/// Whether a list holds a value; numbers are equal whatever their type.
fn holds(array: &[Bson], value: &Bson) -> Result<bool, QueryError> {
    let wanted = key::identity(value)?;
    for held in array {
        if key::identity(held)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The identities of what a $pull takes away: one scalar, or those of an $in.
fn pulled(operand: &Bson) -> Result<Vec<String>, QueryError> {
    match operand {
        Bson::Document(condition) if condition.len() == 1 && condition.contains_key("$in") => {
            match &condition["$in"] {
                Bson::Array(values) => values.iter().map(key::identity).collect(),
                _ => Err(QueryError::invalid("$in needs a list")),
            }
        }
        Bson::Document(_) | Bson::RegularExpression(_) => {
            Err(QueryError::unsupported("$pull by a condition"))
        }
        value => Ok(vec![key::identity(value)?]),
    }
}

fn array<'a>(holder: &'a mut Document, name: &str) -> Result<&'a mut Vec<Bson>, QueryError> {
    let value = holder
        .entry(name.to_owned())
        .or_insert_with(|| Bson::Array(Vec::new()));
    value
        .as_array_mut()
        .ok_or_else(|| QueryError::invalid(format!("{name} is not an array")))
}

/// A sum, in the narrowest type that MongoDB would give it.
pub(crate) fn add(one: &Bson, other: &Bson) -> Result<Bson, QueryError> {
    let whole = |value: &Bson| match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    };
    if let (Bson::Int32(one), Bson::Int32(other)) = (one, other)
        && let Some(sum) = one.checked_add(*other)
    {
        return Ok(Bson::Int32(sum));
    }
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return one
            .checked_add(other)
            .map(Bson::Int64)
            .ok_or_else(|| QueryError::invalid("a sum is over 64 bits"));
    }
    let number = |value: &Bson| value.as_f64().or(whole(value).map(|number| number as f64));
    match (number(one), number(other)) {
        (Some(one), Some(other)) => Ok(Bson::Double(one + other)),
        _ => Err(QueryError::invalid("only numbers can be added")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    fn updated(document: Document, update: Document) -> Result<Document, QueryError> {
        let mut document = document;
        check(&update)?;
        apply(&mut document, &update, false, DateTime::from_millis(7))?;
        Ok(document)
    }

    #[test]
    fn operators_do_what_mongodb_does() {
        let check = |document: Document, update: Document, expected: Document| {
            assert_eq!(
                updated(document, update.clone()).unwrap(),
                expected,
                "{update}"
            );
        };
        check(
            doc! {"a": 1},
            doc! {"$set": {"b.c": 2}},
            doc! {"a": 1, "b": {"c": 2}},
        );
        check(
            doc! {"a": {"b": 1, "c": 2}},
            doc! {"$unset": {"a.b": ""}},
            doc! {"a": {"c": 2}},
        );
        check(
            doc! {"n": 1},
            doc! {"$inc": {"n": 2, "m": 5_i64}},
            doc! {"n": 3, "m": 5_i64},
        );
        check(
            doc! {"n": i32::MAX},
            doc! {"$inc": {"n": 1}},
            doc! {"n": 2_147_483_648_i64},
        );
        check(doc! {"n": 5}, doc! {"$min": {"n": 3}}, doc! {"n": 3});
        check(doc! {"n": 5}, doc! {"$max": {"n": 3}}, doc! {"n": 5});
        check(
            doc! {"t": ["a"]},
            doc! {"$push": {"t": "a"}},
            doc! {"t": ["a", "a"]},
        );
        let set = doc! {"$addToSet": {"t": {"$each": ["a", "b"]}}};
        check(doc! {"t": ["a"]}, set, doc! {"t": ["a", "b"]});
        check(
            doc! {"t": ["a", "b", "a"]},
            doc! {"$pull": {"t": "a"}},
            doc! {"t": ["b"]},
        );
        let now = DateTime::from_millis(7);
        check(
            doc! {},
            doc! {"$currentDate": {"at": true}},
            doc! {"at": now},
        );
    }

    #[test]
    fn what_is_no_update_is_refused() {
        assert!(updated(doc! {}, doc! {"a": 1}).is_err());
        assert!(updated(doc! {"a": 1}, doc! {"$set": {"a": 1}, "$inc": {"a.b": 1}}).is_err());
        assert!(updated(doc! {"_id": 1}, doc! {"$set": {"_id": 2}}).is_err());
        assert!(updated(doc! {"a": "x"}, doc! {"$inc": {"a": 1}}).is_err());
        assert!(updated(doc! {}, doc! {"$rename": {"a": "b"}}).is_err());
    }
}
