//! Dotted paths as SQLite's JSON paths, and what a collection has ever held at each; reads no document.

use crate::QueryError;
use std::collections::BTreeSet;

/// Where a collection has ever held arrays and documents: what MongoDB calls multikey.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Paths at which a value was an array.
    pub arrays: BTreeSet<String>,
    /// Paths at which a value, or an element of an array, was a document.
    pub documents: BTreeSet<String>,
    /// The collection's full-text table, where it has a text index.
    pub text: Option<String>,
}

/// A path that may stand in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The whole path, through arrays.
    pub full: String,
    /// The SQL expression of the JSON that the path starts from: a column, or an element of an array.
    pub base: String,
    /// The SQL literal of the JSON path.
    pub literal: String,
    /// The SQL expression of the value's key.
    pub value: String,
    /// Whether the value may be an array.
    pub multikey: bool,
    /// Whether the value may be a document.
    pub document: bool,
}

impl Path {
    /// The path of a field, in a collection of this shape.
    pub fn new(field: &str, shape: &Shape) -> Result<Self, QueryError> {
        Self::within(None, field, shape)
    }

    /// The path of a field of an array's elements: the alias of the element and the array's own path.
    pub fn within(
        element: Option<(&str, &str)>,
        field: &str,
        shape: &Shape,
    ) -> Result<Self, QueryError> {
        let literal = literal(field)?;
        let full = match element {
            Some((_, array)) => format!("{array}.{field}"),
            None => field.to_owned(),
        };
        let own = full.len() - field.len();
        for (at, _) in full.match_indices('.').filter(|(at, _)| *at >= own) {
            if shape.arrays.contains(&full[..at]) {
                return Err(QueryError::unsupported(format!(
                    "the path {field} through an array"
                )));
            }
        }
        let (base, value) = match element {
            Some((alias, _)) => {
                let base = format!("{alias}.value");
                let value = format!("json_extract({base}, {literal})");
                (base, value)
            }
            None => ("doc".to_owned(), expression(field)?),
        };
        Ok(Self {
            base,
            value,
            literal,
            multikey: shape.arrays.contains(&full),
            document: shape.documents.contains(&full),
            full,
        })
    }
}

/// The SQL expression of a field's key: what an index is made on, and what a query compares.
pub fn expression(field: &str) -> Result<String, QueryError> {
    match field {
        "_id" => Ok("id".to_owned()),
        _ => Ok(format!("json_extract(doc, {})", literal(field)?)),
    }
}

fn literal(field: &str) -> Result<String, QueryError> {
    let mut path = String::from("'$");
    for name in field.split('.') {
        if name.is_empty() || name.starts_with('$') {
            return Err(QueryError::invalid(format!(
                "\"{field}\" is not a field's path"
            )));
        }
        if name.contains(['"', '\\', '\'']) || name.contains(char::is_control) {
            return Err(QueryError::unsupported(format!("the field name {name:?}")));
        }
        path.push_str(&format!(".\"{name}\""));
    }
    path.push('\'');
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_nothing_escapes() {
        assert_eq!(literal("a.b-c").unwrap(), "'$.\"a\".\"b-c\"'");
        for evil in ["a'b", "a\"b", "a\\", "a..b", "", "$where", "a.$b", "a\n"] {
            assert!(literal(evil).is_err(), "{evil}");
        }
    }

    #[test]
    fn a_path_through_an_array_is_refused() {
        let mut shape = Shape::default();
        shape.arrays.insert("a.b".to_owned());
        assert!(Path::new("a.b.c", &shape).is_err());
        assert!(Path::new("a.b", &shape).unwrap().multikey);
    }
}
