//! `GET /api/jobs/:id` and `GET /api/jobs`, as the functions answer them to anyone; narrows no list but by its page.

use crate::stores::{Refused, Stores, broken, deadline};
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use trm_document_stores::FindOptions;
use trm_domain::job::DRAFT;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Document, serialize_to_raw_document_buf};
use trm_sdk::{Problem, Query, doc, kept, response, revision, view};

/// The bounds of a page, as the SDK's lists have them.
const MOST: u32 = 100;
const USUAL: u32 = 20;
const MAX_PAGE: u32 = 10_000;

pub async fn one(
    State(stores): State<Arc<Stores>>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = ObjectId::parse_str(id).map_err(|_| Problem::not_found("that is no identifier"))?;
    let (key, tag) = (format!("jobs:item:{id}"), format!("job:{id}"));
    let shown = stores.cached(&key, &tag, async || {
        let filter = doc! {"_id": id, "status": {"$ne": DRAFT}};
        let filter = serialize_to_raw_document_buf(&filter).map_err(broken)?;
        let found = stores
            .origin
            .find_one("jobs", filter, None, deadline())
            .await;
        let found = found.map_err(broken)?;
        let found = found.ok_or_else(|| Problem::not_found(format!("there is no job {id}")))?;
        Ok(view::revised(&found)?)
    });
    Ok(revision::public(shown.await?, &[tag]).map(Body::from))
}

pub async fn list(
    State(stores): State<Arc<Stores>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = Query::parse(query.as_deref().unwrap_or_default(), &["page", "limit"])?;
    let page = query.number("page", 1, 1, MAX_PAGE)?;
    let limit = query.number("limit", USUAL, 1, MOST)?;
    let key = format!("jobs:list:{}", query.canonical());
    let fetched = stores.cached(&key, "jobs:list", async || {
        fetch(&stores, page, limit).await
    });
    let (body, place) = kept::split(fetched.await?);
    let mut answer = response::public(body, &["jobs:list"]);
    if let Some(links) = place.and_then(|place| links(&query, &place)) {
        answer.headers_mut().insert(LINK, links);
    }
    Ok(answer.map(Body::from))
}

/// Where a page stands in its list.
#[derive(Serialize, Deserialize)]
struct Place {
    limit: u32,
    next: Option<String>,
    page: u32,
    total: u64,
}

/// The first page and the next one, by the cursor that stands behind the body (RFC 8288).
fn links(query: &Query, place: &[u8]) -> Option<HeaderValue> {
    let link = |name: &str, at: Option<(&str, &str)>| {
        let question = query.with(&["page", "cursor"], at);
        let mark = if question.is_empty() { "" } else { "?" };
        format!("</api/jobs{mark}{question}>; rel=\"{name}\"")
    };
    let Place { next, .. } = serde_json::from_slice(place).ok()?;
    let next = next.map(|next| link("next", Some(("cursor", &next))));
    let links: Vec<String> = [Some(link("first", None)), next]
        .into_iter()
        .flatten()
        .collect();
    HeaderValue::from_str(&links.join(", ")).ok()
}

async fn fetch(stores: &Stores, page: u32, limit: u32) -> Result<Vec<u8>, Refused> {
    let raw = |document: &Document| serialize_to_raw_document_buf(document).map_err(broken);
    let filter = raw(&doc! {"status": "active"})?;
    let options = FindOptions {
        sort: Some(raw(&doc! {"createdAt": -1})?),
        skip: (page - 1) * limit,
        limit,
        ..FindOptions::default()
    };
    let total = stores.origin.count("jobs", filter.clone(), deadline());
    let total = total.await.map_err(broken)?;
    let found = stores.origin.find("jobs", filter, options, deadline());
    let found = found.await.map_err(broken)?;
    let place = Place {
        limit,
        next: found.next,
        page,
        total,
    };
    let (data, place) = (view::all(&found.documents)?, response::to_json(&place)?);
    let shown = [&br#"{"data":"#[..], &data, b",", &place[1..]].concat();
    Ok(kept::with(shown, &place))
}
