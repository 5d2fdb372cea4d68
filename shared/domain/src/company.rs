//! Companies: what may be created and changed, and how it is kept; asks no store.

use crate::fields::Fields;
use crate::given;
use crate::place::Location;
use crate::violation::Violation;
use crate::violation::website;
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde::Deserialize;

/// The fields of a company that a client may choose between.
pub const FIELDS: [&str; 9] = [
    "id",
    "name",
    "industry",
    "size",
    "website",
    "location",
    "revision",
    "createdAt",
    "updatedAt",
];
/// The fields by which a list of companies can be sorted.
pub const SORTABLE: [&str; 2] = ["name", "createdAt"];
/// How many people work there.
pub const SIZES: [&str; 5] = ["1-10", "11-50", "51-200", "201-1000", "1001+"];

/// A company as it is created.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCompany {
    /// Its name.
    pub name: String,
    /// What it does.
    pub industry: String,
    /// One of [`SIZES`].
    pub size: String,
    /// Its address on the web.
    #[serde(default, deserialize_with = "given")]
    pub website: Option<String>,
    /// Where it sits.
    pub location: Location,
}

/// A change of a company: only what is to be changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompanyPatch {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    industry: Option<String>,
    #[serde(deserialize_with = "given")]
    size: Option<String>,
    #[serde(deserialize_with = "given")]
    website: Option<String>,
    #[serde(deserialize_with = "given")]
    location: Option<Location>,
}

impl NewCompany {
    /// The document that is kept, if every rule holds.
    pub fn into_document(self, id: ObjectId, now: DateTime) -> Result<Document, Violation> {
        let patch = CompanyPatch {
            name: Some(self.name),
            industry: Some(self.industry),
            size: Some(self.size),
            website: self.website,
            location: Some(self.location),
        };
        let mut document = doc! {"_id": id, "revision": 1_i64, "createdAt": now};
        document.extend(patch.check(now)?);
        Ok(document)
    }
}

impl CompanyPatch {
    /// The fields to set, if there are any and every rule holds.
    pub fn check(self, now: DateTime) -> Result<Document, Violation> {
        let mut set = Fields::default();
        set.text("name", self.name, 2, 120)?;
        set.text("industry", self.industry, 2, 80)?;
        set.word("size", self.size, &SIZES)?;
        if let Some(address) = &self.website {
            website("/website", address)?;
        }
        set.value("website", self.website);
        set.place(self.location)?;
        set.done(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_its_place() {
        let place = |field: &str, value: serde_json::Value| {
            let mut json = serde_json::json!({
                "name": "Acme", "industry": "Tools", "size": "11-50",
                "location": {"city": "Berlin", "country": "DE"},
            });
            json[field] = value;
            let new: NewCompany = serde_json::from_value(json).unwrap();
            new.into_document(ObjectId::new(), DateTime::from_millis(1))
                .map(drop)
                .map_err(|violation| violation.pointer)
        };
        assert_eq!(place("name", "Acme".into()), Ok(()));
        assert_eq!(place("name", "A".into()), Err("/name".into()));
        assert_eq!(place("size", "big".into()), Err("/size".into()));
        assert_eq!(place("website", "ftp://x".into()), Err("/website".into()));
        assert_eq!(place("website", "https://x.example".into()), Ok(()));
    }
}
