//! The fields of a document, read from its bytes (BSON 1.1) in one pass; builds no document and checks no text.

use bson::{Bson, RawDocument};

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Document(&'a [u8]),
    Array(&'a [u8]),
    Text(&'a [u8]),
    Id(&'a [u8; 12]),
    /// Milliseconds since 1970.
    Date(i64),
    Whole(i64),
    Double(f64),
    Truth(bool),
    Nothing,
    /// An element of a type that no function stores.
    Other(&'a [u8]),
}

/// The bytes are no document.
#[derive(Debug)]
pub struct Damaged;

/// What is left to read of a document.
pub struct Fields<'a> {
    document: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Of all its bytes.
    pub fn of(document: &'a [u8]) -> Self {
        Self { document, at: 4 }
    }

    fn read(&mut self) -> Option<(&'a [u8], Value<'a>)> {
        let start = self.at;
        let [kind] = *self.array()?;
        let name = self.name()?;
        let value = match kind {
            0x01 => Value::Double(f64::from_le_bytes(*self.array()?)),
            0x02 => Value::Text(self.text()?),
            0x03 => Value::Document(self.document()?),
            0x04 => Value::Array(self.document()?),
            0x07 => Value::Id(self.array()?),
            0x08 => Value::Truth(match self.array()? {
                [0] => false,
                [1] => true,
                _ => return None,
            }),
            0x09 => Value::Date(i64::from_le_bytes(*self.array()?)),
            0x0a => Value::Nothing,
            0x10 => Value::Whole(i32::from_le_bytes(*self.array()?).into()),
            0x12 => Value::Whole(i64::from_le_bytes(*self.array()?)),
            other => {
                self.skip(other)?;
                Value::Other(&self.document[start..self.at])
            }
        };
        Some((name, value))
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        let most = match kind {
            // Undefined and the two ends of every order.
            0x06 | 0x7f | 0xff => 0,
            // Binary, with its subtype.
            0x05 => self.length()?.checked_add(1)?,
            // A regular expression and its options.
            0x0b => {
                self.name()?;
                self.name()?;
                0
            }
            // A reference to another collection.
            0x0c => self.length()?.checked_add(12)?,
            // Code and symbols.
            0x0d | 0x0e => self.length()?,
            // Code with its scope, whose length counts itself.
            0x0f => self.length()?.checked_sub(4)?,
            // A timestamp and a decimal.
            0x11 => 8,
            0x13 => 16,
            _ => return None,
        };
        self.take(most).map(drop)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.document.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        self.take(N)?.first_chunk()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(i32::from_le_bytes(*self.array()?)).ok()
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let rest = self.document.get(self.at..)?;
        // Names are short: a search by words costs more to begin.
        let length = rest.iter().position(|byte| *byte == 0)?;
        self.at += length + 1;
        Some(&rest[..length])
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        match self.take(length)? {
            [text @ .., 0] => Some(text),
            _ => None,
        }
    }

    fn document(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.at -= 4;
        self.take(length)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(&'a [u8], Value<'a>), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        // The document ends with a zero byte, where its length says.
        if self.document.get(self.at) == Some(&0) && self.at + 1 == self.document.len() {
            return None;
        }
        let read = self.read();
        if read.is_none() {
            // Whoever goes on reading finds the end.
            *self = Self::of(&[5, 0, 0, 0, 0]);
        }
        Some(read.ok_or(Damaged))
    }
}

/// The value of an element of any type.
pub fn whole(element: &[u8]) -> Result<Bson, Damaged> {
    let length = i32::try_from(element.len() + 5).map_err(|_| Damaged)?;
    let document = [&length.to_le_bytes(), element, &[0]].concat();
    let document = RawDocument::from_bytes(&document).map_err(|_| Damaged)?;
    let mut fields = document.iter();
    let (_, value) = fields.next().ok_or(Damaged)?.map_err(|_| Damaged)?;
    Bson::try_from(value).map_err(|_| Damaged)
}
