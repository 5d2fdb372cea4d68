//! L2, the tier that hosts share: entries and barriers in Redis. Without the feature `redis` there is none.

#[cfg(feature = "redis")]
mod address;
#[cfg(feature = "redis")]
pub mod entry;
mod held;
#[cfg(feature = "redis")]
mod link;
#[cfg(not(feature = "redis"))]
mod off;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod scripts;

pub use held::{Event, Found, Kept};

#[cfg(feature = "redis")]
pub use self::{
    address::Address,
    redis::{Connected, L2, L2Error, RedisSettings},
};
#[cfg(not(feature = "redis"))]
pub use off::{Connected, L2, L2Error, RedisSettings};

/// The longest an entry lives.
pub const MAX_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);
