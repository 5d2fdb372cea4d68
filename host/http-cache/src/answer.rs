//! How answers are named, kept and shown: keys, tags, stored and served headers; asks no tier and no function.

use super::range::Selected;
use super::range::select;
use super::rules;
use super::stored;
use super::stored::Answer;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use std::time::Duration;

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
    key_of(target, host(head))
}

/// The same of another address on the same host that an answer names; none where it is on another one.
pub fn key_beside(head: &Parts, address: &HeaderValue) -> Option<String> {
    let address = address.to_str().ok()?;
    let host = host(head);
    let local = match address.split_once("://") {
        Some((_, rest)) => {
            let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            if !authority.eq_ignore_ascii_case(host) {
                return None;
            }
            &rest[authority.len()..]
        }
        None => address,
    };
    let local = local.split('#').next().unwrap_or_default();
    let path = head.uri.path();
    let target = match local.as_bytes() {
        [] => "/".to_owned(),
        [b'/', b'/', ..] => return None,
        [b'/', ..] => local.to_owned(),
        [b'?', ..] => format!("{path}{local}"),
        // Beside the address itself.
        _ => format!("{}{local}", &path[..=path.rfind('/').unwrap_or(0)]),
    };
    Some(key_of(&target, host))
}

fn host(head: &Parts) -> &str {
    let said = head.headers.get(header::HOST);
    said.and_then(|host| host.to_str().ok())
        .or(head.uri.authority().map(|authority| authority.as_str()))
        .unwrap_or_default()
}

fn key_of(target: &str, host: &str) -> String {
    let key = ["api:", target, "#", host].concat();
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
    let own_tag = status == StatusCode::OK && !kept.contains_key(header::ETAG);
    if own_tag {
        let digest = format!("\"{:x}\"", Sha256::digest(&body));
        if let Ok(etag) = HeaderValue::from_str(&digest) {
            kept.insert(header::ETAG, etag);
        }
    }
    Answer {
        status,
        headers: kept,
        own_tag,
        body,
        lifetime,
        made: stored::now().saturating_sub(rules::age(headers).as_millis() as u64),
    }
}

/// The answer, of this age, as this client gets it: whole, a part, without its body, or only confirmed.
pub fn serve(head: &Parts, answer: Answer, age: Duration, how: &str) -> Response<Bytes> {
    let confirmed =
        answer.status == StatusCode::OK && rules::unmodified(&head.headers, &answer.headers);
    let part = match answer.status == StatusCode::OK && head.method == Method::GET && !confirmed {
        true => select(&head.headers, &answer.headers, answer.body.len()),
        false => Selected::Whole,
    };
    let mut response = Response::new(Bytes::new());
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    let whole = answer.body.len();
    let (status, body) = match part {
        _ if confirmed => {
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_ENCODING);
            (StatusCode::NOT_MODIFIED, Bytes::new())
        }
        Selected::Whole if head.method == Method::HEAD => (answer.status, Bytes::new()),
        Selected::Whole => (answer.status, answer.body),
        Selected::Part(range) => {
            let told = format!("bytes {}-{}/{whole}", range.start, range.end - 1);
            tell(headers, header::CONTENT_RANGE, &told);
            (StatusCode::PARTIAL_CONTENT, answer.body.slice(range))
        }
        Selected::Unsatisfiable => {
            tell(headers, header::CONTENT_RANGE, &format!("bytes */{whole}"));
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new())
        }
    };
    if status != answer.status {
        headers.remove(header::CONTENT_LENGTH);
    }
    let age = age.as_secs();
    headers.insert(header::AGE, HeaderValue::from(age));
    let left = answer.lifetime.fresh.as_secs() as i64 - age as i64;
    say(headers, &format!("trm; {how}; ttl={left}"));
    *response.status_mut() = status;
    *response.body_mut() = body;
    response
}

fn tell(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_an_answer_names_is_on_the_same_host_or_nowhere() {
        let request = http::Request::get("/api/jobs/1?x=1").header("host", "here:80");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let beside = |address: &str| key_beside(&head, &address.parse().unwrap());
        let named = |target: &str| Some(format!("api:{target}#here:80"));
        assert_eq!(beside("/api/jobs/2?y=1#z"), named("/api/jobs/2?y=1"));
        assert_eq!(beside("http://HERE:80/a"), named("/a"));
        assert_eq!(beside("2"), named("/api/jobs/2"));
        assert_eq!(beside("?y=2"), named("/api/jobs/1?y=2"));
        for elsewhere in ["http://there/a", "//there/a"] {
            assert_eq!(beside(elsewhere), None);
        }
    }
}
