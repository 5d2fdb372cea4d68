//! Waits for a minute in a host call, longer than any deadline of a test.

use bytes::Bytes;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn run(_: Request) -> Response<FullBody<Bytes>> {
    spin_sdk::time::sleep(std::time::Duration::from_secs(60)).await;
    Response::new(FullBody::new(Bytes::from_static(b"late")))
}
