//! `trm admin`: asks the host that runs here for what only an operator may; reads no store itself.

use crate::operator::HEADER;
use crate::operator::Operator;
use crate::variables;
use anyhow::{Context, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long the host may take; a reload may have to compile.
const PATIENCE: Duration = Duration::from_secs(120);

/// `trm admin key`, `trm admin reload`, `trm admin cache flush`, `trm admin cache invalidate <pattern or tag:…>`.
pub async fn admin(arguments: &[&str]) -> anyhow::Result<()> {
    let (path, body) = match arguments {
        ["key"] => {
            println!("{}", key()?);
            return Ok(());
        }
        ["reload"] => ("/reload", serde_json::json!({})),
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
            "trm admin key | reload | cache flush | cache invalidate <pattern> | cache invalidate --tag <tag>"
        ),
    };
    let answer = tokio::time::timeout(PATIENCE, post(path, body.to_string())).await;
    answer.with_context(|| format!("the host did not answer within {PATIENCE:?}"))?
}

fn key() -> anyhow::Result<String> {
    let secret = variables::names("API_KEY_SECRET")
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|secret| !secret.is_empty()))
        .context("API_KEY_SECRET is not set; run this where the host runs")?;
    Ok(Operator::new(secret).key())
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
        .header(HEADER, key()?)
        .body(Full::new(bytes::Bytes::from(body)))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    ensure!(
        status.is_success(),
        "{status}: {}",
        String::from_utf8_lossy(&text)
    );
    println!("{}", told(&text));
    Ok(())
}

/// What came of it, where the answer says so.
fn told(answer: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let names = answer["changed"].as_array().map(|names| {
        let names: Vec<&str> = names.iter().filter_map(|name| name.as_str()).collect();
        names.join(", ")
    });
    match names {
        None => "done".to_owned(),
        Some(none) if none.is_empty() => "reloaded: nothing has changed".to_owned(),
        Some(names) => format!("reloaded: {names}"),
    }
}
