//! How answers are named, kept and shown: keys, tags, stored and served headers; asks no tier and no function.

use super::rules;
use super::stored;
use super::stored::Answer;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};

/// The longest key; a longer one is kept by its digest.
const MAX_KEY: usize = 400;
/// Why an answer was asked of the function, or not: RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// `api:{endpoint}` and the host that was asked; long ones by their digest.
pub fn key(head: &Parts) -> String {
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let host = head
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or(head.uri.authority().map(|authority| authority.as_str()));
    let key = format!("api:{target}#{}", host.unwrap_or_default());
    match key.len() {
        0..=MAX_KEY => key,
        _ => format!("api:#{:x}", Sha256::digest(key)),
    }
}

/// The key of the variant that this request asks for.
pub fn variant(primary: &str, names: &[HeaderName], request: &HeaderMap) -> String {
    let digest = format!("{:x}", Sha256::digest(rules::variant(names, request)));
    format!("{primary}#{}", &digest[..32])
}

/// The tag of everything that is stored of an address.
pub fn tag(primary: &str) -> String {
    format!("api:#{:x}", Sha256::digest(primary))
}

/// The tags of an answer: its own, and its address.
pub fn tags(primary: &str, headers: &HeaderMap) -> Vec<String> {
    let mut tags = rules::surrogate_keys(headers);
    tags.push(tag(primary));
    tags
}

/// What is stored of an answer; one without a validator gets one, so that clients can ask for changes.
pub fn keep(
    headers: &HeaderMap,
    status: StatusCode,
    body: Bytes,
    lifetime: rules::Lifetime,
) -> Answer {
    let mut kept = HeaderMap::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        if rules::is_stored(name, headers) {
            kept.append(name.clone(), value.clone());
        }
    }
    if status == StatusCode::OK && !kept.contains_key(header::ETAG) {
        let digest = format!("\"{:x}\"", Sha256::digest(&body));
        if let Ok(etag) = HeaderValue::from_str(&digest) {
            kept.insert(header::ETAG, etag);
        }
    }
    Answer {
        status,
        headers: kept,
        body,
        lifetime,
        made: stored::now().saturating_sub(rules::age(headers).as_millis() as u64),
    }
}

/// The answer as this client gets it: whole, without its body, or only confirmed.
pub fn serve(head: &Parts, answer: &Answer, how: &str) -> Response<Bytes> {
    let confirmed =
        answer.status == StatusCode::OK && rules::unmodified(&head.headers, &answer.headers);
    let body = match confirmed || head.method == Method::HEAD {
        true => Bytes::new(),
        false => answer.body.clone(),
    };
    let mut response = Response::new(body);
    *response.headers_mut() = answer.headers.clone();
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if confirmed {
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_ENCODING);
    }
    let age = answer.age().as_secs();
    headers.insert(header::AGE, HeaderValue::from(age));
    let left = answer.lifetime.fresh.as_secs() as i64 - age as i64;
    say(headers, &format!("trm; {how}; ttl={left}"));
    if confirmed {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// `only-if-cached`, and it is not.
pub fn unsatisfied() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    say(response.headers_mut(), "trm; fwd=request; fwd-status=504");
    response
}

/// Adds to `Cache-Status`.
pub fn say(headers: &mut HeaderMap, how: &str) {
    if let Ok(value) = HeaderValue::from_str(how) {
        headers.append(CACHE_STATUS, value);
    }
}
