//! Names of cache entries and tags that end in an identifier; reads and keeps nothing.

use trm_sdk::bson::oid::ObjectId;

/// The prefix and the identifier, in hexadecimal. Each read of a document asks for two of them, and formatting costs
/// ten times as much.
pub fn of(prefix: &str, id: ObjectId) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 24];
    for (pair, byte) in text.chunks_exact_mut(2).zip(id.bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    [prefix, str::from_utf8(&text).expect("digits are text")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_formatting_gives() {
        let id = ObjectId::parse_str("650000000300000000000aef").unwrap();
        assert_eq!(of("job:", id), format!("job:{id}"));
    }
}
