//! Documents as bytes, the form in which stores and caches keep them; asks no store.
//!
//! A `Document` takes a way without serde: what serde makes of BSON's own types is several times as large as the rest
//! of a function. A `RawDocumentBuf` is the bytes themselves.

use super::Error;
use bson::{Document, RawDocument, RawDocumentBuf};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::{Any, TypeId};

/// The bytes of a document.
pub fn bytes<T: Serialize + 'static>(value: &T) -> Result<Vec<u8>, Error> {
    let bytes = match (value as &dyn Any).downcast_ref::<Document>() {
        Some(document) => document.to_vec(),
        None => bson::serialize_to_vec(value),
    };
    bytes.map_err(|error| Error::Invalid(error.to_string()))
}

/// The document of such bytes. One that does not fit its type was written by something else: a fault of the data.
pub fn read<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Result<T, Error> {
    fn as_it_is<A: 'static, T: 'static>(read: bson::error::Result<A>) -> Result<T, String> {
        let read = read.map_err(|error| error.to_string())?;
        same(read).ok_or_else(|| "it is no document".to_owned())
    }
    let asked = TypeId::of::<T>();
    let read = if asked == TypeId::of::<Document>() {
        as_it_is(RawDocument::from_bytes(bytes).and_then(Document::try_from))
    } else if asked == TypeId::of::<RawDocumentBuf>() {
        as_it_is(RawDocumentBuf::from_bytes(bytes.to_vec()))
    } else {
        bson::deserialize_from_slice(bytes).map_err(|error| error.to_string())
    };
    read.map_err(|error| {
        eprintln!("a stored document does not fit its type: {error}");
        Error::Internal
    })
}

/// A value as the other type, where both are one.
fn same<A: 'static, B: 'static>(value: A) -> Option<B> {
    let mut value = Some(value);
    let same = (&mut value as &mut dyn Any).downcast_mut::<Option<B>>();
    same.and_then(Option::take)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{DateTime, doc, oid::ObjectId};
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Kept {
        id: ObjectId,
        at: DateTime,
        text: Option<String>,
    }

    #[test]
    fn both_ways_write_and_read_the_same() {
        let kept = Kept {
            id: ObjectId::from_bytes([7; 12]),
            at: DateTime::from_millis(1),
            text: None,
        };
        let plain = doc! {"id": kept.id, "at": kept.at, "text": null};
        assert_eq!(bytes(&kept).unwrap(), bytes(&plain).unwrap());
        assert_eq!(read::<Kept>(&bytes(&plain).unwrap()).unwrap(), kept);
        assert_eq!(read::<Document>(&bytes(&kept).unwrap()).unwrap(), plain);
        let raw = read::<RawDocumentBuf>(&bytes(&kept).unwrap()).unwrap();
        assert_eq!(raw.as_bytes(), bytes(&plain).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_a_fault() {
        let bytes = bytes(&doc! {"id": 1}).unwrap();
        assert!(read::<Kept>(&bytes).is_err());
        assert!(read::<Document>(&bytes[..bytes.len() - 1]).is_err());
        assert!(read::<RawDocumentBuf>(&bytes[..bytes.len() - 1]).is_err());
    }
}
