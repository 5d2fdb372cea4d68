//! Everything that one host stores in: the cache, the documents, key-value stores, counters and the Redis servers of guests.
//!
//! Invariant: each store is opened once, by [`Stores::open`], and every function of a host shares it.

pub mod counters;
pub mod database_metrics;
pub mod key_value;
pub mod servers;
pub mod store_metrics;

use crate::counters::Counters;
use crate::servers::SharedRedis;
use anyhow::{Context, anyhow};
use std::path::PathBuf;
use std::time::Duration;
use trm_cache::{Cache, CacheSettings, RedisSettings};
use trm_document_stores::MongoSettings;
use trm_document_stores::Origin;
use trm_resilience::breaker::Breaker;

/// Where the stores of one host are, and how they are used.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// MongoDB; none for SQLite.
    pub mongodb: Option<MongoSettings>,
    /// The folder of SQLite's file.
    pub data_dir: PathBuf,
    /// The redis:// address of L2 and of counters; none where both are in memory. A secret.
    pub redis_url: Option<String>,
    /// The cache without its Redis, which `redis_url` and the origin's name decide.
    pub cache: CacheSettings,
    /// Values of more bytes are compressed in L2.
    pub l2_compress_above: usize,
    /// How many failures in a row open a breaker.
    pub breaker_threshold: u32,
    /// How long a breaker stays open before it probes.
    pub breaker_reset: Duration,
}

/// What one host keeps things in.
pub struct Stores {
    /// L1 and, where it is configured, L2.
    pub cache: Cache,
    /// MongoDB where it is configured, else SQLite.
    pub origin: Origin,
    /// Counters of rates.
    pub counters: Counters,
    /// The Redis servers that guests name.
    pub shared_redis: SharedRedis,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stores")
            .field("origin", &self.origin.kind())
            .finish_non_exhaustive()
    }
}

impl Stores {
    /// Opens both. Neither Redis nor MongoDB need be there yet: readiness tells.
    pub async fn open(settings: StoreSettings) -> anyhow::Result<Self> {
        let origin = match settings.mongodb {
            Some(mongodb) => Origin::mongo(mongodb)
                .await
                .context("MONGODB_URI cannot be used")?,
            None => {
                std::fs::create_dir_all(&settings.data_dir).with_context(|| {
                    format!(
                        "TRM_DATA_DIR={} cannot be made",
                        settings.data_dir.display()
                    )
                })?;
                Origin::sqlite(&settings.data_dir).context("the embedded store cannot be opened")?
            }
        };
        let cache = Cache::new(CacheSettings {
            redis: settings
                .redis_url
                .clone()
                .map(|url| RedisSettings::new(url, &origin.namespace()))
                .map(|redis| redis.compress_above(settings.l2_compress_above)),
            ..settings.cache
        })
        .context("the cache cannot be opened")?;
        let breaker = Breaker::new(settings.breaker_threshold, settings.breaker_reset);
        let counters =
            Counters::new(settings.redis_url.as_deref(), &origin.namespace(), breaker)
                .map_err(|fault| anyhow!("REDIS_URL cannot be used for counters: {fault}"))?;
        Ok(Self {
            cache,
            origin,
            counters,
            shared_redis: SharedRedis::default(),
        })
    }
}
