//! Revisions of a resource: `ETag`, `If-Match`, `If-None-Match` (RFC 9110); reads no store.

use crate::kept;
use crate::problem::Problem;
use crate::request::Request;
use crate::response;
use crate::response::Response;
use bson::Document;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

/// The revision of a document; one that was written without is the first.
pub fn of(document: &Document) -> i64 {
    match document.get("revision") {
        Some(bson::Bson::Int64(revision)) => *revision,
        Some(bson::Bson::Int32(revision)) => i64::from(*revision),
        _ => 1,
    }
}

/// Adds the `ETag` of the revision that the JSON body says.
pub fn tagged(mut response: Response) -> Response {
    #[derive(Deserialize)]
    struct Body {
        revision: i64,
    }
    if let Ok(Body { revision }) = serde_json::from_slice(response.body()) {
        tag(&mut response, &revision.to_string());
    }
    response
}

/// 200 with what `view::revised` wrote, which anyone may see, and the `ETag` of its revision.
pub fn public<T: AsRef<str>>(kept: Bytes, tags: &[T]) -> Response {
    let (body, revision) = kept::split(kept);
    let mut response = response::public(body, tags);
    if let Some(revision) = revision {
        tag(&mut response, &String::from_utf8_lossy(&revision));
    }
    response
}

/// Adds the `ETag` of a revision.
pub fn tag(response: &mut Response, revision: &str) {
    if let Ok(tag) = HeaderValue::from_str(&["\"", revision, "\""].concat()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

/// 412 where the client's `If-Match` does not hold for what is kept now.
pub fn check(request: &Request, current: &Document) -> Result<(), Problem> {
    let Some(given) = request.header(header::IF_MATCH) else {
        return Ok(());
    };
    let tag = format!("\"{}\"", of(current));
    // A weak tag never matches here: RFC 9110, section 13.1.1.
    if given
        .split(',')
        .any(|one| matches!(one.trim(), "*") || one.trim() == tag)
    {
        return Ok(());
    }
    Err(lost(&tag))
}

/// The answer to a write that found another revision than it was made for.
pub fn conflict(request: &Request) -> Problem {
    if request.header(header::IF_MATCH).is_some() {
        return lost("another");
    }
    Problem::new(
        StatusCode::CONFLICT,
        "this was changed by another request at the same time; read it again and repeat the change",
    )
}

fn lost(tag: &str) -> Problem {
    let detail = format!("If-Match does not hold: the revision is {tag} now; read it again");
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

/// 304 in place of a 200 whose `ETag` the client has.
pub fn fresh(known: Option<&str>, response: Response) -> Response {
    let Some(tag) = response.headers().get(header::ETAG) else {
        return response;
    };
    let (Some(given), Ok(tag)) = (known, tag.to_str()) else {
        return response;
    };
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = given.trim() == "*" || given.split(',').any(|one| weak(one) == weak(tag));
    if !known || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::CONTENT_TYPE);
    Response::from_parts(head, Bytes::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    fn asking(name: header::HeaderName, value: &str) -> Request {
        let headers = http::HeaderMap::from_iter([(name, value.parse().unwrap())]);
        Request {
            headers: headers.into(),
            ..Request::default()
        }
    }

    #[test]
    fn a_change_of_another_revision_is_refused() {
        let current = doc! {"revision": 3_i64};
        let check = |value| check(&asking(header::IF_MATCH, value), &current).is_ok();
        assert!(check("\"3\"") && check("*") && check("\"1\", \"3\""));
        assert!(!check("\"2\"") && !check("W/\"3\"") && !check("3"));
        let problem = conflict(&asking(header::IF_MATCH, "*"));
        assert_eq!(problem.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(conflict(&Request::default()).status(), StatusCode::CONFLICT);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let answer = || tagged(response::json_bytes(&b"{\"revision\":7,\"x\":{}}"[..]));
        assert_eq!(answer().headers()[header::ETAG], "\"7\"");
        let status = |value| fresh(Some(value), answer()).status();
        assert_eq!(status("W/\"7\""), StatusCode::NOT_MODIFIED);
        assert_eq!(status("\"6\""), StatusCode::OK);
    }
}
