//! The stores, how every route reads through the cache, and how it answers; knows no job.

use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use std::fmt::Display;
use std::time::{Duration, Instant};
use trm_cache::{Cache, CacheSettings, EntryOptions, Lookup, RedisSettings};
use trm_document_stores::{MongoSettings, Origin};
use trm_sdk::Problem;
use trm_sdk::signing::Secrets;

/// What one process keeps things in.
pub struct Stores {
    pub cache: Cache,
    pub origin: Origin,
    pub tokens: Secrets,
}

impl Stores {
    /// As the environment says.
    pub async fn open(given: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut settings = CacheSettings {
            redis: given("REDIS_URL").map(|url| RedisSettings::new(url, "bench")),
            ..CacheSettings::default()
        };
        if let Some(keys) = given("CACHE_L1_MAX_KEYS") {
            settings.l1.keys = keys.parse().context("CACHE_L1_MAX_KEYS is no number")?;
        }
        let origin = match given("MONGODB_URI") {
            None => {
                let folder =
                    given("TRM_DATA_DIR").context("set TRM_DATA_DIR to the sample data")?;
                Origin::sqlite(folder.as_ref())?
            }
            Some(uri) => {
                let settings = MongoSettings {
                    uri,
                    ..MongoSettings::default()
                };
                Origin::mongo(settings).await?
            }
        };
        let secret = given("JWT_SECRET").context("set JWT_SECRET")?;
        let tokens = Secrets::new("JWT_SECRET", secret, None);
        Ok(Self {
            cache: Cache::new(settings)?,
            origin,
            tokens: tokens.map_err(|problem| anyhow::anyhow!("{problem:?}"))?,
        })
    }

    /// The value of a key, computed by one caller where it is not kept.
    pub async fn cached(
        &self,
        key: &str,
        tag: &str,
        compute: impl AsyncFnOnce() -> Result<Vec<u8>, Refused>,
    ) -> Result<Bytes, Refused> {
        let fill = match self.cache.get_or_fill(key, deadline()).await {
            Ok(Lookup::Hit(kept)) => return Ok(kept),
            Ok(Lookup::Fill(fill)) => fill,
            Err(error) => return Err(broken(error)),
        };
        let computed = Bytes::from(compute().await?);
        let options = EntryOptions {
            tags: vec![tag.to_owned()],
            ..EntryOptions::default()
        };
        let kept = fill.complete(computed.clone(), options, deadline()).await;
        kept.map_err(broken)?;
        Ok(computed)
    }
}

/// An answer in place of the usual one.
pub struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.into_response().map(Body::from)
    }
}

/// A store that fails is the server's fault.
pub fn broken(error: impl Display) -> Refused {
    Refused(Problem::internal(error))
}

/// Until when a call may take.
pub fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(30)
}
