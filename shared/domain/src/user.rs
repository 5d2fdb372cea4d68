//! Users: what may be registered and changed, and how it is kept; hashes no password.

use crate::fields::Fields;
use crate::given;
use crate::place::Location;
use crate::violation::Violation;
use crate::violation::{email, id, text};
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde::Deserialize;

/// What anyone may see of a user. A field added later is private until it is added here.
pub const PUBLIC: [&str; 8] = [
    "name",
    "headline",
    "role",
    "location",
    "companyId",
    "referrerProfile",
    "revision",
    "createdAt",
];
/// What a user's own account shows beside it.
pub const ACCOUNT: [&str; 2] = ["email", "updatedAt"];

/// The letters of an invite code: none that is taken for another.
const CODE: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A user as it registers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// The mail address, by which the user signs in.
    pub email: String,
    /// The password.
    pub password: String,
    /// The full name.
    pub name: String,
    /// `referrer` or `recruiter`.
    #[serde(default, deserialize_with = "given")]
    pub role: Option<SignUpRole>,
    /// The code of who has invited the user.
    #[serde(default, deserialize_with = "given")]
    pub invite_code: Option<String>,
}

/// What a user may call itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignUpRole {
    /// Refers candidates.
    Referrer,
    /// Hires for a company.
    Recruiter,
}

/// A change of a user: only what is to be changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserPatch {
    #[serde(deserialize_with = "given")]
    name: Option<String>,
    #[serde(deserialize_with = "given")]
    headline: Option<String>,
    #[serde(deserialize_with = "given")]
    location: Option<Location>,
    /// For admins.
    #[serde(deserialize_with = "given")]
    role: Option<String>,
    /// For admins.
    #[serde(deserialize_with = "given")]
    company_id: Option<String>,
}

impl NewUser {
    /// Whether every rule holds.
    pub fn check(&self) -> Result<(), Violation> {
        email("/email", &self.email)?;
        text("/name", &self.name, 1, 120)?;
        if let Some(code) = &self.invite_code {
            text("/inviteCode", code, 4, 40)?;
        }
        password("/password", &self.password)
    }

    /// The mail address as it is kept and looked up.
    pub fn email(&self) -> String {
        self.email.trim().to_lowercase()
    }

    /// The document that is kept. Referrers have a profile from the start.
    pub fn into_document(
        self,
        id: ObjectId,
        hash: String,
        code: String,
        parent: Option<ObjectId>,
        now: DateTime,
    ) -> Document {
        let role = match self.role {
            Some(SignUpRole::Recruiter) => "recruiter",
            _ => "referrer",
        };
        let mut document = doc! {
            "_id": id, "email": self.email(), "passwordHash": hash, "name": self.name.trim(),
            "role": role, "revision": 1_i64, "createdAt": now, "updatedAt": now,
        };
        if role == "referrer" || parent.is_some() {
            document.insert("referrerProfile", profile(code, parent));
        }
        document
    }
}

/// A referrer's profile.
pub fn profile(code: String, parent: Option<ObjectId>) -> Document {
    let mut profile = doc! {"inviteCode": code};
    if let Some(parent) = parent {
        profile.insert("parentReferrerId", parent);
    }
    profile
}

/// An invite code from random bytes: 50 bits of them.
pub fn invite_code(random: [u8; 10]) -> String {
    let letters = random.map(|byte| char::from(CODE[usize::from(byte) % CODE.len()]));
    format!("TRM-{}", String::from_iter(letters))
}

/// A password: long enough to be hard to guess, short enough to be hashed quickly.
pub fn password(pointer: &str, password: &str) -> Result<(), Violation> {
    let length = password.chars().count();
    if (10..=200).contains(&length) && password.len() <= 800 {
        return Ok(());
    }
    let rule = format!("must have 10 to 200 characters; it has {length}");
    Err(Violation::new(pointer, rule))
}

impl UserPatch {
    /// Whether it changes what only an admin may.
    pub fn needs_admin(&self) -> bool {
        self.role.is_some() || self.company_id.is_some()
    }

    /// The fields to set, if there are any and every rule holds.
    pub fn check(self, now: DateTime) -> Result<Document, Violation> {
        let company = self.company_id.as_deref();
        let company = company
            .map(|company| id("/companyId", company))
            .transpose()?;
        let mut set = Fields::default();
        set.text("name", self.name, 1, 120)?;
        set.text("headline", self.headline, 0, 160)?;
        set.place(self.location)?;
        set.word("role", self.role, &["referrer", "recruiter", "admin"])?;
        set.value("companyId", company);
        set.done(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(change: serde_json::Value) -> Result<NewUser, serde_json::Error> {
        let mut json = serde_json::json!({
            "email": "Ann@Example.com", "password": "correct horse", "name": "Ann",
        });
        json.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        serde_json::from_value(json)
    }

    #[test]
    fn nobody_registers_as_an_admin() {
        assert!(new(serde_json::json!({"role": "admin"})).is_err());
        let user = new(serde_json::json!({})).unwrap();
        user.check().unwrap();
        let kept = user.into_document(
            ObjectId::new(),
            "hash".into(),
            invite_code([7; 10]),
            None,
            DateTime::from_millis(1),
        );
        assert_eq!(kept.get_str("role").unwrap(), "referrer");
        assert_eq!(kept.get_str("email").unwrap(), "ann@example.com");
        assert!(!kept.contains_key("password"));
    }

    #[test]
    fn each_rule_names_its_place() {
        let place = |change| new(change).unwrap().check().unwrap_err().pointer;
        assert_eq!(place(serde_json::json!({"password": "short"})), "/password");
        assert_eq!(place(serde_json::json!({"email": "ann"})), "/email");
        let patch: UserPatch = serde_json::from_str(r#"{"role":"king"}"#).unwrap();
        assert!(patch.needs_admin());
        let violation = patch.check(DateTime::from_millis(1)).unwrap_err();
        assert_eq!(violation.pointer, "/role");
    }
}
