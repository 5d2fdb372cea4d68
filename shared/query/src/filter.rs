//! Filters and sorts as SQL over the JSON form; knows no table and runs nothing.

mod operation;

use crate::QueryError;
use crate::path::Path;
use crate::path::Shape;
use crate::text;
use bson::{Bson, Document};
use operation::field_condition;

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
    let scope = Scope {
        shape,
        depth: 0,
        element: None,
    };
    clause(filter, &scope)
}

/// Where a part of a filter stands: in the document, or in an element of one of its arrays.
#[derive(Clone, Copy)]
struct Scope<'a> {
    shape: &'a Shape,
    depth: usize,
    /// The alias of the element and the path of its array.
    element: Option<(&'a str, &'a str)>,
}

impl<'a> Scope<'a> {
    fn deeper(&self) -> Result<Self, QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(QueryError::invalid(format!(
                "a filter is nested more than {MAX_DEPTH} deep"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..*self
        })
    }
}

/// The terms of an ORDER BY.
pub fn order(sort: &Document, shape: &Shape) -> Result<String, QueryError> {
    let mut terms = Vec::new();
    for (field, way) in sort {
        if text::is_score(way) {
            terms.push(text::order(shape)?);
            continue;
        }
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

fn clause(filter: &Document, scope: &Scope) -> Result<Condition, QueryError> {
    let mut parts = Vec::new();
    for (name, value) in filter {
        parts.push(match name.as_str() {
            "$and" => Condition::all(clauses(name, value, scope)?),
            "$or" => Condition::any(clauses(name, value, scope)?),
            "$nor" => Condition::any(clauses(name, value, scope)?).negated(),
            "$comment" => continue,
            "$text" if scope.depth == 0 => text::condition(value, scope.shape)?,
            operator if operator.starts_with('$') => {
                return Err(QueryError::unsupported(format!("the operator {operator}")));
            }
            field => field_condition(
                &Path::within(scope.element, field, scope.shape)?,
                value,
                scope,
            )?,
        });
    }
    Ok(Condition::all(parts))
}

fn clauses(name: &str, value: &Bson, scope: &Scope) -> Result<Vec<Condition>, QueryError> {
    let inner = scope.deeper()?;
    match value.as_array() {
        Some(filters) if !filters.is_empty() => filters
            .iter()
            .map(|filter| match filter.as_document() {
                Some(filter) => clause(filter, &inner),
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

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn what_is_not_translated_is_said() {
        let fault = |filter| condition(&filter, &Shape::default()).unwrap_err();
        for filter in [
            doc! {"a": {"$regex": "x"}},
            doc! {"a": {"$regex": "^a.b"}},
            doc! {"$where": "1"},
            doc! {"a": {"b": 1}},
            doc! {"a": {"$elemMatch": {"$size": 1}}},
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
            // There is no text index.
            doc! {"$text": {"$search": "x"}},
        ] {
            assert!(
                matches!(fault(filter.clone()), QueryError::Invalid(_)),
                "{filter}"
            );
        }
    }

    #[test]
    fn an_id_that_is_null_is_asked_for_by_its_key() {
        let of = |filter| condition(&filter, &Shape::default()).unwrap().sql;
        let by_id = of(doc! {"_id": Bson::Null});
        assert!(
            by_id.contains("id = '1'") && !by_id.contains("NULL"),
            "{by_id}"
        );
        assert!(of(doc! {"a": Bson::Null}).contains(" IS NULL"));
    }

    #[test]
    fn values_are_parameters_only() {
        let evil = "'; DROP TABLE jobs; --";
        let made = condition(&doc! {"a": evil}, &Shape::default()).unwrap();
        assert!(!made.sql.contains("DROP"));
        assert_eq!(made.keys, [format!("3{evil}")]);
    }
}
