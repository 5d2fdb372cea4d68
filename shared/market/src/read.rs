//! One document by its identifier, or the problem that names it; writes none.

use std::time::Duration;
use trm_sdk::Bytes;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Bson, Document};
use trm_sdk::documents::Collection;
use trm_sdk::{Answer, Problem};
use trm_sdk::{cache, doc, response, revision, view};

/// The document, or 404.
pub async fn one(collection: Collection, what: &str, id: ObjectId) -> Result<Document, Problem> {
    let found = collection.find_one(doc! {"_id": id}, None).await?;
    found.ok_or_else(|| missing(what, id))
}

/// How long a document serves beyond its time where its store is away or slow. What was written since is never served so.
const STALE: Duration = Duration::from_secs(600);

/// What anyone may see of one document, through the cache: kept under `key`, made old by `tag`.
pub async fn public(
    key: &str,
    tag: String,
    load: impl AsyncFnOnce() -> Result<Document, Problem>,
) -> Answer {
    let options = cache::Options::tagged([tag.clone()]).stale(STALE);
    let kept = cache::get_or_set(key, options, async || {
        let document = load().await?;
        let revision = whole(&document, "revision");
        let mut kept = response::to_json(&view::view(document))?;
        if let Some(revision) = revision {
            kept.extend_from_slice(format!("\n{revision}").as_bytes());
        }
        Ok::<_, Problem>(kept)
    })
    .await?;
    let (body, revision) = revised(kept);
    let mut response = response::public(body, &[tag]);
    if let Some(revision) = revision {
        revision::tag(&mut response, &revision);
    }
    Ok(response)
}

/// The JSON that is cached and, after a line feed, which JSON as it is written here never holds, its revision: to read
/// it out of the JSON at each request would cost more than the rest of the function.
fn revised(kept: Bytes) -> (Bytes, Option<String>) {
    let Some(end) = kept.iter().rposition(|byte| *byte == b'\n') else {
        return (kept, None);
    };
    let revision = String::from_utf8_lossy(&kept[end + 1..]).into_owned();
    (kept.slice(..end), Some(revision))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_kept_behind_the_json() {
        let (body, revision) = revised(Bytes::from_static(b"{\"a\":\"\\n\"}\n12"));
        assert_eq!(
            (&body[..], revision.as_deref()),
            (&b"{\"a\":\"\\n\"}"[..], Some("12"))
        );
        let without = revised(Bytes::from_static(b"{}"));
        assert_eq!(without, (Bytes::from_static(b"{}"), None));
    }
}
