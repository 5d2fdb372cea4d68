//! HTTP to other hosts, where the manifest grants them; follows no redirect and reads no answer's body.

use bytes::Bytes;
use spin_sdk::http::{FullBody, send};
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;
use std::time::Duration;

/// Posts a body; the status of the answer, or why there is none within so much time.
pub async fn post(
    url: &str,
    headers: &[(&str, String)],
    body: String,
    patience: Duration,
) -> Result<u16, String> {
    let nanoseconds = Some(u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    for set in [
        options.set_connect_timeout(nanoseconds),
        options.set_first_byte_timeout(nanoseconds),
    ] {
        set.map_err(|error| error.to_string())?;
    }
    let mut request = http::Request::post(url).extension(RequestOptionsExtension(options));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request
        .body(FullBody::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let response = send(request).await.map_err(|error| error.to_string())?;
    Ok(response.status().as_u16())
}
