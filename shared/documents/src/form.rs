//! The form of a guest's BSON, checked without recursion before anything decodes it; understands no query.

use crate::MAX_BYTES;
use crate::OriginError;
use crate::Outcome;
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

/// The deepest nesting that MongoDB takes, too.
const MAX_DEPTH: usize = 100;

/// A document that is whole, within the size of one, and not nested too deep to be decoded.
pub fn document(what: &str, bytes: Vec<u8>) -> Outcome<RawDocumentBuf> {
    if bytes.len() > MAX_BYTES {
        return Err(OriginError::TooLarge(format!(
            "{what} has {} bytes, and at most {MAX_BYTES} are taken",
            bytes.len()
        )));
    }
    let malformed = |error: bson::error::Error| {
        OriginError::Invalid(format!("{what} is not a BSON document: {error}"))
    };
    let document = RawDocumentBuf::from_bytes(bytes).map_err(malformed)?;
    // One iterator a level, on the heap: a deep document costs no stack.
    let mut levels = vec![document.iter()];
    while let Some(level) = levels.last_mut() {
        let Some(element) = level.next() else {
            levels.pop();
            continue;
        };
        let (_, value) = element.map_err(malformed)?;
        match value {
            RawBsonRef::Document(inner) => levels.push(inner.iter()),
            RawBsonRef::Array(inner) => {
                // An array is a document whose names are numbers.
                levels.push(
                    RawDocument::from_bytes(inner.as_bytes())
                        .map_err(malformed)?
                        .iter(),
                );
            }
            RawBsonRef::JavaScriptCodeWithScope(code) => levels.push(code.scope.iter()),
            _ => {}
        }
        if levels.len() > MAX_DEPTH {
            return Err(OriginError::Invalid(format!(
                "{what} is nested more than {MAX_DEPTH} deep"
            )));
        }
    }
    Ok(document)
}

/// The same for one that may be left out.
pub fn optional(what: &str, bytes: Option<Vec<u8>>) -> Outcome<Option<RawDocumentBuf>> {
    bytes.map(|bytes| document(what, bytes)).transpose()
}

/// The same for each of several.
pub fn documents(what: &str, all: Vec<Vec<u8>>) -> Outcome<Vec<RawDocumentBuf>> {
    all.into_iter().map(|bytes| document(what, bytes)).collect()
}

/// Their bytes.
pub fn all_bytes(documents: Vec<RawDocumentBuf>) -> Vec<Vec<u8>> {
    let all = documents.into_iter();
    all.map(RawDocumentBuf::into_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    /// `{"a": {"a": …}}` of so many levels, made from the inside without recursion.
    fn nested(levels: usize) -> Vec<u8> {
        let mut bytes = vec![5, 0, 0, 0, 0];
        for _ in 1..levels {
            let length = (bytes.len() + 8) as i32;
            let mut outer = length.to_le_bytes().to_vec();
            outer.extend([3, b'a', 0]);
            outer.extend(bytes);
            outer.push(0);
            bytes = outer;
        }
        bytes
    }

    #[test]
    fn only_whole_documents_of_bounded_depth_pass() {
        let plain = doc! {"a": [1, {"b": "x"}]}.to_vec().unwrap();
        assert!(document("x", plain.clone()).is_ok());
        assert!(document("x", nested(100)).is_ok());
        for deep in [101, 5_000] {
            let refused = document("x", nested(deep));
            assert!(matches!(refused, Err(OriginError::Invalid(why)) if why.contains("deep")));
        }
        for at in 0..plain.len() {
            let mut cut = plain.clone();
            cut.truncate(at);
            assert!(document("x", cut).is_err(), "{at}");
        }
        let huge = document("x", vec![0; MAX_BYTES + 1]);
        assert!(matches!(huge, Err(OriginError::TooLarge(_))));
    }
}
