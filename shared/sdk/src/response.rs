//! Answers: whole JSON bodies with their headers; streams nothing.

use crate::problem::Problem;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// What a client revalidates each time, a shared cache keeps for a minute, and longer while it asks anew
/// or the origin is away.
const PUBLIC: &str =
    "public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=300";
const SURROGATE_KEY: header::HeaderName = header::HeaderName::from_static("surrogate-key");

/// What a function returns to its host.
pub type Response = http::Response<Bytes>;

/// What a function's own code returns: an answer, or the problem in its place.
pub type Answer = Result<Response, Problem>;

/// A whole response of one content type. Its length is said, so that it is not sent in chunks.
pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}

/// 200 with JSON that is bytes already, as the cache keeps it.
pub fn json_bytes(body: impl Into<Bytes>) -> Response {
    whole(StatusCode::OK, "application/json", body.into())
}

/// 200 with a value as JSON.
pub fn json<T: Serialize>(value: &T) -> Answer {
    Ok(json_bytes(to_json(value)?))
}

/// 201 with the new resource and where it is.
pub fn created<T: Serialize>(location: &str, value: &T) -> Answer {
    let mut response = whole(
        StatusCode::CREATED,
        "application/json",
        to_json(value)?.into(),
    );
    let location = HeaderValue::from_str(location).map_err(Problem::internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// 200 with JSON that anyone may see: shared caches keep it for a minute, and drop it by these tags.
pub fn public<T: AsRef<str>>(body: impl Into<Bytes>, tags: &[T]) -> Response {
    let mut response = json_bytes(body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(PUBLIC));
    let tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
    // Tags are made of names and identifiers; one that is no header value is left out with the rest.
    if let Ok(tags) = HeaderValue::from_str(&tags.join(" ")) {
        headers.insert(SURROGATE_KEY, tags);
    }
    response
}

/// A whole text of another content type, the same for everyone until the next release.
pub fn page(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = whole(StatusCode::OK, content_type, body.into());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(PUBLIC));
    response
}

/// 202 with a value as JSON.
pub fn accepted<T: Serialize>(value: &T) -> Answer {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// 204.
pub fn no_content() -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A value as JSON bytes.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(Problem::internal)
}
