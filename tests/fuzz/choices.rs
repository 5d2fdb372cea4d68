//! A fuzzer's bytes as choices of numbers, texts and BSON; when they end every choice is the first.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};

/// What is left of the bytes.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    /// Whether there is anything left to choose by.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn below(&mut self, bound: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first % bound
    }

    /// One of several, 255 at most.
    pub fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[usize::from(self.below(list.len() as u8))]
    }

    pub fn number(&mut self) -> i64 {
        let bytes: [u8; 8] = std::array::from_fn(|_| self.below(255));
        i64::from_le_bytes(bytes) >> (self.below(64))
    }

    /// A text of fewer letters than `most`, of these.
    pub fn word(&mut self, letters: &[char], most: u8) -> String {
        let length = self.below(most);
        (0..length).map(|_| *self.one(letters)).collect()
    }

    pub fn text(&mut self) -> String {
        let letters = ['a', 'b', 'é', '%', '_', '\'', '"', '\\', '\u{10ffff}', ' '];
        self.word(&letters, 4)
    }

    pub fn scalar(&mut self) -> Bson {
        match self.below(8) {
            0 => Bson::Null,
            1 => Bson::Int32(self.number() as i32),
            2 => Bson::Int64(self.number()),
            3 => Bson::Double(f64::from_bits(self.number() as u64)),
            4 => Bson::String(self.text()),
            5 => Bson::Boolean(self.below(2) == 0),
            6 => Bson::DateTime(DateTime::from_millis(self.number() >> 12)),
            _ => Bson::ObjectId(ObjectId::from_bytes([self.below(255); 12])),
        }
    }

    pub fn value(&mut self, depth: u8) -> Bson {
        match self.below(6) {
            0 if depth < 2 => {
                let length = self.below(3);
                Bson::Array((0..length).map(|_| self.value(depth + 1)).collect())
            }
            1 if depth < 2 => Bson::Document(doc! {"c": self.value(depth + 1)}),
            _ => self.scalar(),
        }
    }

    pub fn document(&mut self) -> Document {
        let mut document = Document::new();
        for field in ["a", "b"] {
            if self.below(4) > 0 {
                document.insert(field, self.value(0));
            }
        }
        document
    }

    fn test(&mut self, depth: u8) -> Bson {
        let operator = *self.one(&[
            "$eq",
            "$ne",
            "$gt",
            "$gte",
            "$lt",
            "$lte",
            "$in",
            "$nin",
            "$exists",
            "$size",
            "$type",
            "$regex",
            "$all",
            "$elemMatch",
            "$not",
        ]);
        let operand = match operator {
            "$in" | "$nin" | "$all" => {
                let length = self.below(3);
                Bson::Array((0..length).map(|_| self.scalar()).collect())
            }
            "$exists" => Bson::Boolean(self.below(2) == 0),
            "$size" => Bson::Int32(i32::from(self.below(3))),
            "$type" => {
                let types = [
                    "number", "string", "bool", "date", "objectId", "array", "null", "object",
                ];
                Bson::String((*self.one(&types)).to_owned())
            }
            "$regex" => Bson::String(format!("^{}", self.text())),
            "$elemMatch" | "$not" if depth < 3 => self.test(depth + 1),
            _ => self.value(1),
        };
        Bson::Document(doc! {operator: operand})
    }

    /// A filter of the fields that `document` makes.
    pub fn filter(&mut self, depth: u8) -> Document {
        if depth < 3 && self.below(4) == 0 {
            let operator = *self.one(&["$and", "$or", "$nor"]);
            let length = self.below(3) + 1;
            let parts: Vec<_> = (0..length).map(|_| self.filter(depth + 1)).collect();
            return doc! {operator: parts};
        }
        let field = *self.one(&["a", "b", "a.c", "b.c", "a.c.c", "zz"]);
        match self.below(4) {
            0 => doc! {field: self.value(0)},
            _ => doc! {field: self.test(0)},
        }
    }
}
