//! Says what it was sent, over WASI HTTP 0.3.

use bytes::Bytes;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

#[http_service]
async fn run(request: Request) -> Response<FullBody<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.bytes().await.map_or(0, |body| body.len());
    let mut said = format!("{} {} {body}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        said.push_str(&format!(
            "{name}: {}\n",
            String::from_utf8_lossy(value.as_bytes())
        ));
    }
    Response::new(FullBody::new(said.into()))
}
