//! What a cache entry may be: settings, options, bounds and the errors that name them; keeps nothing.

use super::l1::Limits;
use super::l1::Times;
use super::l2::MAX_TTL;
use super::l2::RedisSettings;
use bytes::Bytes;
use std::time::Duration;

/// The most tags of one entry, and the longest key, tag and pattern in bytes. Functions are promised 16;
/// an answer at the edge carries those of all that it shows, and its address.
const MAX_TAGS: usize = 32;
const MAX_KEY: usize = 512;
const MAX_TAG: usize = 256;
/// An entry that is renewed ahead is due in this part of its time before the end.
const AHEAD: u32 = 10;

/// How the cache is set up.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// Default time to live in L1.
    pub l1_ttl: Duration,
    /// Default time to live in L2.
    pub l2_ttl: Duration,
    /// How much L1 keeps.
    pub l1: Limits,
    /// The largest value of one entry, in bytes.
    pub max_value: usize,
    /// L2; none where it is off.
    pub redis: Option<RedisSettings>,
    /// One host at a time computes a missing entry, by a lock in Redis.
    pub cluster_lock: bool,
    /// How long a caller who renews a value waits for it before the value from before serves; none where zero.
    pub fill_soft: Duration,
    /// How long a fill may take before the next who waits computes as well; none where zero.
    pub fill_hard: Duration,
    /// How often the hottest keys are told to hosts that start.
    pub tell_hottest: Duration,
    /// Failures in a row that open L2's breaker.
    pub breaker_threshold: u32,
    /// How long it stays open.
    pub breaker_reset: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            l1_ttl: Duration::from_secs(60),
            l2_ttl: Duration::from_secs(300),
            l1: Limits {
                keys: 10_000,
                bytes: 50 << 20,
                entry: 1 << 20,
                share: 50,
            },
            max_value: 1 << 20,
            redis: None,
            cluster_lock: false,
            fill_soft: Duration::from_millis(500),
            fill_hard: Duration::from_secs(2),
            tell_hottest: Duration::from_secs(30),
            breaker_threshold: 5,
            breaker_reset: Duration::from_secs(30),
        }
    }
}

/// How one entry is kept.
#[derive(Clone, Debug, Default)]
pub struct EntryOptions {
    /// Time to live in every tier; none for the defaults.
    pub ttl: Option<Duration>,
    /// How long after that it may still be served: to those for whom another caller computes it anew, and
    /// where computing fails.
    pub stale: Option<Duration>,
    /// One caller computes it anew in the last tenth of its time, while all others still have it.
    pub ahead: bool,
    /// Tags by which it can be invalidated.
    pub tags: Vec<String>,
    /// Kept in L1 alone.
    pub local: bool,
}

/// Why a call of the cache failed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CacheError {
    /// The key, tag, pattern or option is malformed.
    #[error("{0}")]
    Invalid(String),
    /// The value is larger than the cache keeps.
    #[error("{0}")]
    TooLarge(String),
    /// The deadline passed.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// Too many wait for a fill already.
    #[error("too many callers wait")]
    Saturated,
}

impl EntryOptions {
    /// The times of an entry whose time to live is `default` where the options say none.
    pub(super) fn times(&self, default: Duration) -> Times {
        let ttl = self.ttl.unwrap_or(default);
        Times {
            ttl,
            ahead: match self.ahead {
                true => ttl / AHEAD,
                false => Duration::ZERO,
            },
            stale: self.stale.unwrap_or_default(),
        }
    }
}

impl CacheSettings {
    /// Whether a value with these options may be kept.
    pub(super) fn check_entry(
        &self,
        value: &Bytes,
        options: &EntryOptions,
    ) -> Result<(), CacheError> {
        let most = self.max_value;
        if value.len() > most {
            return Err(CacheError::TooLarge(format!(
                "the value has {} bytes; at most {most} are cached",
                value.len()
            )));
        }
        if options.tags.len() > MAX_TAGS {
            return Err(CacheError::Invalid(format!(
                "an entry has at most {MAX_TAGS} tags"
            )));
        }
        if options
            .ttl
            .is_some_and(|ttl| ttl.is_zero() || ttl > MAX_TTL)
            || options.stale.is_some_and(|stale| stale > MAX_TTL)
        {
            return Err(CacheError::Invalid(
                "a ttl is from 1 ms to 24 hours, a stale time at most 24 hours".to_owned(),
            ));
        }
        options.tags.iter().try_for_each(|tag| check_tag(tag))
    }
}

/// Whether this can be a key.
pub(super) fn check_key(key: &str) -> Result<(), CacheError> {
    match key.len() {
        1..=MAX_KEY if !key.contains(['\n', '\0']) => Ok(()),
        _ => Err(CacheError::Invalid(format!(
            "a key is 1 to {MAX_KEY} bytes without line breaks; this one has {}",
            key.len()
        ))),
    }
}

/// Whether this can be a tag.
pub(super) fn check_tag(tag: &str) -> Result<(), CacheError> {
    match tag.len() {
        1..=MAX_TAG if !tag.contains(['\n', '\0']) => Ok(()),
        _ => Err(CacheError::Invalid(format!(
            "a tag is 1 to {MAX_TAG} bytes without line breaks"
        ))),
    }
}

/// Whether this is short enough to be a pattern; its form is the barriers' matter.
pub(super) fn check_pattern(pattern: &str) -> Result<(), CacheError> {
    match pattern.len() {
        0..=MAX_KEY if !pattern.contains(['\n', '\0']) => Ok(()),
        _ => Err(CacheError::Invalid(format!(
            "a pattern is at most {MAX_KEY} bytes without line breaks"
        ))),
    }
}
