//! JSON text (RFC 8259) of what documents hold, written at the end of a buffer; reads none.

use super::fields::Damaged;
use crate::identifier::{digits, pair};
use serde::Serialize;

/// A one in each byte of a word.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// A string. That it is UTF-8 is for the caller to see: once, of all that was written.
pub fn text(mut text: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    loop {
        let (as_it_is, rest) = text.split_at(plain_length(text));
        to.extend_from_slice(as_it_is);
        let Some((byte, rest)) = rest.split_first() else {
            break;
        };
        escape(*byte, to);
        text = rest;
    }
    to.push(b'"');
}

/// How much of a text is written as it is.
fn plain_length(text: &[u8]) -> usize {
    let (eights, _) = text.as_chunks();
    let plain_eights = eights.iter().take_while(|eight| plain(**eight));
    let passed = plain_eights.count() * 8;
    // The rest is in the last eight bytes too, together with some that are known.
    if passed == eights.len() * 8 && text.last_chunk().is_some_and(|eight| plain(*eight)) {
        return text.len();
    }
    let rest = text[passed..].iter();
    passed + rest.take_while(|byte| !special(**byte)).count()
}

fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether none of eight bytes is a quotation mark, a backslash or a control character.
fn plain(eight: [u8; 8]) -> bool {
    let word = u64::from_le_bytes(eight);
    // A byte below the bound borrows: its highest bit is set by the subtraction alone.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quoted = below(word ^ (ONES * u64::from(b'"')), 1);
    let slashed = below(word ^ (ONES * u64::from(b'\\')), 1);
    (below(word, 0x20) | quoted | slashed) & (ONES << 7) == 0
}

/// What stands for a byte that no JSON string holds as it is.
fn escape(byte: u8, to: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        other => {
            to.extend_from_slice(b"\\u00");
            return to.extend_from_slice(&pair(other));
        }
    };
    to.extend_from_slice(&[b'\\', letter]);
}

/// An identifier.
pub fn id(id: &[u8; 12], to: &mut Vec<u8>) {
    to.push(b'"');
    to.extend_from_slice(&digits(id));
    to.push(b'"');
}

/// Anything else, as `serde_json` writes it: a number that JSON has no form for is null.
pub fn other(value: impl Serialize, to: &mut Vec<u8>) -> Result<(), Damaged> {
    serde_json::to_writer(to, &value).map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_serde_json_writes_it() {
        let every: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        for start in (0..every.len()).filter(|start| every.is_char_boundary(*start)) {
            for length in [0, 1, 7, 8, 9, 40] {
                let Some(part) = every.get(start..start + length) else {
                    continue;
                };
                let mut written = Vec::new();
                text(part.as_bytes(), &mut written);
                assert_eq!(written, serde_json::to_vec(part).unwrap(), "{part:?}");
            }
        }
    }

    #[test]
    fn one_byte_among_eight_is_seen_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for beside in [b'a', 0x20, 0x7f, 0x80, 0xff] {
                for place in 0..8 {
                    let mut eight = [beside; 8];
                    eight[place] = byte;
                    assert_eq!(plain(eight), !special(byte), "{byte} among {beside}");
                }
            }
        }
    }
}
