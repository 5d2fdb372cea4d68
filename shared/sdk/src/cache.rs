//! `trm:platform/cache`: the two-tier cache, read through one call; decides no keys.

pub use crate::bindings::trm::platform::cache::Error;
use crate::bindings::trm::platform::cache::{self as host, EntryOptions, Lookup};
use bytes::Bytes;
use std::time::Duration;

/// The longest key that the host takes, in bytes.
const MAX_KEY: usize = 512;

/// How an entry is kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    ttl: Option<Duration>,
    tags: Vec<String>,
}

impl Options {
    /// An entry that is invalidated by these tags, and lives as long as the host's default.
    pub fn tagged<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self {
            ttl: None,
            tags: tags.into_iter().map(Into::into).collect(),
        }
    }

    /// An entry that lives so long in every tier, up to 24 hours.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..self
        }
    }

    fn into_wit(self) -> EntryOptions {
        EntryOptions {
            ttl_ms: self
                .ttl
                .map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
            tags: self.tags,
        }
    }
}

/// The value of a key. On a miss one caller on this host computes it and the others wait; an error
/// of `compute` is returned, nothing is kept, and the next caller computes.
///
/// A cache that is saturated costs only its help: this caller computes for itself.
pub async fn get_or_set<E: From<Error>>(
    key: &str,
    options: Options,
    compute: impl AsyncFnOnce() -> Result<Vec<u8>, E>,
) -> Result<Bytes, E> {
    // A question too long to be a key is asked anew each time.
    if key.len() > MAX_KEY {
        return Ok(compute().await?.into());
    }
    match host::get_or_fill(key) {
        Ok(Lookup::Hit(value)) => Ok(value.into()),
        Ok(Lookup::Fill(fill)) => {
            let value = compute().await?;
            match fill.complete(&value, &options.into_wit()) {
                // The answer is right whether or not it could be kept.
                Ok(()) | Err(Error::TooLarge(_) | Error::DeadlineExceeded) => Ok(value.into()),
                Err(error) => Err(error.into()),
            }
        }
        Err(Error::Saturated) => Ok(compute().await?.into()),
        Err(error) => Err(error.into()),
    }
}

/// The value of a key, or none; never waits for another caller.
pub async fn get(key: &str) -> Result<Option<Bytes>, Error> {
    Ok(host::get(key)?.map(Bytes::from))
}

/// Keeps a value.
pub async fn set(key: &str, value: Vec<u8>, options: Options) -> Result<(), Error> {
    host::set(key, &value, &options.into_wit())
}

/// Removes a key from every tier and host.
pub async fn delete(key: &str) -> Result<(), Error> {
    host::delete(key)
}

/// Invalidates every entry that carries the tag, on all hosts.
pub async fn invalidate_tag(tag: &str) -> Result<(), Error> {
    host::invalidate_tag(tag)
}

/// Invalidates every key under a prefix of whole segments: `jobs:*`.
pub async fn invalidate_pattern(pattern: &str) -> Result<(), Error> {
    host::invalidate_pattern(pattern)
}
