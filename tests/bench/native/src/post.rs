//! `POST /api/jobs`, as the function does it: the caller by token and session, the job and its event in one transaction.

use crate::stores::{Refused, Stores, broken, deadline};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use trm_document_stores::{Operation, Write};
use trm_domain::access::{Action, Reach, Role};
use trm_domain::event::Event;
use trm_domain::job::NewJob;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{DateTime, Document, serialize_to_raw_document_buf};
use trm_sdk::{Problem, doc, response, revision, view};

/// What a token says.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    sid: String,
}

pub async fn job(
    State(stores): State<Arc<Stores>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let session = session(&stores, &headers).await?;
    let role = Role::of_user(session.get_str("role").unwrap_or_default());
    let new: NewJob = serde_json::from_slice(&body)
        .map_err(|fault| Problem::bad_request(format!("the body is no job: {fault}")))?;
    let company = new
        .check()
        .map_err(|fault| Problem::rule(&fault.pointer, fault.rule))?;
    let own = session.get_object_id("companyId").ok() == Some(company);
    match Action::JobPost.reach(role) {
        Reach::All => {}
        Reach::Own if own => {}
        _ => return Err(Problem::forbidden("this belongs to someone else").into()),
    }
    let named = serialize_to_raw_document_buf(&doc! {"_id": company}).map_err(broken)?;
    let known = stores.origin.count("companies", named, deadline()).await;
    if known.map_err(broken)? == 0 {
        return Err(Problem::rule("/companyId", "/companyId names no company").into());
    }
    let (id, now) = (ObjectId::new(), DateTime::now());
    let job = new.into_document(id, company, now);
    let data = doc! {"id": id, "companyId": company, "title": job.get("title")};
    let event = Event::new("job.created", id, data)
        .company(Some(company))
        .tags(["jobs:list"]);
    let writes = vec![
        insert("jobs", &job)?,
        insert("events", &event.into_document(ObjectId::new(), now))?,
    ];
    let committed = stores.origin.commit(writes, deadline()).await;
    committed.map_err(broken)?;
    let told = stores.cache.invalidate_tag("jobs:list", deadline()).await;
    told.map_err(broken)?;
    let answer = response::created(&format!("/api/jobs/{id}"), &view::view(job))?;
    Ok(revision::tagged(answer).map(Body::from))
}

/// The session of the request's token, from the cache with the origin as truth.
async fn session(stores: &Stores, headers: &HeaderMap) -> Result<Document, Refused> {
    let refused = || Problem::unauthorized("the token is not valid");
    let given = headers.get(AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer "));
    let claims: Option<Claims> = token.and_then(|token| stores.tokens.read(token));
    let claims = claims.ok_or_else(refused)?;
    let id = ObjectId::parse_str(claims.sid).map_err(|_| refused())?;
    let user = ObjectId::parse_str(claims.sub).map_err(|_| refused())?;
    let (key, tag) = (format!("session:{id}"), format!("user:{user}"));
    let kept = stores.cached(&key, &tag, async || {
        let raw = |document: &Document| serialize_to_raw_document_buf(document).map_err(broken);
        let live = raw(&doc! {"_id": id, "expiresAt": {"$gt": DateTime::now()}})?;
        let kept = stores.origin.find_one("sessions", live, None, deadline());
        kept.await.map_err(broken)?.ok_or_else(refused)?;
        let (member, fields) = (
            raw(&doc! {"_id": user})?,
            raw(&doc! {"role": 1, "companyId": 1})?,
        );
        let found = stores
            .origin
            .find_one("users", member, Some(fields), deadline());
        let found = found.await.map_err(broken)?.ok_or_else(refused)?;
        Ok(found.into_bytes())
    });
    Document::from_reader(&kept.await?[..]).map_err(broken)
}

fn insert(collection: &str, document: &Document) -> Result<Write, Refused> {
    let document = serialize_to_raw_document_buf(document).map_err(broken)?;
    Ok(Write {
        collection: collection.to_owned(),
        operation: Operation::Insert(vec![document]),
        expected: None,
    })
}
