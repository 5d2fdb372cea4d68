//! `trm sample`: fills an empty store with the marketplace's sample data, once.

use crate::settings::{Flags, groups};
use crate::status;
use anyhow::Context;
use bson::{RawDocumentBuf, rawdoc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trm_document_stores::Origin;
use trm_domain::sample as data;
use trm_policy::grants::Access;
use trm_policy::manifest::Function;
use trm_server::config::{Config, Mode};
use trm_stores::Stores;

/// Sample data is written in batches, each within this time.
const BATCH: usize = 500;
const BATCH_TIME: Duration = Duration::from_secs(30);
/// What it fills.
const COLLECTIONS: [&str; 5] = ["companies", "users", "jobs", "referrals", "payouts"];

pub(super) use data::{DEMO, DEMO_PASSWORD as PASSWORD};

#[derive(clap::Args)]
pub(crate) struct SampleArguments {
    #[command(flatten)]
    settings: Flags<{ groups::STORE }>,
}

/// Loads the data into the configured store, where its collections are empty.
pub(crate) async fn run(arguments: SampleArguments) -> anyhow::Result<()> {
    let config = arguments.settings.0.configure(Mode::Serve)?;
    load_once(&config).await.map(drop)
}

/// Whether some function may read what the sample data fills. Another application has no use for it.
pub(super) fn is_used_by(functions: &[Function]) -> bool {
    functions.iter().any(|function| {
        let grants = &function.grants;
        let reads = |collection: &&str| grants.documents(collection, Access::Read);
        COLLECTIONS.iter().any(reads)
    })
}

/// The same; whether the store holds what examples name afterwards. A store with other data does not.
pub(super) async fn load_once(config: &Config) -> anyhow::Result<bool> {
    let stores = Stores::open(config.stores()).await?;
    super::indexes::ensure(&stores.origin).await;
    fill(&stores.origin).await?;
    holds_examples(&stores.origin).await
}

async fn holds_examples(origin: &Origin) -> anyhow::Result<bool> {
    let emails: Vec<&str> = DEMO.iter().map(|(email, _)| *email).collect();
    let job = bson::oid::ObjectId::parse_str(data::example_id("jobs"))?;
    let accounts = rawdoc! {"email": {"$in": bson::RawArrayBuf::from_iter(emails)}};
    let until = Instant::now() + BATCH_TIME;
    let accounts = origin.count("users", accounts, until).await?;
    let jobs = origin.count("jobs", rawdoc! {"_id": job}, until).await?;
    Ok(accounts == DEMO.len() as u64 && jobs == 1)
}

/// Fills what is empty.
pub(super) async fn fill(origin: &Origin) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    for (collection, documents) in data::collections(now) {
        let every = RawDocumentBuf::new();
        let held = origin
            .count(collection, every, Instant::now() + BATCH_TIME)
            .await
            .with_context(|| format!("{collection} cannot be counted"))?;
        if held > 0 {
            continue;
        }
        for batch in documents.chunks(BATCH) {
            let batch = batch
                .iter()
                .map(RawDocumentBuf::try_from)
                .collect::<Result<Vec<_>, _>>()?;
            origin
                .insert(collection, batch, Instant::now() + BATCH_TIME)
                .await
                .with_context(|| format!("{collection} cannot be filled"))?;
        }
        status::say(&format!("sample data: {} {collection}", documents.len()));
    }
    Ok(())
}

/// An identifier that the sample data holds, for the collection that a path segment names.
pub(super) fn example_id(segment: &str) -> String {
    data::example_id(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collections_are_those_that_the_data_fills() {
        let filled = data::collections(1_800_000_000_000);
        let filled: Vec<&str> = filled.iter().map(|(name, _)| *name).collect();
        assert_eq!(filled, COLLECTIONS);
    }
}
