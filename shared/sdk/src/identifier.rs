//! Identifiers as text, 24 hexadecimal digits, read and written at once; makes no identifier.
//!
//! Each request to one of anything does both, and iterators and formatting cost several times as much.

use bson::oid::ObjectId;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The identifier that a text is, in digits of either case.
pub fn read(text: &str) -> Option<ObjectId> {
    let digits: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| Some(char::from(byte).to_digit(16)? as u8);
    let mut id = [0; 12];
    for (byte, two) in id.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(two[0])? << 4) | digit(two[1])?;
    }
    Some(ObjectId::from_bytes(id))
}

/// The digits of an identifier's bytes.
pub fn digits(id: &[u8; 12]) -> [u8; 24] {
    let mut digits = [0; 24];
    for (two, byte) in digits.chunks_exact_mut(2).zip(id) {
        two.copy_from_slice(&pair(*byte));
    }
    digits
}

/// The two digits of a byte.
pub(crate) fn pair(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_24_digits_of_either_case() {
        for text in ["650000000300000000000aef", "FFfF00000300000000000AEF"] {
            let id = read(text).unwrap();
            assert_eq!(id, ObjectId::parse_str(text).unwrap());
            assert_eq!(digits(&id.bytes()), *id.to_hex().as_bytes());
        }
        for text in [
            "",
            "650000000300000000000ae",
            "650000000300000000000aeff",
            "65000000030000000000+1aef",
            "65000000030000000000éa",
            "g50000000300000000000aef",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
