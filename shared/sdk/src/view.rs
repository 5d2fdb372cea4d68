//! A stored document as the API shows it: `_id` as `id`, identifiers and dates as text; hides nothing.

use bson::{Bson, Document};
use serde_json::{Map, Value, json};

/// The JSON of a document. A function that must hide fields projects them away first.
pub fn view(document: Document) -> Value {
    let mut object = Map::new();
    for (name, value) in document {
        let name = if name == "_id" { "id".to_owned() } else { name };
        object.insert(name, shown(value));
    }
    Value::Object(object)
}

fn shown(value: Bson) -> Value {
    match value {
        Bson::Document(document) => view(document),
        Bson::Array(values) => values.into_iter().map(shown).collect(),
        Bson::ObjectId(id) => json!(id.to_hex()),
        // A date out of the text's range is shown as it is kept: in milliseconds.
        Bson::DateTime(date) => date
            .try_to_rfc3339_string()
            .map_or_else(|_| json!(date.timestamp_millis()), Value::String),
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
    use bson::{DateTime, doc, oid::ObjectId};

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
}
