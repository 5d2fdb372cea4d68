//! Writes with their events: made together or not at all, once for each `Idempotency-Key`; decides no rule.

use crate::collections::EVENTS;
use crate::{Caller, read};
use serde::Deserialize;
use trm_domain::event::Event;
use trm_domain::state::State;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{DateTime, Document};
use trm_sdk::documents::{self, Collection, Error, Write};
use trm_sdk::idempotency::{self, Key};
use trm_sdk::{Answer, Problem, Request, Response};
use trm_sdk::{cache, doc, revision, time};

/// A change of several documents, and the events that tell of it.
pub struct Change {
    writes: Vec<Write>,
    now: DateTime,
    stale: Vec<String>,
}

impl Default for Change {
    fn default() -> Self {
        Self::new()
    }
}

impl Change {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            writes: Vec::new(),
            now: time::now(),
            stale: Vec::new(),
        }
    }

    /// When it is made.
    pub fn now(&self) -> DateTime {
        self.now
    }

    /// A new document.
    pub fn insert(&mut self, collection: Collection, document: &Document) {
        self.writes.push(Write::insert(collection, document));
    }

    /// New values of a document that must still be as it was read; the document after it.
    pub fn revise(
        &mut self,
        collection: Collection,
        current: &Document,
        set: Document,
    ) -> Document {
        let filter = as_read(current);
        let mut set = set;
        set.insert("revision", revision::of(current) + 1);
        set.insert("updatedAt", self.now);
        let write = Write::update_one(collection, filter, doc! {"$set": set.clone()});
        self.writes.push(write.expecting(1));
        let mut after = current.clone();
        after.extend(set);
        after
    }

    /// The end of a document that must still be as it was read.
    pub fn delete(&mut self, collection: Collection, current: &Document) {
        let write = Write::delete_one(collection, as_read(current));
        self.writes.push(write.expecting(1));
    }

    /// Any other write.
    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// Tells of it.
    pub fn event(&mut self, event: Event) {
        self.stale.extend_from_slice(event.stale());
        let document = event.into_document(ObjectId::new(), self.now);
        self.insert(EVENTS, &document);
    }

    /// Makes it, unless something that must be unique is there already; whether it did.
    pub async fn commit_new(self) -> Result<bool, Problem> {
        match documents::commit(self.writes).await {
            Ok(_) => invalidate(&self.stale).await.map(|()| true),
            Err(Error::DuplicateKey(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes it. Where another request was first it is 412 or 409, and nothing is changed.
    pub async fn commit(self, request: &Request) -> Result<(), Problem> {
        match documents::commit(self.writes).await {
            Ok(_) => invalidate(&self.stale).await,
            Err(Error::Conflict(_)) => Err(revision::conflict(request)),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes it, and shows the document as it is after it.
    pub async fn answer(self, request: &Request, after: Document) -> Answer {
        self.commit(request).await?;
        read::private(after)
    }
}

/// What moves a document on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition<S> {
    /// The state that it is to be in.
    pub to: S,
}

/// The state that a document leaves for `to`, if it may; else 409.
pub fn leaves<S: State>(what: &str, document: &Document, to: S) -> Result<S, Problem> {
    let from = read::text(document, "status").and_then(S::parse);
    from.filter(|from| from.next().contains(&to))
        .ok_or_else(|| {
            let (from, to) = (from.map_or("nothing", S::as_str), to.as_str());
            Problem::conflict(format!("a {what} does not go from {from} to {to}"))
        })
}

/// The document with the revision that was read. What was written without one is the first.
fn as_read(current: &Document) -> Document {
    match current.get("revision") {
        Some(revision) => doc! {"_id": current.get("_id"), "revision": revision.clone()},
        None => doc! {"_id": current.get("_id"), "revision": {"$exists": false}},
    }
}

/// Answers a POST: the change and its answer are made once for the caller's `Idempotency-Key`.
pub async fn post(
    request: &Request,
    caller: &Caller,
    work: impl AsyncFnOnce() -> Result<(Change, Response), Problem>,
) -> Answer {
    let key = Key::of(request, &caller.name())?;
    let mut stale = Vec::new();
    let answer = idempotency::once(key.as_ref(), async || {
        let (change, response) = work().await?;
        stale = change.stale;
        Ok((change.writes, response))
    })
    .await?;
    invalidate(&stale).await?;
    Ok(answer)
}

/// After the write is acknowledged. The event does it again, should this host die before.
async fn invalidate(tags: &[String]) -> Result<(), Problem> {
    for tag in tags {
        cache::invalidate_tag(tag).await?;
    }
    Ok(())
}
