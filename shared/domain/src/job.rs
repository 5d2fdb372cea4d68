//! Jobs: what may be posted and changed, and how it is kept; asks no store.

use crate::fields::Fields;
use crate::given;
use crate::money::{Money, Salary};
use crate::place::Location;
use crate::violation::Violation;
use crate::violation::{id, text};
use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde::{Deserialize, Serialize};

/// The fields of a job that a client may choose between.
pub const FIELDS: [&str; 12] = [
    "id",
    "companyId",
    "title",
    "description",
    "location",
    "salary",
    "referralBonus",
    "tags",
    "status",
    "revision",
    "createdAt",
    "updatedAt",
];
/// The fields by which a list of jobs can be sorted.
pub const SORTABLE: [&str; 5] = [
    "createdAt",
    "updatedAt",
    "title",
    "salary.min",
    "salary.max",
];

/// The greatest amount that every JSON reader keeps exactly.
pub const MOST_AMOUNT: i64 = 9_007_199_254_740_991;

/// The statuses that a list can be narrowed to; `all` is all that anyone may see.
pub const STATUSES: [&str; 5] = ["active", "draft", "paused", "closed", "all"];
/// The status of a job that only its company and admins see.
pub const DRAFT: &str = "draft";
/// The statuses of the others.
pub const SHOWN: [&str; 3] = ["active", "paused", "closed"];

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not shown yet.
    Draft,
    /// Open for referrals.
    Active,
    /// Shown, but takes no referrals for now.
    Paused,
    /// Over.
    Closed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Draft, Self::Active, Self::Paused, Self::Closed];

    /// The status of a text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// As it is kept and spelt.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Closed => "closed",
        }
    }
}

/// A job as it is posted.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJob {
    /// The company that offers it.
    pub company_id: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub description: String,
    /// Where it is.
    pub location: Location,
    /// What it pays in a year.
    pub salary: Salary,
    /// What a successful referral is worth.
    #[serde(default, deserialize_with = "given")]
    pub referral_bonus: Option<Money>,
    /// Keywords.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `draft` or `active`.
    #[serde(default, deserialize_with = "given")]
    pub status: Option<Status>,
}

/// A change of a job: only what is to be changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JobPatch {
    #[serde(deserialize_with = "given")]
    title: Option<String>,
    #[serde(deserialize_with = "given")]
    description: Option<String>,
    #[serde(deserialize_with = "given")]
    location: Option<Location>,
    #[serde(deserialize_with = "given")]
    salary: Option<Salary>,
    #[serde(deserialize_with = "given")]
    referral_bonus: Option<Money>,
    #[serde(deserialize_with = "given")]
    tags: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    status: Option<Status>,
}

impl NewJob {
    /// The company, if every rule holds.
    pub fn check(&self) -> Result<ObjectId, Violation> {
        let company = id("/companyId", &self.company_id)?;
        check_title(&self.title)?;
        check_description(&self.description)?;
        self.location.check("/location")?;
        self.salary.check("/salary")?;
        if let Some(bonus) = &self.referral_bonus {
            bonus.check("/referralBonus")?;
        }
        check_tags(&self.tags)?;
        match self.status {
            None | Some(Status::Draft | Status::Active) => Ok(company),
            Some(_) => Err(Violation::new("/status", "a new job is draft or active")),
        }
    }

    /// The document that is kept.
    pub fn into_document(self, id: ObjectId, company: ObjectId, now: DateTime) -> Document {
        let mut document = doc! {
            "_id": id,
            "companyId": company,
            "title": self.title.trim(),
            "description": self.description,
            "location": self.location.to_document(),
            "salary": self.salary.to_document(),
            "tags": self.tags,
            "status": self.status.unwrap_or(Status::Active).as_str(),
            "revision": 1_i64,
            "createdAt": now,
            "updatedAt": now,
        };
        if let Some(bonus) = self.referral_bonus {
            document.insert("referralBonus", bonus.to_document());
        }
        document
    }
}

impl JobPatch {
    /// The fields to set, if there are any and every rule holds.
    pub fn check(self, now: DateTime) -> Result<Document, Violation> {
        if let Some(description) = &self.description {
            check_description(description)?;
        }
        if let Some(salary) = &self.salary {
            salary.check("/salary")?;
        }
        if let Some(bonus) = &self.referral_bonus {
            bonus.check("/referralBonus")?;
        }
        check_tags(self.tags.as_deref().unwrap_or_default())?;
        let mut set = Fields::default();
        set.text("title", self.title, 3, 140)?;
        set.value("description", self.description);
        set.place(self.location)?;
        set.value("salary", self.salary.map(|salary| salary.to_document()));
        let bonus = self.referral_bonus.map(|bonus| bonus.to_document());
        set.value("referralBonus", bonus);
        set.value("tags", self.tags);
        set.value("status", self.status.map(Status::as_str));
        set.done(now)
    }
}

/// The words of a search: letters and digits alone, so that none is taken for an operator of the store.
pub fn words(text: &str) -> Result<String, Violation> {
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if text.chars().count() > 200 || !(1..=10).contains(&words.len()) {
        let rule = "must hold 1 to 10 words, in at most 200 characters";
        return Err(Violation::new("", rule));
    }
    Ok(words.join(" "))
}

fn check_title(title: &str) -> Result<(), Violation> {
    text("/title", title, 3, 140)
}

fn check_description(description: &str) -> Result<(), Violation> {
    text("/description", description, 1, 20_000)
}

fn check_tags(tags: &[String]) -> Result<(), Violation> {
    if tags.len() > 10 {
        return Err(Violation::new("/tags", "must be at most 10 tags"));
    }
    tags.iter()
        .enumerate()
        .try_for_each(|(at, tag)| text(&format!("/tags/{at}"), tag, 1, 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(change: impl FnOnce(&mut serde_json::Value)) -> NewJob {
        let mut json = serde_json::json!({
            "companyId": "650000000000000000000001", "title": "Engineer", "description": "Builds.",
            "location": {"city": "Berlin", "country": "DE"},
            "salary": {"min": 1, "max": 2, "currency": "EUR"},
        });
        change(&mut json);
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn each_rule_names_its_place() {
        assert!(job(|_| ()).check().is_ok());
        let place = |change: fn(&mut serde_json::Value)| job(change).check().unwrap_err().pointer;
        assert_eq!(place(|job| job["companyId"] = "x".into()), "/companyId");
        assert_eq!(place(|job| job["title"] = "ab".into()), "/title");
        assert_eq!(place(|job| job["salary"]["max"] = 0.into()), "/salary/max");
        assert_eq!(
            place(|job| job["salary"]["currency"] = "euro".into()),
            "/salary/currency"
        );
        assert_eq!(
            place(|job| job["location"]["country"] = "Germany".into()),
            "/location/country"
        );
        assert_eq!(
            place(|job| job["tags"] = serde_json::json!(["ok", ""])),
            "/tags/1"
        );
        assert_eq!(place(|job| job["status"] = "closed".into()), "/status");
    }

    #[test]
    fn a_patch_sets_only_what_it_names() {
        let now = DateTime::from_millis(1);
        let patch: JobPatch = serde_json::from_str(r#"{"title":" New title "}"#).unwrap();
        assert_eq!(
            patch.check(now).unwrap(),
            doc! {"title": "New title", "updatedAt": now}
        );
        assert!(
            JobPatch::default()
                .check(now)
                .unwrap_err()
                .rule
                .contains("at least one")
        );
        assert!(serde_json::from_str::<JobPatch>(r#"{"title":null}"#).is_err());
    }
}
