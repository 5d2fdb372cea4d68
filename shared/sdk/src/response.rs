//! Answers: whole JSON bodies with their headers; streams nothing.

use crate::problem::Problem;
use crate::request::Incoming;
use crate::request::Request;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use spin_sdk::http::FullBody;

/// What a function returns to its host.
pub type Response = http::Response<FullBody<Bytes>>;

/// What a function's own code returns: an answer, or the problem in its place.
pub type Answer = Result<Response, Problem>;

/// Runs a function's own code on a request, and turns whatever it returns into the response.
/// A HEAD request gets the head alone.
pub async fn serve(incoming: Incoming, route: impl AsyncFnOnce(Request) -> Answer) -> Response {
    let head_only = incoming.method() == Method::HEAD;
    let mut response = route(incoming.into())
        .await
        .unwrap_or_else(Problem::into_response);
    if head_only {
        *response.body_mut() = FullBody::new(Bytes::new());
    }
    response
}

/// A whole response of one content type. Its length is said, so that it is not sent in chunks.
pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(FullBody::new(body));
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

/// 204.
pub fn no_content() -> Response {
    let mut response = Response::new(FullBody::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A value as JSON bytes.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(Problem::internal)
}
