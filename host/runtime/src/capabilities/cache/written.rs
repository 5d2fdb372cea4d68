//! How the types of `trm:platform/cache` are written down, since the generated ones know no serde; converts only.

use super::Error;
use super::FillSlot;
use super::Found;
use super::Right;
use super::{EntryOptions, Freshness};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Error")]
enum ErrorForm {
    Denied(String),
    Invalid(String),
    TooLarge(String),
    DeadlineExceeded,
    Saturated,
    Unavailable(String),
}

#[derive(Serialize)]
#[serde(remote = "EntryOptions")]
struct OptionsForm {
    ttl_ms: Option<u64>,
    tags: Vec<String>,
}

#[derive(Serialize)]
#[serde(remote = "Freshness")]
struct FreshnessForm {
    stale_ms: Option<u64>,
    ahead: bool,
}

/// A lookup: of a fill its key, and what is kept of it.
#[derive(Serialize, Deserialize)]
enum FoundForm {
    Hit(Vec<u8>),
    Fill {
        #[serde(default)]
        key: String,
        #[serde(default)]
        stale: Option<Vec<u8>>,
    },
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        ErrorForm::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ErrorForm::deserialize(from)
    }
}

impl Serialize for EntryOptions {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        OptionsForm::serialize(self, to)
    }
}

impl Serialize for Freshness {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        FreshnessForm::serialize(self, to)
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::Hit(value) => FoundForm::Hit(value.clone()),
            Self::Fill(slot) => FoundForm::Fill {
                key: slot.key.clone(),
                stale: slot.stale(),
            },
        };
        form.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match FoundForm::deserialize(from)? {
            FoundForm::Hit(value) => Self::Hit(value),
            FoundForm::Fill { key, stale } => Self::Fill(FillSlot {
                key,
                right: Right::Scripted(stale),
            }),
        })
    }
}
