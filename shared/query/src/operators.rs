//! The supported operators by name: what the parsers of this crate accept, and what the reference for authors lists.
//!
//! The tests below hold each table to the parser in both directions: every listed operator is accepted, and every
//! other operator of MongoDB is [`QueryError::Unsupported`](crate::QueryError::Unsupported).

/// At the top level of a filter, beside the names of fields.
pub const FILTER: &[&str] = &["$and", "$comment", "$nor", "$or", "$text"];

/// On one field of a filter.
pub const FIELD: &[&str] = &[
    "$all",
    "$elemMatch",
    "$eq",
    "$exists",
    "$gt",
    "$gte",
    "$in",
    "$lt",
    "$lte",
    "$ne",
    "$nin",
    "$not",
    "$regex",
    "$size",
    "$type",
];

/// In an `$elemMatch` whose elements are scalars. Elements that are documents take a whole filter.
pub const ELEMENT: &[&str] = &["$eq", "$gt", "$gte", "$in", "$lt", "$lte", "$ne", "$nin"];

/// The names that `$type` takes.
pub const TYPES: &[&str] = &[
    "array",
    "binData",
    "bool",
    "date",
    "null",
    "number",
    "object",
    "objectId",
    "regex",
    "string",
    "timestamp",
];

/// At the top level of a `$match` that is not the first stage.
pub const LATER_FILTER: &[&str] = &["$and", "$nor", "$or"];

/// On one field of a `$match` that is not the first stage.
pub const LATER_FIELD: &[&str] = &[
    "$eq", "$exists", "$gt", "$gte", "$in", "$lt", "$lte", "$ne", "$nin", "$not",
];

/// The operators of an update.
pub const UPDATE: &[&str] = &[
    "$addToSet",
    "$currentDate",
    "$inc",
    "$max",
    "$min",
    "$pull",
    "$push",
    "$set",
    "$setOnInsert",
    "$unset",
];

/// The stages of a pipeline.
pub const STAGES: &[&str] = &[
    "$addFields",
    "$count",
    "$facet",
    "$graphLookup",
    "$group",
    "$limit",
    "$lookup",
    "$match",
    "$project",
    "$set",
    "$skip",
    "$sort",
    "$unwind",
];

/// The accumulators of `$group`.
pub const ACCUMULATORS: &[&str] = &[
    "$avg", "$count", "$first", "$last", "$max", "$min", "$push", "$sum",
];

/// Every table, with the heading under which the reference lists it.
pub const TABLES: &[(&str, &[&str])] = &[
    ("Filter, top level", FILTER),
    ("Filter, on a field", FIELD),
    ("`$elemMatch` over scalars", ELEMENT),
    ("Names for `$type`", TYPES),
    ("Later `$match`, top level", LATER_FILTER),
    ("Later `$match`, on a field", LATER_FIELD),
    ("Update", UPDATE),
    ("Pipeline stage", STAGES),
    ("`$group` accumulator", ACCUMULATORS),
];

#[cfg(test)]
#[path = "operators_tests.rs"]
mod tests;
