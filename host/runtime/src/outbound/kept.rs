//! Outbound HTTP of a request that is followed: read whole on both sides, so that it can be kept; sends nothing itself.

use super::Sent;
use crate::capabilities::witness::Witness;
use crate::error;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::{Deserialize, Serialize};
use wasmtime_wasi_http::{Error, WasiBody};

/// A larger body is not one to keep.
const MAX_BODY: usize = 4 << 20;

/// What another host has answered.
#[derive(Serialize, Deserialize)]
struct Received {
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: Vec<u8>,
}

/// Sends by `send`, or answers from the script.
pub(super) async fn send<W>(
    witness: &Witness,
    request: Request<WasiBody>,
    send: impl FnOnce(Request<WasiBody>) -> W,
) -> Result<Sent, Error>
where
    W: Future<Output = Result<Sent, Error>>,
{
    let (head, body) = request.into_parts();
    let body = whole(body).await?;
    let asked = (
        head.method.as_str().to_owned(),
        head.uri.to_string(),
        lines(&head.headers),
        body.to_vec(),
    );
    let work = async move |_| {
        let sent = send(Request::from_parts(head, error::full(body))).await;
        receive(sent).await.map_err(|error| error.to_string())
    };
    let received: Result<Received, String> = witness
        .verb("http.send", asked, work)
        .await
        .map_err(|error| Error::InternalError(Some(error.to_string())))?;
    let received = received.map_err(|why| Error::InternalError(Some(why)))?;
    let status = StatusCode::from_u16(received.status).map_err(|_| Error::HttpProtocolError)?;
    let mut response = error::whole(status, received.body);
    for (name, value) in received.headers {
        let name = HeaderName::try_from(name).map_err(|_| Error::HttpProtocolError)?;
        let value = HeaderValue::try_from(value).map_err(|_| Error::HttpProtocolError)?;
        response.headers_mut().append(name, value);
    }
    Ok((response, Box::new(async { Ok(()) })))
}

async fn receive(sent: Result<Sent, Error>) -> Result<Received, Error> {
    let (response, io) = sent?;
    let io = tokio::spawn(Box::into_pin(io));
    let (head, body) = response.into_parts();
    let body = whole(body).await;
    io.abort();
    Ok(Received {
        status: head.status.as_u16(),
        headers: lines(&head.headers),
        body: body?.to_vec(),
    })
}

async fn whole(body: WasiBody) -> Result<Bytes, Error> {
    let collected = Limited::new(body, MAX_BODY).collect().await;
    let collected = collected.map_err(|error| Error::InternalError(Some(error.to_string())))?;
    Ok(collected.to_bytes())
}

fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(line).collect()
}
