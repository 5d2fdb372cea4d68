//! Panics where the path ends in /panic, and answers otherwise.

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> Response<FullBody<Bytes>> {
    assert!(!request.uri().path().ends_with("/panic"), "asked to panic");
    Response::new(FullBody::new(Bytes::from_static(b"calm")))
}
