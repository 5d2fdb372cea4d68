//! `trm:platform/cache`: the two-tier cache, read through one call; decides no keys.

pub use crate::bindings::trm::platform::cache::Error;
use crate::bindings::trm::platform::cache::{self as host, EntryOptions, Fill, Freshness, Lookup};
use bytes::Bytes;
use std::time::Duration;

/// The longest key that the host takes, in bytes.
const MAX_KEY: usize = 512;

/// How an entry is kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    ttl: Option<Duration>,
    stale: Option<Duration>,
    ahead: bool,
    tags: Vec<String>,
}

impl Options {
    /// An entry that is invalidated by these tags, and lives as long as the host's default.
    pub fn tagged<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> Self {
        Self {
            tags: tags.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// An entry that lives so long in every tier, up to 24 hours.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..self
        }
    }

    /// An entry that serves so long beyond its time: those for whom another caller computes it anew, and
    /// where computing fails. Never what was invalidated.
    pub fn stale(self, stale: Duration) -> Self {
        Self {
            stale: Some(stale),
            ..self
        }
    }

    /// An entry that one caller computes anew in the last tenth of its time, while all others still have it.
    pub fn ahead(self) -> Self {
        Self {
            ahead: true,
            ..self
        }
    }

    fn into_wit(self) -> EntryOptions {
        EntryOptions {
            ttl_ms: self.ttl.map(millis),
            tags: self.tags,
        }
    }

    fn freshness(&self) -> Option<Freshness> {
        (self.ahead || self.stale.is_some()).then(|| Freshness {
            stale_ms: self.stale.map(millis),
            ahead: self.ahead,
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The value of a key. On a miss one caller on this host computes it and the others wait; an error
/// of `compute` is returned, nothing is kept, and the next caller computes. With `Options::stale` or
/// `Options::ahead` the value from before is returned instead of an error, where it is not too old; calls of
/// `compute` then end after the host's soft time for fills.
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
            let value = match compute().await {
                Ok(value) => value,
                Err(error) => {
                    let kept = options.freshness().and_then(|_| fill.stale());
                    return kept.map(Bytes::from).ok_or(error);
                }
            };
            keep(&fill, &value, options)?;
            Ok(value.into())
        }
        Err(Error::Saturated) => Ok(compute().await?.into()),
        Err(error) => Err(error.into()),
    }
}

/// The same for what may not exist. That there is nothing is kept too, for its own, shorter time. Such a key
/// is read through this call alone.
pub async fn get_or_find<E: From<Error>>(
    key: &str,
    options: Options,
    nothing: Duration,
    find: impl AsyncFnOnce() -> Result<Option<Vec<u8>>, E>,
) -> Result<Option<Bytes>, E> {
    if key.len() > MAX_KEY {
        return Ok(find().await?.map(Bytes::from));
    }
    let there = |mut value: Vec<u8>| {
        value.insert(0, 1);
        value
    };
    let fill = match host::get_or_fill(key) {
        Ok(Lookup::Hit(kept)) => return Ok(found(kept.into())),
        Ok(Lookup::Fill(fill)) => fill,
        Err(Error::Saturated) => return Ok(find().await?.map(Bytes::from)),
        Err(error) => return Err(error.into()),
    };
    let value = match find().await {
        Ok(value) => value,
        Err(error) => {
            let kept = options.freshness().and_then(|_| fill.stale());
            return kept.map(|kept| found(kept.into())).ok_or(error);
        }
    };
    let (value, options) = match value {
        Some(value) => (there(value), options),
        None => (
            vec![0],
            Options {
                ttl: Some(nothing),
                stale: None,
                ahead: false,
                ..options
            },
        ),
    };
    keep(&fill, &value, options)?;
    Ok(found(value.into()))
}

/// Keeps what was computed. The answer is right whether or not it could be kept.
fn keep(fill: &Fill, value: &[u8], options: Options) -> Result<(), Error> {
    let freshness = options.freshness();
    let options = options.into_wit();
    let kept = match freshness {
        Some(freshness) => fill.complete_fresh(value, &options, freshness),
        None => fill.complete(value, &options),
    };
    match kept {
        Err(Error::TooLarge(_) | Error::DeadlineExceeded) => Ok(()),
        kept => kept,
    }
}

/// A value behind the byte that says that there is one.
fn found(kept: Bytes) -> Option<Bytes> {
    (kept.first() == Some(&1)).then(|| kept.slice(1..))
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
