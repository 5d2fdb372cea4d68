//! A stored document as the API shows it: `_id` as `id`, identifiers and dates as text; hides nothing.

use crate::kept;
use crate::problem::Problem;
use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument};
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// What most documents have no more of.
const USUAL_FIELDS: usize = 24;

/// The JSON of a document that was just made, or that is still to be changed. A function that must hide fields projects
/// them away first.
pub fn view(document: Document) -> Value {
    let mut object = Map::new();
    for (name, value) in document {
        let name = if name == "_id" { "id".to_owned() } else { name };
        object.insert(name, shown(value));
    }
    Value::Object(object)
}

/// The same of a document as its store gave it: written from its bytes, of which nothing is built on the way.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a>(pub &'a RawDocument);

impl Serialize for Stored<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        each_field(self.0, to, |_, _| {})
    }
}

/// The same as a cache keeps it, with the document's revision behind it, where it has one: a look for that alone would
/// read the document once more. `revision::public` answers with it.
pub fn revised(document: &RawDocument) -> Result<Vec<u8>, Problem> {
    let (mut json, mut revision) = (Vec::new(), None);
    let to = &mut serde_json::Serializer::new(&mut json);
    let shown = each_field(document, to, |name, value| {
        if name == "revision" {
            revision = match value {
                RawBsonRef::Int32(revision) => Some(i64::from(revision)),
                RawBsonRef::Int64(revision) => Some(revision),
                _ => None,
            };
        }
    });
    shown.map_err(Problem::internal)?;
    Ok(match revision {
        Some(revision) => kept::with(json, revision.to_string().as_bytes()),
        None => json,
    })
}

fn each_field<S: Serializer>(
    document: &RawDocument,
    to: S,
    mut see: impl FnMut(&str, RawBsonRef<'_>),
) -> Result<S::Ok, S::Error> {
    let mut fields = Vec::with_capacity(USUAL_FIELDS);
    for field in document.iter() {
        let (name, value) = field.map_err(S::Error::custom)?;
        fields.push((shown_name(name.as_str()), value));
    }
    fields.sort_by_key(|(name, _)| *name);
    let mut object = to.serialize_map(Some(fields.len()))?;
    for (name, value) in fields {
        see(name, value);
        object.serialize_entry(name, &StoredValue(value))?;
    }
    object.end()
}

struct StoredValue<'a>(RawBsonRef<'a>);

impl Serialize for StoredValue<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawBsonRef::Document(document) => Stored(document).serialize(to),
            RawBsonRef::Array(values) => {
                let values = values.into_iter();
                let values: Result<Vec<_>, _> = values.map(|value| value.map(Self)).collect();
                to.collect_seq(values.map_err(S::Error::custom)?)
            }
            RawBsonRef::ObjectId(id) => to.serialize_str(&id.to_hex()),
            RawBsonRef::DateTime(date) => match date_text(date) {
                Ok(text) => to.serialize_str(&text),
                Err(millis) => to.serialize_i64(millis),
            },
            RawBsonRef::Int32(number) => to.serialize_i32(number),
            RawBsonRef::Int64(number) => to.serialize_i64(number),
            RawBsonRef::Double(number) => to.serialize_f64(number),
            RawBsonRef::Boolean(truth) => to.serialize_bool(truth),
            RawBsonRef::String(text) => to.serialize_str(text),
            RawBsonRef::Null => to.serialize_unit(),
            other => {
                let other = Bson::try_from(other).map_err(S::Error::custom)?;
                shown(other).serialize(to)
            }
        }
    }
}

fn shown_name(name: &str) -> &str {
    if name == "_id" { "id" } else { name }
}

/// A date out of the text's range is shown as it is kept: in milliseconds.
fn date_text(date: DateTime) -> Result<String, i64> {
    date.try_to_rfc3339_string()
        .map_err(|_| date.timestamp_millis())
}

fn shown(value: Bson) -> Value {
    match value {
        Bson::Document(document) => view(document),
        Bson::Array(values) => values.into_iter().map(shown).collect(),
        Bson::ObjectId(id) => json!(id.to_hex()),
        Bson::DateTime(date) => date_text(date).map_or_else(|millis| json!(millis), Value::String),
        Bson::Int32(number) => json!(number),
        Bson::Int64(number) => json!(number),
        Bson::Double(number) => json!(number),
        Bson::Boolean(truth) => json!(truth),
        Bson::String(text) => Value::String(text),
        Bson::Null => Value::Null,
        // Types that no function stores; shown as MongoDB prints them.
        other => Value::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{RawDocumentBuf, Timestamp, doc, oid::ObjectId};

    #[test]
    fn identifiers_and_dates_are_text() {
        let id = ObjectId::from_bytes([1; 12]);
        let shown = view(doc! {
            "_id": id, "at": DateTime::from_millis(1_700_000_000_123_i64), "n": [1_i64, 2.5],
            "by": {"_id": id},
        });
        let hex = id.to_hex();
        let expected = json!({
            "id": hex, "at": "2023-11-14T22:13:20.123Z", "n": [1, 2.5], "by": {"id": hex},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_a_store_gave_is_shown_alike_its_names_in_order() {
        let id = ObjectId::from_bytes([1; 12]);
        let document = doc! {
            "z": "\"quoted\" and \u{1F600}\n", "_id": id, "at": DateTime::from_millis(1_700_000_000_123_i64),
            "late": DateTime::MAX, "n": [1_i64, 2.5, f64::NAN, [true, null, id], {"_id": id}], "by": {"_id": id, "revision": 9},
            "revision": 7_i32, "none": {}, "no": [], "other": Timestamp { time: 1, increment: 2 },
        };
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        let json = serde_json::to_string(&Stored(&raw)).unwrap();
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, view(document));
        let first = r#"{"at":"2023-11-14T22:13:20.123Z","by":{"id":"010101010101010101010101","revision":9},"id":"#;
        assert!(json.starts_with(first), "{json}");
        assert!(json.ends_with(r#","z":"\"quoted\" and 😀\n"}"#), "{json}");
        assert_eq!(revised(&raw).unwrap(), format!("{json}\n7").into_bytes());
        // What is damaged is a fault, not half a document.
        let mut damaged = raw.into_bytes();
        damaged[4] = 0x7e;
        let damaged = RawDocument::from_bytes(&damaged).unwrap();
        serde_json::to_string(&Stored(damaged)).unwrap_err();
        revised(damaged).unwrap_err();
    }
}
