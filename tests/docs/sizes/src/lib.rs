//! The types that the measured functions read and write.

use bson::DateTime;
use bson::oid::ObjectId;
use serde::{Deserialize, Serialize};

/// A small body.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Its city.
    pub city: String,
    /// Its country.
    pub country: String,
}

/// A stored document.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its identifier.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// Its title.
    pub title: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was created.
    pub created_at: DateTime,
}

/// Another stored document.
#[derive(Serialize, Deserialize)]
pub struct Person {
    /// Its identifier.
    #[serde(rename = "_id")]
    pub id: ObjectId,
    /// The person's name.
    pub name: String,
    /// The person's address, if there is one.
    pub email: Option<String>,
    /// Where the person has lived.
    pub places: Vec<Place>,
}
