//! Events: what has happened, as it is written beside each change; delivers none.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};

/// Every kind of event that a webhook can ask for.
pub const KINDS: [&str; 14] = [
    "company.created",
    "company.updated",
    "job.created",
    "job.updated",
    "job.closed",
    "job.deleted",
    "payout.approved",
    "payout.cancelled",
    "payout.created",
    "payout.paid",
    "referral.created",
    "referral.moved",
    "user.registered",
    "user.updated",
];

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    kind: &'static str,
    subject: ObjectId,
    users: Vec<ObjectId>,
    company: Option<ObjectId>,
    tags: Vec<String>,
    data: Document,
}

impl Event {
    /// Something of a kind has happened to a subject.
    pub fn new(kind: &'static str, subject: ObjectId, data: Document) -> Self {
        Self {
            kind,
            subject,
            users: Vec::new(),
            company: None,
            tags: Vec::new(),
            data,
        }
    }

    /// The users who may hear of it by their webhooks.
    pub fn users(self, users: impl IntoIterator<Item = ObjectId>) -> Self {
        let users = users.into_iter().collect();
        Self { users, ..self }
    }

    /// The company that may hear of it by its webhooks.
    pub fn company(self, company: Option<ObjectId>) -> Self {
        Self { company, ..self }
    }

    /// The cache tags of what it has made old.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tags.into_iter().map(Into::into).collect();
        Self { tags, ..self }
    }

    /// The cache tags of what it has made old.
    pub fn stale(&self) -> &[String] {
        &self.tags
    }

    /// The document that is kept until it has been handed on.
    pub fn into_document(self, id: ObjectId, now: DateTime) -> Document {
        doc! {
            "_id": id, "type": self.kind, "subject": self.subject, "users": self.users,
            "companyId": self.company.map_or(Bson::Null, Bson::ObjectId),
            "tags": self.tags, "data": self.data, "state": "new", "dueAt": now, "createdAt": now,
        }
    }
}
