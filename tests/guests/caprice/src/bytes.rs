//! The bytes of a request as choices: names, values and BSON, well formed or not; calls nothing.

use trm_sdk::bson::{Bson, Document};
use trm_sdk::doc;

/// Names that are odd in one way each.
const ODD: [&str; 18] = [
    "",
    "\0",
    "\n",
    " ",
    "*",
    ":*",
    "caprice",
    "caprice:",
    "caprice:\0",
    "caprice:\nx",
    "caprice:*",
    "caprice:\u{202e}\u{feff}é",
    "caprice:ｎ\u{10ffff}",
    "caprice:{a}'\"; --",
    "$where",
    "system.users",
    "../caprice",
    "trm_kv_caprice",
];
const OPERATORS: [&str; 24] = [
    "$eq",
    "$ne",
    "$gt",
    "$lt",
    "$in",
    "$nin",
    "$exists",
    "$size",
    "$type",
    "$regex",
    "$all",
    "$elemMatch",
    "$not",
    "$and",
    "$or",
    "$nor",
    "$where",
    "$expr",
    "$text",
    "$near",
    "$set",
    "$inc",
    "$push",
    "$",
];
const FIELDS: [&str; 8] = ["_id", "a", "b", "a.b", "a.0", "", "a..b", "é\u{202e}"];

/// What is left of them; when they end, every choice is the first.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[usize::from(self.byte()) % list.len()]
    }

    pub fn chance(&mut self, of: u8) -> bool {
        self.byte().is_multiple_of(of)
    }

    pub fn number(&mut self) -> u64 {
        let extremes = [
            0,
            1,
            1_000,
            u64::from(u32::MAX),
            i64::MAX as u64,
            u64::MAX,
            86_400_000,
        ];
        match self.chance(2) {
            true => *self.one(&extremes),
            false => (0..8).fold(0, |sum, _| sum << 8 | u64::from(self.byte())),
        }
    }

    /// Some of the bytes as they are.
    pub fn raw(&mut self) -> Vec<u8> {
        let length = usize::from(self.byte() % 64).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken.to_vec()
    }

    /// A name: granted and plain, odd, far too long, or anything.
    pub fn name(&mut self) -> String {
        match self.byte() % 6 {
            0 | 1 => format!("caprice:{}", self.byte() % 4),
            2 | 3 => (*self.one(&ODD)).to_owned(),
            4 => "caprice:é".repeat(*self.one(&[20, 57, 70, 8_000])),
            _ => String::from_utf8_lossy(&self.raw()).into_owned(),
        }
    }

    /// The collection that is granted, mostly.
    pub fn collection(&mut self) -> String {
        match self.chance(4) {
            true => self.name(),
            false => "caprice".to_owned(),
        }
    }

    /// A value of any size up to more than is taken.
    pub fn value(&mut self) -> Vec<u8> {
        let fill = self.byte();
        match self.chance(8) {
            true => vec![fill; *self.one(&[65_536, 1 << 20, (1 << 20) + 1, 3 << 20])],
            false => self.raw(),
        }
    }

    fn scalar(&mut self) -> Bson {
        match self.byte() % 8 {
            0 => Bson::Null,
            1 => Bson::Int32(self.number() as i32),
            2 => Bson::Int64(self.number() as i64),
            3 => Bson::Double(f64::from_bits(self.number())),
            4 => Bson::String(self.name()),
            5 => Bson::Boolean(self.chance(2)),
            6 => Bson::MaxKey,
            _ => Bson::Undefined,
        }
    }

    fn any(&mut self, depth: u8) -> Bson {
        match self.byte() % 5 {
            0 if depth < 4 => Bson::Document(self.document(depth + 1)),
            1 if depth < 4 => {
                Bson::Array((0..self.byte() % 4).map(|_| self.any(depth + 1)).collect())
            }
            _ => self.scalar(),
        }
    }

    /// Operators and fields in any order, whether or not they mean something together.
    fn document(&mut self, depth: u8) -> Document {
        let mut document = Document::new();
        for _ in 0..self.byte() % 4 {
            let name = match self.chance(2) {
                true => *self.one(&OPERATORS),
                false => *self.one(&FIELDS),
            };
            document.insert(name, self.any(depth));
        }
        document
    }

    fn stage(&mut self) -> Document {
        let of = self.collection();
        match self.byte() % 8 {
            0 => doc! {"$match": self.document(0)},
            1 => doc! {"$group": {"_id": "$a", "n": {"$sum": self.any(0)}}},
            2 => doc! {"$lookup": {"from": of, "localField": "a", "foreignField": "a", "as": "j"}},
            3 => doc! {"$sort": self.document(0)},
            4 => doc! {"$facet": {"x": [{"$unionWith": of}]}},
            5 => doc! {"$out": of},
            6 => doc! {"$limit": self.scalar()},
            _ => self.document(0),
        }
    }

    /// A document's bytes: whole mostly; else too deep, too large, cut, bent, or no document at all.
    pub fn bson(&mut self) -> Vec<u8> {
        let document = self.document(0);
        self.bent(&document)
    }

    /// The same for a stage of a pipeline.
    pub fn stage_bson(&mut self) -> Vec<u8> {
        let stage = self.stage();
        self.bent(&stage)
    }

    fn bent(&mut self, document: &Document) -> Vec<u8> {
        // What cannot be encoded, such as a name with a NUL, is none.
        let mut bytes = document.to_vec().unwrap_or_default();
        match self.byte() % 16 {
            0 => nested(*self.one(&[99, 100, 101, 5_000, 100_000])),
            1 => self.raw(),
            2 => Vec::new(),
            3 => {
                let at = usize::from(self.byte()) % bytes.len().max(1);
                bytes.truncate(at);
                bytes
            }
            4 | 5 => {
                let at = usize::from(self.byte()) % bytes.len().max(1);
                let other = self.byte();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = other;
                }
                bytes
            }
            6 => doc! {"a": "x".repeat(2 << 20)}.to_vec().unwrap_or_default(),
            _ => bytes,
        }
    }
}

/// `{"a": {"a": …}}` of so many levels, made from the inside without recursion.
fn nested(levels: usize) -> Vec<u8> {
    let mut bytes = vec![0; levels * 8 - 3];
    for level in 0..levels {
        let at = level * 7;
        let length = ((levels - level) * 8 - 3) as u32;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        if level + 1 < levels {
            bytes[at + 4..at + 7].copy_from_slice(&[3, b'a', 0]);
        }
    }
    bytes
}
