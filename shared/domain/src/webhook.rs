//! Webhooks: what may be subscribed to, when a delivery is tried again; sends nothing.

use crate::event::KINDS;
use crate::given;
use crate::violation::Violation;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

/// Attempts before a delivery is dead.
pub const MOST_ATTEMPTS: i64 = 8;
/// Webhooks of one owner.
pub const MOST_WEBHOOKS: u64 = 20;
/// The fields of a delivery that its owner sees.
pub const DELIVERY_FIELDS: [&str; 10] = [
    "id",
    "webhookId",
    "eventId",
    "type",
    "state",
    "attempts",
    "lastStatus",
    "lastError",
    "dueAt",
    "createdAt",
];

/// The states of a delivery: it waits for its time, has arrived, or is given up.
pub const STATES: [&str; 3] = ["due", "delivered", "dead"];

/// A subscription as it is made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Where events are sent.
    pub url: String,
    /// Which kinds of events.
    pub events: Vec<String>,
}

/// A change of a subscription: only what is to be changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookPatch {
    #[serde(deserialize_with = "given")]
    url: Option<String>,
    #[serde(deserialize_with = "given")]
    events: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    active: Option<bool>,
}

impl NewWebhook {
    /// Whether every rule holds. Which hosts may be reached is the manifest's to say, at each delivery.
    pub fn check(&self) -> Result<(), Violation> {
        address("/url", &self.url)?;
        kinds(&self.events)
    }

    /// The document that is kept.
    pub fn into_document(
        self,
        id: ObjectId,
        owner: Option<ObjectId>,
        company: Option<ObjectId>,
        everything: bool,
        now: DateTime,
    ) -> Document {
        let maybe = |id: Option<ObjectId>| id.map_or(Bson::Null, Bson::ObjectId);
        doc! {
            "_id": id, "ownerId": maybe(owner), "companyId": maybe(company), "everything": everything,
            "url": self.url, "events": self.events, "active": true, "revision": 1_i64,
            "createdAt": now, "updatedAt": now,
        }
    }
}

impl WebhookPatch {
    /// The fields to set, if there are any and every rule holds.
    pub fn check(self) -> Result<Document, Violation> {
        let mut set = Document::new();
        if let Some(url) = self.url {
            address("/url", &url)?;
            set.insert("url", url);
        }
        if let Some(events) = self.events {
            kinds(&events)?;
            set.insert("events", events);
        }
        if let Some(active) = self.active {
            set.insert("active", active);
        }
        if set.is_empty() {
            return Err(Violation::new("", "a change names at least one field"));
        }
        Ok(set)
    }
}

fn kinds(events: &[String]) -> Result<(), Violation> {
    if events.is_empty() {
        return Err(Violation::new("/events", "must name at least one event"));
    }
    for (at, kind) in events.iter().enumerate() {
        let place = format!("/events/{at}");
        if !KINDS.contains(&kind.as_str()) {
            let rule = format!("must be one of {}", KINDS.join(", "));
            return Err(Violation::new(place, rule));
        }
        if events[..at].contains(kind) {
            return Err(Violation::new(place, "is named twice"));
        }
    }
    Ok(())
}

/// An address with a scheme and a host, and without a user's name, a password or a fragment.
fn address(pointer: &str, url: &str) -> Result<(), Violation> {
    let rule = "must be an https:// or http:// address of at most 500 characters, without a user or a fragment";
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte);
    let good = host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain));
    if good
        && url.len() <= 500
        && url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return Ok(());
    }
    Err(Violation::new(pointer, rule))
}

/// How long to wait after so many failed attempts, in milliseconds: 2 s doubled each time up to an
/// hour, of which up to a half is taken off by chance (`random` from 0 to 255), so that many do not return at once.
pub fn backoff(attempts: i64, random: u8) -> i64 {
    let most = (2_000_i64 << attempts.clamp(1, 12).saturating_sub(1)).min(3_600_000);
    most - most / 2 * i64::from(random) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_names_known_events_and_a_plain_address() {
        let place = |url: &str, events: &[&str]| {
            let events = events.iter().map(|kind| (*kind).to_owned()).collect();
            let url = url.to_owned();
            NewWebhook { url, events }
                .check()
                .map_err(|violation| violation.pointer)
        };
        let known = ["job.created"];
        assert_eq!(place("https://x.example/hook?a=1", &known), Ok(()));
        for bad in [
            "ftp://x",
            "https://",
            "https://a@b/",
            "https://a/#b",
            "https://a b/",
            "https://a*/",
        ] {
            assert_eq!(place(bad, &known), Err("/url".into()), "{bad}");
        }
        assert_eq!(place("http://x", &[]), Err("/events".into()));
        let twice = ["job.created", "job.created"];
        assert_eq!(place("http://x", &twice), Err("/events/1".into()));
        assert_eq!(place("http://x", &["job.sung"]), Err("/events/0".into()));
    }

    #[test]
    fn waiting_grows_and_is_spread_and_bounded() {
        for attempts in 1..=20 {
            let (least, most) = (backoff(attempts, 255), backoff(attempts, 0));
            assert!(least >= most / 2 && most <= 3_600_000 && least >= 1_000);
            assert!(most <= backoff(attempts + 1, 0));
        }
    }
}
