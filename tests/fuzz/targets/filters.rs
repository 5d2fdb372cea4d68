//! A filter as SQL against the same filter as a rule: where both answer they answer the same; makes only what both may take.

#![no_main]

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use libfuzzer_sys::fuzz_target;
use rusqlite::{Connection, params_from_iter};
use trm_query::path::Shape;
use trm_query::{filter, key, matches};

/// The fuzzer's bytes as choices.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: u8) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first % bound
    }

    fn number(&mut self) -> i64 {
        let bytes: [u8; 8] = std::array::from_fn(|_| self.below(255));
        i64::from_le_bytes(bytes) >> (self.below(64))
    }

    fn text(&mut self) -> String {
        let length = self.below(4);
        let letters = ['a', 'b', 'é', '%', '_', '\'', '"', '\\', '\u{10ffff}', ' '];
        (0..length)
            .map(|_| letters[usize::from(self.below(10))])
            .collect()
    }

    fn scalar(&mut self) -> Bson {
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

    fn value(&mut self, depth: u8) -> Bson {
        match self.below(6) {
            0 if depth < 2 => {
                let length = self.below(3);
                Bson::Array((0..length).map(|_| self.value(depth + 1)).collect())
            }
            1 if depth < 2 => Bson::Document(doc! {"c": self.value(depth + 1)}),
            _ => self.scalar(),
        }
    }

    fn document(&mut self) -> Document {
        let mut document = Document::new();
        for field in ["a", "b"] {
            if self.below(4) > 0 {
                document.insert(field, self.value(0));
            }
        }
        document
    }

    fn test(&mut self, depth: u8) -> Bson {
        let operator = [
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
        ][usize::from(self.below(15))];
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
                Bson::String(types[usize::from(self.below(8))].to_owned())
            }
            "$regex" => Bson::String(format!("^{}", self.text())),
            "$elemMatch" | "$not" if depth < 3 => self.test(depth + 1),
            _ => self.value(1),
        };
        Bson::Document(doc! {operator: operand})
    }

    fn filter(&mut self, depth: u8) -> Document {
        if depth < 3 && self.below(4) == 0 {
            let operator = ["$and", "$or", "$nor"][usize::from(self.below(3))];
            let length = self.below(3) + 1;
            let parts: Vec<_> = (0..length).map(|_| self.filter(depth + 1)).collect();
            return doc! {operator: parts};
        }
        let field = ["a", "b", "a.c", "b.c", "a.c.c", "zz"][usize::from(self.below(6))];
        match self.below(4) {
            0 => doc! {field: self.value(0)},
            _ => doc! {field: self.test(0)},
        }
    }
}

thread_local! {
    static SQLITE: Connection = Connection::open_in_memory().expect("SQLite opens");
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let documents = [choices.document(), choices.document()];
    let filter = choices.filter(0);
    let mut shape = Shape::default();
    let forms = documents
        .each_ref()
        .map(|document| key::document(document, &mut shape));
    let Ok(condition) = filter::condition(&filter, &shape) else {
        return;
    };
    for (document, form) in documents.iter().zip(forms) {
        let (Ok(form), Ok(rule)) = (form, matches::matches(document, &filter)) else {
            continue;
        };
        let sql = format!(
            "WITH one(id, doc) AS (SELECT 0, ?) SELECT ifnull(({}), 0) <> 0 FROM one",
            condition.sql
        );
        let form = form.to_string();
        let values = std::iter::once(&form).chain(&condition.keys);
        let found: bool = SQLITE.with(|sqlite| {
            let mut statement = sqlite.prepare(&sql).expect("the SQL is SQL");
            statement
                .query_row(params_from_iter(values), |row| row.get(0))
                .expect("it is answered")
        });
        assert_eq!(
            found, rule,
            "{filter} of {document}: {} with {:?}",
            condition.sql, condition.keys
        );
    }
});
