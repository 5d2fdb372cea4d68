//! `trm sample`: fills an empty store with the marketplace's sample data, once.

use super::configure;
use crate::capabilities::Stores;
use crate::config::Config;
use crate::config::Mode;
use crate::storage::origin::Origin;
use anyhow::Context;
use bson::RawDocumentBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trm_domain::sample as data;

/// Sample data is written in batches, each within this time.
const BATCH: usize = 500;
const BATCH_TIME: Duration = Duration::from_secs(30);

pub(super) use data::{DEMO, DEMO_PASSWORD as PASSWORD};

/// Loads the data into the configured store, where its collections are empty.
pub async fn sample() -> anyhow::Result<()> {
    let config = configure(Mode::Serve)?;
    load_once(&config).await
}

pub(super) async fn load_once(config: &Config) -> anyhow::Result<()> {
    let stores = Stores::open(config).await?;
    super::indexes::ensure(&stores.origin).await;
    fill(&stores.origin).await
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
        println!("sample data: {} {collection}", documents.len());
    }
    Ok(())
}

/// An identifier that the sample data holds, for the collection that a path segment names.
pub(super) fn example_id(segment: &str) -> String {
    data::example_id(segment)
}
