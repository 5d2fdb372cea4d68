//! `trm indexes`: makes every index of the marketplace in the configured store; repeating it changes nothing.

use crate::settings::{Flags, groups};
use anyhow::Context;
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use trm_document_stores::{IndexSpec, Origin, OriginError};
use trm_domain::schema;
use trm_domain::schema::Index;
use trm_server::config::Mode;
use trm_stores::Stores;

#[derive(clap::Args)]
pub(crate) struct IndexesArguments {
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::STORE }>,
}

/// How long one index may take at start, and when it is what was asked for: a large collection takes long.
const AT_START: Duration = Duration::from_secs(5);
const ASKED_FOR: Duration = Duration::from_secs(3_600);
/// How many are made at one time.
const AT_ONE_TIME: usize = 4;

/// Makes them all, and prints which.
pub(crate) async fn run(arguments: IndexesArguments) -> anyhow::Result<()> {
    let config = arguments.settings.0.configure(Mode::Serve)?;
    let stores = Stores::open(config.stores()).await?;
    for index in schema::INDEXES {
        make(&stores.origin, index, ASKED_FOR)
            .await
            .with_context(|| format!("the index {} is not made", spell(index)))?;
        if !arguments.json {
            println!("{}", spell(index));
        }
    }
    if arguments.json {
        let indexes: Vec<_> = schema::INDEXES.iter().map(describe).collect();
        println!("{}", json!({"indexes": indexes}));
    }
    Ok(())
}

/// An index for a program. The order of the keys matters, so they are a list.
fn describe(index: &Index) -> Value {
    let keys = index.keys.iter().map(|(field, order)| match index.text {
        true => json!([field, "text"]),
        false => json!([field, order]),
    });
    json!({
        "collection": index.collection,
        "keys": keys.collect::<Vec<_>>(),
        "unique": index.unique,
        "sparse": index.sparse,
    })
}

/// Makes them at start, a few at one time: where they are there already a start waits for answers alone. A store
/// that is away is not waited for: the next start makes them.
pub(super) async fn ensure(origin: &Origin) {
    let made = stream::iter(schema::INDEXES).map(Ok);
    let made = made.try_for_each_concurrent(AT_ONE_TIME, async |index| {
        match make(origin, index, AT_START).await {
            Ok(()) => Ok(()),
            Err(away @ (OriginError::Unavailable { .. } | OriginError::DeadlineExceeded)) => {
                Err(away)
            }
            Err(error) => {
                tracing::warn!(index = spell(index), "an index is not made: {error}");
                Ok(())
            }
        }
    });
    if made.await.is_err() {
        tracing::warn!(
            "indexes are not made yet: the origin does not answer in time; `trm indexes` makes them"
        );
    }
}

async fn make(origin: &Origin, index: &Index, within: Duration) -> Result<(), OriginError> {
    let spec = IndexSpec {
        keys: index.keys,
        unique: index.unique,
        sparse: index.sparse,
        text: index.text,
    };
    origin
        .create_index(index.collection, spec, Instant::now() + within)
        .await
}

/// As MongoDB's shell spells it.
fn spell(index: &Index) -> String {
    let keys = index.keys.iter().map(|(field, way)| match index.text {
        true => format!("{field}: \"text\""),
        false => format!("{field}: {way}"),
    });
    let keys: Vec<_> = keys.collect();
    let marks = [(index.unique, " unique"), (index.sparse, " sparse")];
    let marks: String = marks
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, mark)| *mark)
        .collect();
    format!("{} {{ {} }}{marks}", index.collection, keys.join(", "))
}
