//! `trm admin`: asks the host that runs here for what only an operator may; reads no store itself.

use anyhow::{Context, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2_11::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;

/// How long an operator's key is good for.
const SECONDS: u64 = 60;
/// How long the host may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// `trm admin key`, `trm admin cache flush`, `trm admin cache invalidate <pattern or tag:…>`.
pub async fn admin(arguments: &[&str]) -> anyhow::Result<()> {
    let (path, body) = match arguments {
        ["key"] => {
            println!("{}", key()?);
            return Ok(());
        }
        ["cache", "flush"] => ("/api/admin/cache/flush", serde_json::json!({})),
        ["cache", "invalidate", "--tag", tag] => (
            "/api/admin/cache/invalidate",
            serde_json::json!({"tag": tag}),
        ),
        ["cache", "invalidate", pattern] => (
            "/api/admin/cache/invalidate",
            serde_json::json!({"pattern": pattern}),
        ),
        _ => bail!(
            "trm admin key | cache flush | cache invalidate <pattern> | cache invalidate --tag <tag>"
        ),
    };
    let answer = tokio::time::timeout(PATIENCE, post(path, body.to_string())).await;
    answer.with_context(|| format!("the host did not answer within {PATIENCE:?}"))?
}

/// An operator's key for a minute, as the functions read it: `trm_operator_<until>_<seal>`, sealed with
/// API_KEY_SECRET. Who has that secret can make any key.
fn key() -> anyhow::Result<String> {
    let secret = std::env::var("API_KEY_SECRET")
        .context("API_KEY_SECRET is not set; run this where the host runs")?;
    let until = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + SECONDS;
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes())?;
    mac.update(b"operator\0");
    mac.update(until.to_string().as_bytes());
    let seal: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("trm_operator_{until}_{seal}"))
}

async fn post(path: &str, body: String) -> anyhow::Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let address = format!("127.0.0.1:{port}");
    let stream = TcpStream::connect(&address)
        .await
        .with_context(|| format!("no host answers on {address}; PORT says where it listens"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; a fault of it is the request's too.
    tokio::spawn(connection);
    let request = http::Request::post(path)
        .header(http::header::HOST, &address)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header("x-api-key", key()?)
        .body(Full::new(bytes::Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&text)
    );
    println!("done");
    Ok(())
}
