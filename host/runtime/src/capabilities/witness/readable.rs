//! Arguments and answers of calls as JSON that a person can read and that can be turned back; judges none of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bson::Bson;
use bson::Document;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const DOCUMENT: &str = "$document";
const TEXT: &str = "$text";
const BASE64: &str = "$base64";

/// A tuple of arguments, one value for each, and how many bytes they hold.
pub(super) fn arguments<A: Serialize>(arguments: &A) -> wasmtime::Result<(Vec<Value>, usize)> {
    let mut bytes = 0;
    let values = match serde_json::to_value(arguments)? {
        // The tuple itself may look like a list of bytes.
        Value::Array(values) => values,
        one => vec![one],
    };
    let shown = values.into_iter().map(|value| show(value, &mut bytes));
    Ok((shown.collect(), bytes))
}

/// An answer, and how many bytes it holds.
pub(super) fn of<R: Serialize>(answer: &R) -> wasmtime::Result<(Value, usize)> {
    let mut bytes = 0;
    let shown = show(serde_json::to_value(answer)?, &mut bytes);
    Ok((shown, bytes))
}

/// What `of` has shown, as it was.
pub(super) fn back<R: DeserializeOwned>(shown: Value) -> Result<R, String> {
    serde_json::from_value(hide(shown)?).map_err(|error| error.to_string())
}

/// In the contract a list of numbers is a list of bytes.
fn show(value: Value, bytes: &mut usize) -> Value {
    match value {
        Value::Array(values) => match read_bytes(&values) {
            Some(read) => {
                *bytes += read.len();
                show_bytes(&read)
            }
            None => Value::Array(values.into_iter().map(|one| show(one, bytes)).collect()),
        },
        Value::Object(fields) => {
            let shown = fields
                .into_iter()
                .map(|(name, value)| (name, show(value, bytes)));
            Value::Object(shown.collect())
        }
        Value::String(text) => {
            *bytes += text.len();
            Value::String(text)
        }
        other => other,
    }
}

fn read_bytes(values: &[Value]) -> Option<Vec<u8>> {
    let byte = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
    match values {
        [] => None,
        values => values.iter().map(byte).collect(),
    }
}

fn show_bytes(bytes: &[u8]) -> Value {
    if let Some(document) = document(bytes) {
        return json!({ DOCUMENT: document });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|one: char| one.is_control() && !one.is_whitespace()) => {
            json!({ TEXT: text })
        }
        _ => json!({ BASE64: BASE64_STANDARD.encode(bytes) }),
    }
}

/// Canonical extended JSON (version 2), where that gives back the same bytes.
fn document(bytes: &[u8]) -> Option<Value> {
    let length = bytes.get(..4)?.try_into().ok()?;
    if usize::try_from(i32::from_le_bytes(length)).ok()? != bytes.len() {
        return None;
    }
    let read = Document::from_reader(bytes).ok()?;
    let shown = Bson::Document(read).into_canonical_extjson();
    (write(&shown).ok()? == bytes).then_some(shown)
}

fn write(shown: &Value) -> Result<Vec<u8>, String> {
    let said = |error: &dyn std::fmt::Display| format!("{shown}: {error}");
    match Bson::try_from(shown.clone()).map_err(|error| said(&error))? {
        Bson::Document(document) => document.to_vec().map_err(|error| said(&error)),
        _ => Err(said(&"this is not a document")),
    }
}

fn hide(shown: Value) -> Result<Value, String> {
    Ok(match shown {
        Value::Array(values) => values.into_iter().map(hide).collect::<Result<_, _>>()?,
        Value::Object(fields) if fields.len() == 1 && fields.keys().all(|name| is_bytes(name)) => {
            let bytes = match fields.into_iter().next() {
                Some((name, Value::String(text))) if name == TEXT => text.into_bytes(),
                Some((name, Value::String(text))) if name == BASE64 => BASE64_STANDARD
                    .decode(&text)
                    .map_err(|error| format!("{text}: {error}"))?,
                Some((_, document)) => write(&document)?,
                None => Vec::new(),
            };
            Value::from(bytes)
        }
        Value::Object(fields) => {
            let hidden = fields
                .into_iter()
                .map(|(name, value)| Ok::<_, String>((name, hide(value)?)));
            Value::Object(hidden.collect::<Result<_, _>>()?)
        }
        other => other,
    })
}

fn is_bytes(name: &str) -> bool {
    matches!(name, DOCUMENT | TEXT | BASE64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    #[test]
    fn what_is_shown_is_turned_back_to_the_same() {
        let document = doc! {"_id": bson::oid::ObjectId::new(), "n": 5_i64, "$text": "x", "at": bson::DateTime::now()};
        let document = document.to_vec().unwrap();
        for bytes in [
            document,
            b"{\"a\":1}".to_vec(),
            vec![0, 159, 146],
            vec![5, 0, 0, 0, 0],
            Vec::new(),
        ] {
            let answer: Result<Option<Vec<u8>>, String> = Ok(Some(bytes));
            let (shown, _) = of(&answer).unwrap();
            assert_eq!(
                back::<Result<Option<Vec<u8>>, String>>(shown).unwrap(),
                answer
            );
        }
    }

    #[test]
    fn bytes_are_shown_as_what_they_are() {
        let bytes = doc! {"n": 5}.to_vec().unwrap();
        let (shown, size) = arguments(&("jobs", bytes.clone(), 7_u32)).unwrap();
        let n = json!({"n": {"$numberInt": "5"}});
        assert_eq!(shown, [json!("jobs"), json!({"$document": n}), json!(7)]);
        assert_eq!(size, 4 + bytes.len());
        let relaxed = json!({"Ok": {"$document": {"n": 5}}});
        assert_eq!(back::<Result<Vec<u8>, String>>(relaxed).unwrap(), Ok(bytes));
        let wrong = back::<Vec<u8>>(json!({"$document": 5})).unwrap_err();
        assert!(wrong.contains("not a document"), "{wrong}");
    }
}
