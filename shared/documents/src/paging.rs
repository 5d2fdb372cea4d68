//! Paging by key instead of by number, the same for every store: a cursor is a plain filter; asks no store.

use crate::FindOptions;
use crate::MAX_DOCUMENTS;
use crate::OriginError;
use crate::Outcome;
use crate::Page;
use crate::decode;
use crate::encode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bson::{Bson, Document, RawDocumentBuf, doc};
use sha2::{Digest, Sha256};

/// A cursor longer than this is none of ours.
const MAX_CURSOR: usize = 4_096;

/// What is needed to end a page that was begun.
pub struct Plan {
    limit: usize,
    sort: Option<Document>,
    question: String,
    /// The client's projection, where sort fields were fetched beside it.
    projection: Option<Document>,
}

/// The filter and options to ask the store with, and the plan for its answer.
pub fn begin(
    filter: RawDocumentBuf,
    options: FindOptions,
) -> Outcome<(Plan, RawDocumentBuf, FindOptions)> {
    let limit = options.limit;
    if !(1..=MAX_DOCUMENTS).contains(&limit) {
        let fault = format!("limit must be from 1 to {MAX_DOCUMENTS}, not {limit}");
        return Err(OriginError::Invalid(fault));
    }
    let Some(raw_sort) = &options.sort else {
        if options.cursor.is_some() {
            return Err(OriginError::Invalid("a cursor needs a sort".to_owned()));
        }
        let plan = Plan {
            limit: limit as usize,
            sort: None,
            question: String::new(),
            projection: None,
        };
        return Ok((
            plan,
            filter,
            FindOptions {
                limit: limit + 1,
                ..options
            },
        ));
    };
    let mut sort = decode("sort", raw_sort)?;
    if sort.values().any(|way| way.as_document().is_some()) {
        return by_relevance(filter, options, sort);
    }
    let question = digest(&filter, raw_sort);
    // The last key decides between equals, so that every document has one place.
    if !sort.contains_key("_id") {
        sort.insert("_id", 1);
    }
    let filter = match &options.cursor {
        None => filter,
        Some(cursor) => {
            let values = read(cursor, &question, sort.len())?;
            encode(&doc! {"$and": [decode("filter", &filter)?, after(&sort, &values)?]})?
        }
    };
    let projection = options
        .projection
        .as_ref()
        .map(|raw| decode("projection", raw))
        .transpose()?;
    let kept = projection
        .as_ref()
        .is_none_or(|projection| keeps(projection, &sort));
    let skip = if options.cursor.is_some() {
        0
    } else {
        options.skip
    };
    let stripped = projection.clone().filter(|_| !kept);
    let asked = FindOptions {
        sort: Some(encode(&sort)?),
        skip,
        limit: limit + 1,
        // Sort fields that the projection leaves out are needed for the cursor, and removed again.
        projection: match (kept, projection) {
            (true, _) => options.projection.clone(),
            (false, Some(projection)) => Some(encode(&with_sort_fields(projection, &sort))?),
            (false, None) => None,
        },
        cursor: None,
    };
    Ok((
        Plan {
            limit: limit as usize,
            sort: Some(sort),
            question,
            projection: stripped,
        },
        filter,
        asked,
    ))
}

/// A list in the order of a score has no values to go on from: it is paged by number alone.
fn by_relevance(
    filter: RawDocumentBuf,
    options: FindOptions,
    mut sort: Document,
) -> Outcome<(Plan, RawDocumentBuf, FindOptions)> {
    if options.cursor.is_some() {
        let fault = "a list in the order of relevance has no cursor; use skip";
        return Err(OriginError::Invalid(fault.to_owned()));
    }
    if !sort.contains_key("_id") {
        sort.insert("_id", 1);
    }
    let plan = Plan {
        limit: options.limit as usize,
        sort: None,
        question: String::new(),
        projection: None,
    };
    let sort = Some(encode(&sort)?);
    Ok((plan, filter, FindOptions { sort, ..options }))
}

impl Plan {
    /// The page, and the cursor of the next one where the store had more.
    pub fn end(self, mut documents: Vec<RawDocumentBuf>) -> Outcome<Page> {
        let more = documents.len() > self.limit;
        documents.truncate(self.limit);
        let next = match (&self.sort, documents.last()) {
            (Some(sort), Some(last)) if more => Some(self.cursor(sort, last)?),
            _ => None,
        };
        if let Some(projection) = &self.projection {
            for raw in &mut documents {
                let shown = trm_query::project::project(&decode("a document", raw)?, projection)?;
                *raw = encode(&shown)?;
            }
        }
        Ok(Page { documents, next })
    }

    fn cursor(&self, sort: &Document, last: &RawDocumentBuf) -> Outcome<String> {
        let last = decode("a document", last)?;
        let values: Vec<Bson> = sort
            .keys()
            .map(|field| at(&last, field).cloned().unwrap_or(Bson::Null))
            .collect();
        let cursor = encode(&doc! {"q": &self.question, "v": values})?;
        Ok(URL_SAFE_NO_PAD.encode(cursor.as_bytes()))
    }
}

fn digest(filter: &RawDocumentBuf, sort: &RawDocumentBuf) -> String {
    let digest = Sha256::new()
        .chain_update(filter.as_bytes())
        .chain_update(sort.as_bytes());
    digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(cursor: &str, question: &str, fields: usize) -> Outcome<Vec<Bson>> {
    let fault = |why: &str| OriginError::Invalid(format!("the cursor {why}"));
    if cursor.len() > MAX_CURSOR {
        return Err(fault("is too long"));
    }
    let bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| fault("is malformed"))?;
    let raw = RawDocumentBuf::from_bytes(bytes).map_err(|_| fault("is malformed"))?;
    let mut document = decode("cursor", &raw).map_err(|_| fault("is malformed"))?;
    if document.get_str("q").ok() != Some(question) {
        return Err(fault(
            "belongs to another filter or sort; begin again without it",
        ));
    }
    match document.remove("v") {
        Some(Bson::Array(values))
            if values.len() == fields && !values.iter().any(|value| value.as_array().is_some()) =>
        {
            Ok(values)
        }
        _ => Err(fault("is malformed")),
    }
}

/// The documents that come after these values in the order: the first field beyond, or equal and the next beyond.
fn after(sort: &Document, values: &[Bson]) -> Outcome<Document> {
    let mut branches = Vec::new();
    let mut equal = Document::new();
    for ((field, way), value) in sort.iter().zip(values) {
        let ascending = match way {
            Bson::Int32(1) | Bson::Int64(1) => true,
            Bson::Int32(-1) | Bson::Int64(-1) => false,
            other => {
                return Err(OriginError::Invalid(format!(
                    "sort by {field}: {other} is not 1 or -1"
                )));
            }
        };
        if let Some(mut beyond) = beyond(field, value, ascending)? {
            for (field, value) in &equal {
                beyond.insert(field.clone(), value.clone());
            }
            branches.push(beyond);
        }
        equal.insert(field.clone(), doc! {"$eq": value});
    }
    Ok(doc! {"$or": branches})
}

/// MongoDB's order of types, by the names that `$type` takes. Null, and a missing value, come before them.
const TYPES: [&str; 10] = [
    "number",
    "string",
    "object",
    "array",
    "binData",
    "objectId",
    "bool",
    "date",
    "timestamp",
    "regex",
];

/// What comes after a value in the order of one field. A comparison stays within one type, so the types
/// that come after are named beside it.
fn beyond(field: &str, value: &Bson, ascending: bool) -> Outcome<Option<Document>> {
    let null = || doc! {field: {"$eq": Bson::Null}};
    let name = match value {
        Bson::Null | Bson::Undefined if ascending => {
            return Ok(Some(doc! {field: {"$ne": Bson::Null}}));
        }
        // Nothing is less than null.
        Bson::Null | Bson::Undefined => return Ok(None),
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => "number",
        Bson::String(_) | Bson::Symbol(_) => "string",
        Bson::Document(_) => "object",
        Bson::Binary(_) => "binData",
        Bson::ObjectId(_) => "objectId",
        Bson::Boolean(_) => "bool",
        Bson::DateTime(_) => "date",
        Bson::Timestamp(_) => "timestamp",
        other => {
            return Err(OriginError::Invalid(format!(
                "the cursor holds a {:?}, by which no list is paged",
                other.element_type()
            )));
        }
    };
    let at = TYPES.iter().position(|known| *known == name).unwrap_or(0);
    let is_nan = matches!(value, Bson::Double(number) if number.is_nan());
    let mut branches = match ascending {
        true if is_nan => vec![doc! {field: {"$gte": f64::NEG_INFINITY}}],
        true => vec![doc! {field: {"$gt": value}}],
        false if is_nan => vec![null()],
        // A not-a-number is less than every number, and compares with none.
        false if name == "number" => {
            vec![
                doc! {field: {"$lt": value}},
                doc! {field: {"$eq": f64::NAN}},
                null(),
            ]
        }
        false => vec![doc! {field: {"$lt": value}}, null()],
    };
    let others = if ascending {
        &TYPES[at + 1..]
    } else {
        &TYPES[..at]
    };
    if !others.is_empty() {
        branches.push(doc! {field: {"$type": others.to_vec()}});
    }
    Ok(Some(doc! {"$or": branches}))
}

fn keeps(projection: &Document, sort: &Document) -> bool {
    let includes = projection
        .iter()
        .any(|(field, how)| field != "_id" && is_one(how));
    let id_kept = projection.get("_id").is_none_or(is_one);
    id_kept
        && sort.keys().all(|field| {
            field == "_id"
                || match includes {
                    true => projection.contains_key(field) || projection.contains_key(top(field)),
                    false => {
                        !projection.contains_key(field) && !projection.contains_key(top(field))
                    }
                }
        })
}

fn with_sort_fields(mut projection: Document, sort: &Document) -> Document {
    let includes = projection
        .iter()
        .any(|(field, how)| field != "_id" && is_one(how));
    for field in sort.keys() {
        match includes {
            true if !projection.contains_key(top(field)) => {
                projection.insert(field, 1);
            }
            true => {}
            false => {
                projection.remove(field);
                projection.remove(top(field));
            }
        }
    }
    match includes {
        true => projection.insert("_id", 1),
        false => projection.remove("_id"),
    };
    projection
}

fn top(field: &str) -> &str {
    field.split('.').next().unwrap_or(field)
}

fn is_one(how: &Bson) -> bool {
    match how {
        Bson::Int32(number) => *number != 0,
        Bson::Int64(number) => *number != 0,
        Bson::Double(number) => *number != 0.0,
        Bson::Boolean(truth) => *truth,
        _ => true,
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
