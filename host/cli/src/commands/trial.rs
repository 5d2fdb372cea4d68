//! `trm trial`: the host of one test, told what to do by lines of JSON on its standard input and answering with
//! lines that begin with `{` among those of its log; listens on nothing.

use super::dev::build_some;
use super::indexes;
use super::sample;
use crate::settings::{Flags, groups};
use crate::trial::{Asked, Trial};
use anyhow::bail;
use bson::{Bson, RawDocumentBuf};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use trm_document_stores::FindOptions;
use trm_policy::manifest;
use trm_runtime::capabilities::witness::{Line, Script};
use trm_runtime::frozen::Frozen;
use trm_server::config::Mode;
use trm_telemetry::log;

#[derive(clap::Args)]
pub(crate) struct TrialArguments {
    /// Build this function first
    #[arg(long, value_name = "FUNCTION")]
    build: Vec<String>,
    /// Stop the guests' clock at this time, in milliseconds since 1970
    #[arg(long, value_name = "MS")]
    at: Option<u64>,
    #[command(flatten)]
    settings: Flags<{ groups::HOST }>,
}

/// How long a store may take for what a test puts there or looks for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Documents that are shown of a collection.
const MOST: u32 = 1_000;

/// One line of the test.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Order {
    /// Answer a request.
    Ask(Asked),
    /// Answer these calls in the host's place from now on.
    Fake(Vec<Line>),
    /// Put documents (extended JSON) into a collection.
    Insert(String, Vec<Value>),
    /// Show the documents of a collection that fit a filter.
    Find(String, Value),
    /// Load the sample data.
    Sample,
}

/// Reads lines until there are no more.
pub(crate) async fn run(arguments: TrialArguments) -> anyhow::Result<()> {
    let TrialArguments { build, at, .. } = arguments;
    let frozen = at.map(|at_ms| Frozen { at_ms, seed: 1 });
    let settings = arguments.settings.0;
    let config = settings.config_from(Mode::Dev, |name| match (name, settings.get(name)) {
        // What a test provokes on purpose is no news.
        ("LOG_LEVEL", None) => Some("error".to_owned()),
        (_, value) => value,
    })?;
    log::init(&config.log());
    let functions = manifest::load(&config.manifest)?;
    if !build.is_empty() {
        build_some(&config, &functions, build).await?;
    }
    let trial = Trial::open(&config, &functions, frozen).await?;
    indexes::ensure(trial.origin()).await;
    let mut faked = Vec::new();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let done = match serde_json::from_str(&line) {
            Ok(order) => carry_out(&trial, order, &mut faked).await,
            Err(error) => Err(anyhow::Error::new(error).context(line)),
        };
        println!(
            "{}",
            done.unwrap_or_else(|error| json!({"fault": format!("{error:#}")}))
        );
    }
    Ok(())
}

async fn carry_out(trial: &Trial, order: Order, faked: &mut Vec<Line>) -> anyhow::Result<Value> {
    let origin = trial.origin();
    let until = Instant::now() + PATIENCE;
    Ok(match order {
        Order::Ask(asked) => {
            let script = Script::some(faked.clone());
            let (heard, seen) = trial.ask(&asked, script).await?;
            json!({"answer": heard, "seen": seen})
        }
        Order::Insert(collection, documents) => {
            let documents = documents.into_iter().map(document);
            let documents = documents.collect::<anyhow::Result<Vec<_>>>()?;
            let inserted = origin.insert(&collection, documents, until).await?;
            json!({"inserted": inserted.len()})
        }
        Order::Find(collection, filter) => {
            let options = FindOptions {
                limit: MOST,
                ..Default::default()
            };
            let found = origin.find(&collection, document(filter)?, options, until);
            let found = found.await?.documents.into_iter().map(|document| {
                let read = bson::Document::try_from(document)?;
                anyhow::Ok(Bson::Document(read).into_relaxed_extjson())
            });
            json!({"documents": found.collect::<anyhow::Result<Vec<_>>>()?})
        }
        Order::Fake(lines) => {
            *faked = lines;
            json!({})
        }
        Order::Sample => {
            sample::fill(origin).await?;
            json!({})
        }
    })
}

fn document(value: Value) -> anyhow::Result<RawDocumentBuf> {
    match Bson::try_from(value)? {
        Bson::Document(document) => Ok(RawDocumentBuf::try_from(&document)?),
        other => bail!("{other} is not a document"),
    }
}
