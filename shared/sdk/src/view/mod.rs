//! A stored document as the API shows it: `_id` as `id`, identifiers and dates as text; hides nothing.

mod fields;
mod json;

use crate::kept;
use crate::problem::Problem;
use bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf};
use fields::{Damaged, Fields, Value};
use serde_json::{Map, json};

/// What most documents have no more of.
const USUAL_FIELDS: usize = 24;

/// The JSON of a document that was just made, or that is still to be changed. A function that must hide fields projects
/// them away first.
pub fn view(document: Document) -> serde_json::Value {
    let mut object = Map::new();
    for (name, value) in document {
        let name = if name == "_id" { "id".to_owned() } else { name };
        object.insert(name, shown(value));
    }
    serde_json::Value::Object(object)
}

/// The same of a document as its store gave it, its names in order: JSON written from BSON's bytes, of which nothing is
/// built on the way.
pub fn one(document: &RawDocument) -> Result<Vec<u8>, Problem> {
    written(document.as_bytes().len(), |to| {
        object(document.as_bytes(), to)
    })
}

/// The same of all of these, as an array.
pub fn all(documents: &[RawDocumentBuf]) -> Result<Vec<u8>, Problem> {
    let size = documents.iter().map(|document| document.as_bytes().len());
    written(size.sum(), |to| {
        let documents = documents.iter();
        separated(b"[]", documents, to, |one, to| object(one.as_bytes(), to))
    })
}

/// One as a cache keeps it, with the document's revision behind it, where it has one: a look for that alone would read
/// the document once more. `revision::public` answers with it.
pub fn revised(document: &RawDocument) -> Result<Vec<u8>, Problem> {
    let mut revision = None;
    let json = written(document.as_bytes().len(), |to| {
        let fields = shown_fields(document.as_bytes())?;
        revision = fields.iter().find_map(|(name, value)| match value {
            Value::Whole(revision) if *name == b"revision" => Some(*revision),
            _ => None,
        });
        named(fields, to)
    })?;
    Ok(match revision {
        Some(revision) => kept::with(json, revision.to_string().as_bytes()),
        None => json,
    })
}

/// What was written of so many bytes. That all texts are UTF-8 is seen here, at once.
fn written(
    size: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Damaged>,
) -> Result<Vec<u8>, Problem> {
    let mut json = Vec::with_capacity(size + size / 2);
    write(&mut json).map_err(|Damaged| Problem::internal("a stored document is damaged"))?;
    str::from_utf8(&json).map_err(Problem::internal)?;
    Ok(json)
}

fn object(document: &[u8], to: &mut Vec<u8>) -> Result<(), Damaged> {
    named(shown_fields(document)?, to)
}

fn named(fields: Vec<(&[u8], Value<'_>)>, to: &mut Vec<u8>) -> Result<(), Damaged> {
    separated(b"{}", fields, to, |(name, held), to| {
        json::text(name, to);
        to.push(b':');
        value(held, to)
    })
}

/// By their shown names.
fn shown_fields(document: &[u8]) -> Result<Vec<(&[u8], Value<'_>)>, Damaged> {
    let mut fields = Vec::with_capacity(USUAL_FIELDS);
    for field in Fields::of(document) {
        let (name, value) = field?;
        fields.push((if name == b"_id" { b"id" } else { name }, value));
    }
    fields.sort_by_key(|(name, _)| *name);
    // Of those with one name the last is shown.
    fields.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 = later.1;
        }
        same
    });
    Ok(fields)
}

/// One after the other with commas between, within these two.
fn separated<T>(
    around: &[u8; 2],
    each: impl IntoIterator<Item = T>,
    to: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>) -> Result<(), Damaged>,
) -> Result<(), Damaged> {
    let mut before = around[0];
    for one in each {
        to.push(before);
        write(one, to)?;
        before = b',';
    }
    if before != b',' {
        to.push(before);
    }
    to.push(around[1]);
    Ok(())
}

fn value(held: Value<'_>, to: &mut Vec<u8>) -> Result<(), Damaged> {
    match held {
        Value::Document(document) => object(document, to)?,
        Value::Array(array) => separated(b"[]", Fields::of(array), to, |field, to| {
            value(field?.1, to)
        })?,
        Value::Text(text) => json::text(text, to),
        Value::Id(id) => json::id(id, to),
        Value::Date(millis) => match date_text(DateTime::from_millis(millis)) {
            Ok(text) => json::text(text.as_bytes(), to),
            Err(millis) => json::other(millis, to)?,
        },
        Value::Whole(number) => json::other(number, to)?,
        Value::Double(number) => json::other(number, to)?,
        Value::Truth(truth) => to.extend_from_slice(if truth { b"true" } else { b"false" }),
        Value::Nothing => to.extend_from_slice(b"null"),
        Value::Other(element) => json::other(shown(fields::whole(element)?), to)?,
    }
    Ok(())
}

/// A date out of the text's range is shown as it is kept: in milliseconds.
fn date_text(date: DateTime) -> Result<String, i64> {
    date.try_to_rfc3339_string()
        .map_err(|_| date.timestamp_millis())
}

fn shown(value: Bson) -> serde_json::Value {
    match value {
        Bson::Document(document) => view(document),
        Bson::Array(values) => values.into_iter().map(shown).collect(),
        Bson::ObjectId(id) => json!(id.to_hex()),
        Bson::DateTime(date) => {
            date_text(date).map_or_else(|millis| json!(millis), |text| json!(text))
        }
        Bson::Int32(number) => json!(number),
        Bson::Int64(number) => json!(number),
        Bson::Double(number) => json!(number),
        Bson::Boolean(truth) => json!(truth),
        Bson::String(text) => json!(text),
        Bson::Null => serde_json::Value::Null,
        // Types that no function stores; shown as MongoDB prints them.
        other => json!(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Binary, Decimal128, JavaScriptCodeWithScope, Regex, Timestamp, doc, oid::ObjectId};
    use bson::{raw::CString, spec::BinarySubtype};
    use serde_json::Value;

    fn raw(document: &Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(document).unwrap()
    }

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
            "revision": 7_i32, "none": {}, "no": [],
        };
        let raw = raw(&document);
        let json = String::from_utf8(one(&raw).unwrap()).unwrap();
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, view(document));
        let first = r#"{"at":"2023-11-14T22:13:20.123Z","by":{"id":"010101010101010101010101","revision":9},"id":"#;
        assert!(json.starts_with(first), "{json}");
        assert!(json.ends_with(r#","z":"\"quoted\" and 😀\n"}"#), "{json}");
        assert_eq!(revised(&raw).unwrap(), format!("{json}\n7").into_bytes());
        let list = all(&[raw.clone(), raw]).unwrap();
        assert_eq!(list, format!("[{json},{json}]").into_bytes());
        assert_eq!(all(&[]).unwrap(), b"[]");
    }

    #[test]
    fn a_name_is_shown_once() {
        let document = raw(&doc! {"_id": 1, "a": 2, "id": 3});
        assert_eq!(one(&document).unwrap(), br#"{"a":2,"id":3}"#);
    }

    #[test]
    fn types_that_no_function_stores_are_shown_and_passed_over() {
        let (words, text) = (CString::try_from("a+").unwrap(), || "a".to_owned());
        let options = CString::try_from("i").unwrap();
        for other in [
            Bson::Undefined,
            Bson::MinKey,
            Bson::MaxKey,
            Bson::Timestamp(Timestamp {
                time: 1,
                increment: 2,
            }),
            Bson::Decimal128(Decimal128::from_bytes([0; 16])),
            Bson::Symbol(text()),
            Bson::JavaScriptCode(text()),
            Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope {
                code: text(),
                scope: doc! {"x": 1},
            }),
            Bson::RegularExpression(Regex {
                pattern: words,
                options,
            }),
            Bson::Binary(Binary {
                subtype: BinarySubtype::Generic,
                bytes: vec![1, 0, 2],
            }),
        ] {
            let document = doc! {"a": other, "b": 1};
            let json = one(&raw(&document)).unwrap();
            let read: Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(read, view(document));
        }
    }

    #[test]
    fn what_is_damaged_is_a_fault_and_not_half_a_document() {
        let document =
            doc! {"a": "x", "b": {"c": [1, true]}, "d": Timestamp { time: 1, increment: 2 }};
        let bytes = raw(&document).into_bytes();
        let shown = one(&raw(&document)).unwrap();
        // Each byte in its turn is another: what is shown then is JSON, or nothing is.
        for at in 4..bytes.len() - 1 {
            for other in 0..=u8::MAX {
                let mut damaged = bytes.clone();
                damaged[at] = other;
                if let Ok(json) = one(RawDocument::from_bytes(&damaged).unwrap()) {
                    serde_json::from_slice::<Value>(&json).unwrap();
                }
            }
        }
        let fault = |at: usize, other: u8| {
            let mut damaged = bytes.clone();
            damaged[at] = other;
            let damaged = RawDocument::from_bytes(&damaged).unwrap();
            one(damaged).unwrap_err();
            revised(damaged).unwrap_err();
            all(&[damaged.to_owned()]).unwrap_err();
        };
        // A type that there is not, a text that is longer than the document, one that is no UTF-8, an early end.
        for (at, other) in [(4, 0x7e), (7, 0x7d), (11, 0xff), (4, 0)] {
            fault(at, other);
        }
        assert!(shown.starts_with(br#"{"a":"x","b":{"c":[1,true]},"d":"#));
    }
}
