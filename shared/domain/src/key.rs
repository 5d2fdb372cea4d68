//! Keys of partners: what may be asked for, and how it is kept; makes no secret.

use crate::access;
use crate::given;
use crate::violation::Violation;
use crate::violation::{id, text};
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

/// The fields of a key that an admin sees.
pub const FIELDS: [&str; 5] = ["id", "name", "companyId", "scopes", "createdAt"];

/// A key as it is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewKey {
    /// Whose program it is for.
    pub name: String,
    /// The company that it acts for.
    #[serde(default, deserialize_with = "given")]
    pub company_id: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
}

impl NewKey {
    /// The company, if there is one and every rule holds.
    pub fn check(&self) -> Result<Option<ObjectId>, Violation> {
        text("/name", &self.name, 2, 80)?;
        let known = access::scopes();
        if self.scopes.is_empty() {
            return Err(Violation::new("/scopes", "must name at least one scope"));
        }
        for (at, scope) in self.scopes.iter().enumerate() {
            let place = format!("/scopes/{at}");
            if !known.contains(&scope.as_str()) {
                let rule = format!("must be one of {}", known.join(", "));
                return Err(Violation::new(place, rule));
            }
            if self.scopes[..at].contains(scope) {
                return Err(Violation::new(place, "is named twice"));
            }
        }
        let company = self.company_id.as_deref();
        company.map(|company| id("/companyId", company)).transpose()
    }

    /// The document that is kept: a seal of the key, not the key.
    pub fn into_document(
        self,
        id: ObjectId,
        company: Option<ObjectId>,
        seal: String,
        now: DateTime,
    ) -> Document {
        doc! {
            "_id": id, "name": self.name.trim(), "scopes": self.scopes, "seal": seal,
            "companyId": company.map_or(Bson::Null, Bson::ObjectId), "createdAt": now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asks_for_known_scopes_once_each() {
        let place = |scopes: &[&str]| {
            let new = NewKey {
                name: "ATS".into(),
                company_id: None,
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            };
            new.check().map(drop).map_err(|violation| violation.pointer)
        };
        assert_eq!(place(&["jobs:write", "referrals:read"]), Ok(()));
        assert_eq!(place(&[]), Err("/scopes".into()));
        assert_eq!(place(&["jobs:write", "all"]), Err("/scopes/1".into()));
        assert_eq!(place(&["jobs:read", "jobs:read"]), Err("/scopes/1".into()));
    }
}
