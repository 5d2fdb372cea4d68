//! One document by its identifier, or the problem that names it; writes none.

use serde::de::DeserializeOwned;
use std::time::Duration;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Bson, Document, RawDocumentBuf};
use trm_sdk::documents::Collection;
use trm_sdk::{Answer, Problem};
use trm_sdk::{cache, doc, response, revision, view};

/// The document, or 404.
pub async fn one<T: DeserializeOwned + 'static>(
    collection: Collection,
    what: &str,
    id: ObjectId,
) -> Result<T, Problem> {
    let found = collection.find_one(doc! {"_id": id}, None).await?;
    found.ok_or_else(|| missing(what, id))
}

/// How long a document serves beyond its time where its store is away or slow. What was written since is never served so.
const STALE: Duration = Duration::from_secs(600);

/// What anyone may see of one document, through the cache: kept under `key`, made old by `tag`.
pub async fn public(
    key: &str,
    tag: String,
    load: impl AsyncFnOnce() -> Result<RawDocumentBuf, Problem>,
) -> Answer {
    let options = cache::Options::tagged([tag.clone()]).stale(STALE);
    let shown = cache::get_or_set(key, options, async || view::revised(&load().await?)).await?;
    Ok(revision::public(shown, &[tag]))
}

/// One document for a caller who may see it: it is not cached.
pub fn private(document: Document) -> Answer {
    Ok(revision::tagged(response::json(&view::view(document))?))
}

/// 404.
pub fn missing(what: &str, id: ObjectId) -> Problem {
    Problem::not_found(format!("there is no {what} {id}"))
}

/// The fields of a projection.
pub fn fields(names: &[&str]) -> Document {
    names
        .iter()
        .map(|name| ((*name).to_owned(), 1.into()))
        .collect()
}

/// An identifier that a document holds, if it does.
pub fn id(document: &Document, field: &str) -> Option<ObjectId> {
    document.get_object_id(field).ok()
}

/// A text that a document holds, if it does.
pub fn text<'a>(document: &'a Document, field: &str) -> Option<&'a str> {
    document.get_str(field).ok()
}

/// A whole number that a document holds, if it does, of either width.
pub fn whole(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}
