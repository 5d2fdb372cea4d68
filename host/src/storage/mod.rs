//! Where values are kept: L1 in memory, L2 in Redis, the origin; knows nothing of functions or HTTP.

pub mod barriers;
pub mod breaker;
pub mod counters;
mod fill;
pub mod flight;
mod invalidate;
pub mod key_value;
pub mod l1;
pub mod l2;
pub mod origin;
mod owners;
mod primitives;
pub mod read_through;
mod rules;
pub mod servers;
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
