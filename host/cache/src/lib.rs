//! A two-tier cache: L1 in memory and, with the feature `redis`, L2 in Redis, with single flight, tags and patterns.
//!
//! Invariant: after an invalidation is acknowledged, no value that was computed before it is served by this host, and by other
//! hosts only until the message about it arrives. A barrier rejects every fill that started before the invalidation.
//!
//! One caller computes a missing value, and an invalidation reaches every value that carries its tag:
//!
//! ```
//! use std::error::Error;
//! use std::time::{Duration, Instant};
//! use trm_cache::{Cache, CacheSettings, EntryOptions, Lookup};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     // In memory only: the settings name no Redis.
//!     let cache = Cache::new(CacheSettings::default())?;
//!     let deadline = Instant::now() + Duration::from_secs(1);
//!
//!     let Lookup::Fill(fill) = cache.get_or_fill("job:1", deadline).await? else {
//!         return Err("an empty cache has no value".into());
//!     };
//!     let options = EntryOptions {
//!         ttl: Some(Duration::from_secs(60)),
//!         tags: vec!["jobs".to_owned()],
//!         ..EntryOptions::default()
//!     };
//!     fill.complete("Engineer".into(), options, deadline).await?;
//!     assert_eq!(cache.get("job:1", deadline).await?, Some("Engineer".into()));
//!
//!     cache.invalidate_tag("jobs", deadline).await?;
//!     assert_eq!(cache.get("job:1", deadline).await?, None);
//!     Ok(())
//! }
//! ```

pub mod barriers;
mod fill;
pub mod flight;
mod invalidate;
pub mod l1;
pub mod l2;
mod owners;
mod primitives;
pub mod read_through;
mod rules;
mod soft;
pub mod stats;
mod sync;
mod warm;
mod watch;

pub use fill::Fill;
pub use l2::RedisSettings;
pub use read_through::Cache;
pub use read_through::Lookup;
pub use rules::CacheError;
pub use rules::CacheSettings;
pub use rules::EntryOptions;
