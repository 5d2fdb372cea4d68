//! `trm admin`: what only an operator may ask of the host on this machine; reads no store itself.

use super::client;
use crate::settings::{Flags, groups};
use anyhow::{Context, ensure};
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;
use trm_policy::variables;
use trm_server::config::Mode;
use trm_server::operator::{HEADER, Operator};

/// How long the host may take; a reload may have to compile.
const TIMEOUT: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub(crate) struct AdminArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Invalidate cached entries on every host
    Cache(CacheArguments),
    /// Read the manifest and its components again, and wait for the outcome
    Reload(Surroundings),
    /// Print an X-API-Key that is valid for a minute
    Key(Surroundings),
}

#[derive(clap::Args)]
struct CacheArguments {
    #[command(subcommand)]
    action: CacheAction,
}

#[derive(clap::Subcommand)]
enum CacheAction {
    /// Invalidate every entry; the stores then answer all reads for a while
    Flush(Surroundings),
    /// Invalidate the entries of a pattern or of a tag
    Invalidate(InvalidateArguments),
}

#[derive(clap::Args)]
struct InvalidateArguments {
    /// A key, or a prefix that ends in :*, like jobs:*
    #[arg(required_unless_present = "tag", conflicts_with = "tag")]
    pattern: Option<String>,
    /// A tag, like jobs:list
    #[arg(long)]
    tag: Option<String>,
    #[command(flatten)]
    surroundings: Surroundings,
}

#[derive(clap::Args)]
struct Surroundings {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::PORT }>,
}

/// Asks the host, or makes a key.
pub(crate) async fn run(arguments: AdminArguments) -> anyhow::Result<()> {
    let invalidate = "/api/admin/cache/invalidate";
    let (path, body, surroundings) = match arguments.action {
        Action::Key(surroundings) => {
            let key = key()?;
            match surroundings.json {
                true => println!("{}", json!({"key": key})),
                false => println!("{key}"),
            }
            return Ok(());
        }
        Action::Reload(surroundings) => ("/reload", json!({}), surroundings),
        Action::Cache(CacheArguments { action }) => match action {
            CacheAction::Flush(surroundings) => ("/api/admin/cache/flush", json!({}), surroundings),
            CacheAction::Invalidate(InvalidateArguments {
                pattern,
                tag,
                surroundings,
            }) => {
                let body = match tag {
                    Some(tag) => json!({"tag": tag}),
                    None => json!({"pattern": pattern}),
                };
                (invalidate, body, surroundings)
            }
        },
    };
    let port = surroundings.settings.0.config(Mode::Serve)?.listen.port();
    let answer = tokio::time::timeout(TIMEOUT, post(port, path, &body)).await;
    let answer =
        answer.with_context(|| format!("the host did not answer within {TIMEOUT:?}"))??;
    match surroundings.json {
        true => println!("{}", outcome(&answer)),
        false => println!("{}", summary(&answer)),
    }
    Ok(())
}

fn key() -> anyhow::Result<String> {
    let secret = variables::names("API_KEY_SECRET")
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|secret| !secret.is_empty()))
        .context("API_KEY_SECRET is not set; run this where the host runs")?;
    Ok(Operator::new(secret).key())
}

/// What the host answers; null where the answer has no body.
async fn post(port: u16, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(HEADER, key()?)
        .body(Full::new(body.to_string().into()))?;
    let response = client::send(client::local(port), request)
        .await
        .context("--port or PORT says where the host listens")?;
    let (status, body) = (response.status(), response.into_body());
    let text = String::from_utf8_lossy(&body);
    ensure!(status.is_success(), "{status}: {text}");
    match body.is_empty() {
        true => Ok(Value::Null),
        false => serde_json::from_slice(&body).with_context(|| format!("no JSON: {text}")),
    }
}

/// The outcome for a program: always an object.
fn outcome(answer: &Value) -> Value {
    match answer {
        Value::Object(_) => answer.clone(),
        _ => json!({"done": true}),
    }
}

/// The outcome for a person, in one line.
fn summary(answer: &Value) -> String {
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
