//! Scalars as texts that sort in MongoDB's order, and documents in that form; reads no query.
//!
//! The first character is the type's rank (numbers 2, strings 3, binary 6, ObjectId 7, booleans 8, dates 9);
//! null is JSON's null, which SQLite sorts first, as MongoDB does.

use crate::QueryError;
use crate::path::Shape;
use bson::spec::BinarySubtype;
use bson::{Bson, Document};
use serde_json::{Map, Value};

/// The deepest nesting of a document.
const MAX_DEPTH: usize = 100;

/// What the key of a not-a-number is: below every number.
pub const NAN: &str = "200000000000000000000";

/// The key of a scalar; none for null, an error for what is no scalar of this store.
pub fn scalar(value: &Bson) -> Result<Option<String>, QueryError> {
    Ok(Some(match value {
        Bson::Null | Bson::Undefined => return Ok(None),
        Bson::Int32(number) => integer(i64::from(*number)),
        Bson::Int64(number) => integer(*number),
        Bson::Double(number) if number.is_nan() => NAN.to_owned(),
        // Adding zero makes -0.0 the 0.0 that it equals.
        Bson::Double(number) => format!("2{:016x}8000", ordered(number + 0.0)),
        Bson::String(text) if text.contains('\0') => {
            return Err(QueryError::unsupported("text with a NUL in it"));
        }
        Bson::String(text) => format!("3{text}"),
        Bson::Binary(binary) => {
            let hex: String = binary
                .bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!(
                "6{:08x}{:02x}{hex}",
                binary.bytes.len(),
                subtype(binary.subtype)
            )
        }
        Bson::ObjectId(id) => format!("7{}", id.to_hex()),
        Bson::Boolean(truth) => format!("8{}", u8::from(*truth)),
        Bson::DateTime(date) => {
            format!("9{:016x}", (date.timestamp_millis() as u64) ^ (1 << 63))
        }
        Bson::Document(_) | Bson::Array(_) => {
            return Err(QueryError::unsupported(
                "comparing with a whole document or array",
            ));
        }
        other => {
            return Err(QueryError::unsupported(format!(
                "the BSON type {:?}",
                other.element_type()
            )));
        }
    }))
}

/// A text that equal values share, of whatever numeric type, and that no two others do.
pub fn identity(value: &Bson) -> Result<String, QueryError> {
    let mut text = String::new();
    identify(value, 0, &mut text)?;
    Ok(text)
}

fn identify(value: &Bson, depth: usize, text: &mut String) -> Result<(), QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::invalid("a value is nested too deep"));
    }
    match value {
        Bson::Document(document) => {
            text.push('{');
            for (name, value) in document {
                text.push_str(&format!("{}:{name}", name.len()));
                identify(value, depth + 1, text)?;
            }
            text.push('}');
        }
        Bson::Array(values) => {
            text.push('[');
            for value in values {
                identify(value, depth + 1, text)?;
            }
            text.push(']');
        }
        other => {
            let key = scalar(other)?.unwrap_or_default();
            text.push_str(&format!("{}:{key}", key.len()));
        }
    }
    Ok(())
}

fn subtype(subtype: BinarySubtype) -> u8 {
    subtype.into()
}

/// An integer beside doubles: its nearest double, then how far it is from that.
fn integer(number: i64) -> String {
    let nearest = number as f64;
    let apart = i128::from(number) - nearest as i128;
    format!("2{:016x}{:04x}", ordered(nearest), 0x8000 + apart)
}

/// The bits of a double, in an order that unsigned comparison follows.
fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | (1 << 63)
    }
}

/// The JSON form of a document. What it holds arrays and documents at is added to the shape.
pub fn document(document: &Document, shape: &mut Shape) -> Result<Value, QueryError> {
    object(document, "", 0, shape)
}

fn object(
    document: &Document,
    at: &str,
    depth: usize,
    shape: &mut Shape,
) -> Result<Value, QueryError> {
    if depth > MAX_DEPTH {
        return Err(QueryError::invalid(format!(
            "a document is nested more than {MAX_DEPTH} deep"
        )));
    }
    let mut form = Map::new();
    for (name, value) in document {
        let path = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        form.insert(name.clone(), element(value, &path, depth + 1, shape)?);
    }
    Ok(Value::Object(form))
}

fn element(value: &Bson, path: &str, depth: usize, shape: &mut Shape) -> Result<Value, QueryError> {
    match value {
        Bson::Document(inner) => {
            shape.documents.insert(path.to_owned());
            object(inner, path, depth, shape)
        }
        Bson::Array(values) => {
            shape.arrays.insert(path.to_owned());
            if depth > MAX_DEPTH {
                return Err(QueryError::invalid("an array is nested too deep"));
            }
            values
                .iter()
                .map(|value| element(value, path, depth + 1, shape))
                .collect()
        }
        scalar_value => Ok(scalar(scalar_value)?.map_or(Value::Null, Value::String)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{DateTime, doc, oid::ObjectId};

    #[test]
    fn keys_sort_as_mongodb_sorts_values() {
        let big = 9_007_199_254_740_992_i64;
        let ascending: Vec<Bson> = vec![
            f64::NAN.into(),
            f64::NEG_INFINITY.into(),
            i64::MIN.into(),
            (-1.5).into(),
            (-1).into(),
            0.into(),
            0.5.into(),
            1.into(),
            2_i64.into(),
            big.into(),
            (big + 1).into(),
            i64::MAX.into(),
            f64::INFINITY.into(),
            "".into(),
            "A".into(),
            "a".into(),
            "é".into(),
            ObjectId::from_bytes([0; 12]).into(),
            ObjectId::from_bytes([1; 12]).into(),
            false.into(),
            true.into(),
            DateTime::from_millis(-5).into(),
            DateTime::from_millis(5).into(),
        ];
        let keys: Vec<_> = ascending
            .iter()
            .map(|value| scalar(value).unwrap().unwrap())
            .collect();
        for (at, pair) in keys.windows(2).enumerate() {
            assert!(
                pair[0] < pair[1],
                "{} is not before {}",
                ascending[at],
                ascending[at + 1]
            );
        }
    }

    #[test]
    fn equal_numbers_of_any_type_have_one_key() {
        assert_eq!(scalar(&1.into()), scalar(&1.0.into()));
        assert_eq!(scalar(&1.into()), scalar(&1_i64.into()));
        assert_eq!(scalar(&0.into()), scalar(&(-0.0).into()));
    }

    #[test]
    fn the_shape_remembers_arrays_and_documents() {
        let mut shape = Shape::default();
        document(&doc! {"a": {"b": [1, {"c": 2}]}}, &mut shape).unwrap();
        assert!(shape.arrays.contains("a.b") && shape.documents.contains("a"));
        assert!(shape.documents.contains("a.b"));
    }
}
