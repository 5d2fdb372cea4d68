//! The stores that all functions of a host share: the cache and the origin; opened once, at start.

use crate::config::Config;
use crate::storage::Cache;
use crate::storage::CacheSettings;
use crate::storage::RedisSettings;
use crate::storage::breaker::Breaker;
use crate::storage::counters::Counters;
use crate::storage::origin::MongoSettings;
use crate::storage::origin::Origin;
use crate::storage::servers::SharedRedis;
use anyhow::{Context, anyhow};

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
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let origin = match &config.mongodb {
            Some(mongodb) => Origin::mongo(MongoSettings {
                uri: mongodb.uri.clone(),
                max_pool_size: mongodb.max_pool_size,
                min_pool_size: mongodb.min_pool_size,
                read_preference: mongodb.read_preference.clone(),
                breaker_threshold: config.breaker_threshold,
                breaker_reset: config.breaker_reset,
                ..MongoSettings::default()
            })
            .await
            .context("MONGODB_URI cannot be used")?,
            None => {
                std::fs::create_dir_all(&config.data_dir).with_context(|| {
                    format!("TRM_DATA_DIR={} cannot be made", config.data_dir.display())
                })?;
                Origin::sqlite(&config.data_dir).context("the embedded store cannot be opened")?
            }
        };
        let cache = Cache::new(CacheSettings {
            l1_ttl: config.cache.l1_ttl,
            l2_ttl: config.cache.l2_ttl,
            l1: config.cache.l1,
            redis: config
                .redis_url
                .clone()
                .map(|url| RedisSettings::new(url, &origin.namespace()))
                .map(|redis| redis.compress_above(config.cache.l2_compress_above)),
            cluster_lock: config.cache.cluster_lock,
            fill_soft: config.cache.fill_soft,
            fill_hard: config.cache.fill_hard,
            breaker_threshold: config.breaker_threshold,
            breaker_reset: config.breaker_reset,
            ..CacheSettings::default()
        })
        .context("the cache cannot be opened")?;
        let breaker = Breaker::new(config.breaker_threshold, config.breaker_reset);
        let counters = Counters::new(config.redis_url.as_deref(), &origin.namespace(), breaker)
            .map_err(|fault| anyhow!("REDIS_URL cannot be used for counters: {fault}"))?;
        Ok(Self {
            cache,
            origin,
            counters,
            shared_redis: SharedRedis::default(),
        })
    }
}
