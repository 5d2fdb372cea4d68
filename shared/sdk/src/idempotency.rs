//! `Idempotency-Key`: one key, one write, however often it is sent; the record is part of the write.

use crate::documents::{self, Collection, Error, Write, collection};
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Answer, Response};
use crate::signing::digest;
use crate::time;
use bson::{Binary, DateTime, Document, doc, spec::BinarySubtype};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

/// Where the records are kept; what is past `expiresAt` may be removed.
pub const RECORDS: Collection = collection("idempotency");
/// How long a key is remembered.
const KEPT_MS: i64 = 24 * 3_600_000;
const HEADER: header::HeaderName = header::HeaderName::from_static("idempotency-key");
const REPLAYED: header::HeaderName = header::HeaderName::from_static("idempotency-replayed");

/// What a write is to be remembered by.
pub struct Key {
    id: String,
    request: String,
}

impl Key {
    /// The key of a request, if it has one. `who` keeps callers' keys apart.
    pub fn of(request: &Request, who: &str) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers().get(HEADER) else {
            return Ok(None);
        };
        let key = value.as_bytes();
        if !(1..=200).contains(&key.len()) || !key.iter().all(u8::is_ascii_graphic) {
            let detail = "Idempotency-Key must be 1 to 200 visible ASCII characters";
            return Err(Problem::bad_request(detail));
        }
        let place = [who.as_bytes(), request.path().as_bytes()];
        Ok(Some(Self {
            id: digest(&[place[0], place[1], key]),
            request: digest(&[request.body()]),
        }))
    }

    /// The answer that was given before, if any. The same key for another request is 422.
    pub async fn replay(&self) -> Result<Option<Response>, Problem> {
        let found = RECORDS.find_one(doc! {"_id": &self.id}, None).await?;
        let Some(record): Option<Document> = found else {
            return Ok(None);
        };
        if record.get_str("request").ok() != Some(&self.request) {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key was used for another request; take a new one",
            ));
        }
        let body = record.get_binary_generic("body");
        let body = body.map_err(Problem::internal)?.clone();
        let mut response = Response::new(Bytes::from(body));
        let status = record.get_i32("status").ok();
        let status = status.and_then(|status| u16::try_from(status).ok());
        *response.status_mut() = status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK);
        let mut set = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        };
        set(REPLAYED, "true");
        for (name, field) in [
            (header::CONTENT_TYPE, "contentType"),
            (header::LOCATION, "location"),
        ] {
            if let Ok(value) = record.get_str(field) {
                set(name, value);
            }
        }
        Ok(Some(response))
    }

    /// The record of an answer, to be made with the writes that it answers.
    pub fn record(&self, response: &Response) -> Write {
        let text = |name| {
            let value = response.headers().get(name);
            value.and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let body = Binary {
            subtype: BinarySubtype::Generic,
            bytes: response.body().to_vec(),
        };
        let expires = DateTime::from_millis(time::now().timestamp_millis() + KEPT_MS);
        let record = doc! {
            "_id": &self.id, "request": &self.request, "status": i32::from(response.status().as_u16()),
            "contentType": text(header::CONTENT_TYPE).unwrap_or_default(),
            "location": text(header::LOCATION), "body": body, "expiresAt": expires,
        };
        Write::insert(RECORDS, &record)
    }
}

/// Runs a write once for its key. Of two at the same time one is committed, and the other finds its record.
pub async fn once(
    key: Option<&Key>,
    work: impl AsyncFnOnce() -> Result<(Vec<Write>, Response), Problem>,
) -> Answer {
    let Some(key) = key else {
        let (writes, response) = work().await?;
        documents::commit(writes).await?;
        return Ok(response);
    };
    if let Some(before) = key.replay().await? {
        return Ok(before);
    }
    // Where the work itself is refused, the other of two may have been first: its answer counts.
    let (mut writes, response) = match work().await {
        Ok(done) => done,
        Err(problem) => return key.replay().await?.ok_or(problem),
    };
    writes.push(key.record(&response));
    match documents::commit(writes).await {
        Ok(_) => Ok(response),
        Err(error @ (Error::DuplicateKey(_) | Error::Conflict(_))) => {
            key.replay().await?.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}
