//! A body as a cache keeps it, with what its answer's headers need behind it; asks no cache.
//!
//! To read it out of the JSON at each request would cost more than the rest of a function.

use bytes::Bytes;

/// Between the two. JSON as it is written here never holds it.
const END: u8 = b'\n';

/// The JSON with a text behind it.
pub fn with(mut json: Vec<u8>, behind: &[u8]) -> Vec<u8> {
    json.push(END);
    json.extend_from_slice(behind);
    json
}

/// The JSON, and the text behind it where there is one.
pub fn split(kept: Bytes) -> (Bytes, Option<Bytes>) {
    match kept.iter().rposition(|byte| *byte == END) {
        Some(end) => (kept.slice(..end), Some(kept.slice(end + 1..))),
        None => (kept, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_behind_is_found_there() {
        let json = br#"{"a":"\n"}"#.to_vec();
        let (body, behind) = split(with(json.clone(), b"12").into());
        assert_eq!((&body[..], &behind.unwrap()[..]), (&json[..], &b"12"[..]));
        let without = split(Bytes::from_static(b"{}"));
        assert_eq!(without, (Bytes::from_static(b"{}"), None));
    }
}
