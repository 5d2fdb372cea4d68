//! Where a job or a person is; resolves no addresses.

use crate::violation::Violation;
use crate::violation::text;
use bson::{Document, doc};
use serde::{Deserialize, Serialize};

/// A city in a country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The city's name.
    pub city: String,
    /// Two capital letters (ISO 3166-1 alpha-2).
    pub country: String,
    /// Whether the work may be done from elsewhere.
    #[serde(default)]
    pub remote: bool,
}

impl Location {
    /// A city's name and a country's code.
    pub fn check(&self, pointer: &str) -> Result<(), Violation> {
        text(&format!("{pointer}/city"), &self.city, 1, 100)?;
        if self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(());
        }
        let rule = "must be two capital letters (ISO 3166-1 alpha-2), like DE";
        Err(Violation::new(format!("{pointer}/country"), rule))
    }

    /// As it is kept.
    pub fn to_document(&self) -> Document {
        doc! {"city": &self.city, "country": &self.country, "remote": self.remote}
    }
}
