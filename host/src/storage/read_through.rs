//! The cache as functions see it: L1, then L2, then one caller who computes; never computes itself.

use super::barriers::Barriers;
use super::barriers::Scope;
use super::barriers::Stamp;
use super::breaker::Breaker;
use super::breaker::State;
use super::flight::Flights;
use super::flight::Handoff;
use super::flight::Joined;
use super::flight::Turn;
use super::l1::Entry;
use super::l1::L1;
use super::l2::Found;
use super::l2::L2;
use super::l2::MAX_TTL;
use super::l2::RedisSettings;
use super::stats::CacheHealth;
use super::stats::Stats;
use super::sync;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The most tags of one entry, and the longest key, tag and pattern in bytes.
const MAX_TAGS: usize = 16;
const MAX_KEY: usize = 512;
const MAX_TAG: usize = 256;
/// The most barriers that one host remembers.
const MAX_BARRIERS: usize = 100_000;

/// How the cache is set up.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// Default time to live in L1.
    pub l1_ttl: Duration,
    /// Default time to live in L2.
    pub l2_ttl: Duration,
    /// The most keys in L1.
    pub l1_max_keys: usize,
    /// The most bytes in L1.
    pub l1_max_bytes: usize,
    /// The largest value of one entry, in bytes.
    pub max_value: usize,
    /// L2; none where it is off.
    pub redis: Option<RedisSettings>,
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
            l1_max_keys: 10_000,
            l1_max_bytes: 50 << 20,
            max_value: 1 << 20,
            redis: None,
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
    /// Tags by which it can be invalidated.
    pub tags: Vec<String>,
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
    /// The invalidation cannot be remembered until Redis is back.
    #[error("{0}")]
    Unavailable(String),
}

/// What a read gives.
pub enum Lookup {
    /// The value.
    Hit(Bytes),
    /// The right to compute it.
    Fill(Fill),
}

/// The right to compute one missing entry; dropped unused it passes on.
pub struct Fill {
    cache: Cache,
    turn: Turn,
    began: Began,
    epoch: u64,
}

/// When a value's computation began, and by whose clock.
#[derive(Clone, Copy)]
struct Began {
    stamp: Stamp,
    /// Redis gave the stamp. One of this host's own means nothing to other hosts, and stays here.
    shared: bool,
}

/// The cache; clones share it.
#[derive(Clone)]
pub struct Cache(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) l1: L1,
    pub(super) l2: Option<L2>,
    pub(super) barriers: Barriers,
    pub(super) connected: AtomicBool,
    pub(super) pending: sync::Pending,
    flights: Flights,
    stats: Stats,
    settings: CacheSettings,
}

impl Cache {
    /// Opens it. Redis is connected to later; an address that cannot be one is an error now.
    pub fn new(settings: CacheSettings) -> Result<Self, CacheError> {
        let breaker = Breaker::new(settings.breaker_threshold, settings.breaker_reset);
        let l2 = settings
            .redis
            .as_ref()
            .map(|redis| L2::new(redis, breaker))
            .transpose()
            .map_err(|error| CacheError::Invalid(format!("REDIS_URL: {error}")))?;
        let cache = Self(Arc::new(Inner {
            l1: L1::new(settings.l1_max_keys, settings.l1_max_bytes),
            l2,
            barriers: Barriers::new(MAX_BARRIERS),
            connected: AtomicBool::new(false),
            pending: sync::Pending::default(),
            flights: Flights::default(),
            stats: Stats::default(),
            settings,
        }));
        if cache.0.l2.is_some() {
            tokio::spawn(sync::follow(Arc::downgrade(&cache.0)));
        }
        Ok(cache)
    }

    /// The value, or none; never waits for a fill.
    pub async fn get(&self, key: &str, deadline: Instant) -> Result<Option<Bytes>, CacheError> {
        check_key(key)?;
        if let Some(value) = self.local(key) {
            return Ok(Some(value));
        }
        Ok(self.shared(key, deadline).await.ok())
    }

    /// The value, or the right to compute it; waits while another caller computes it.
    pub async fn get_or_fill(&self, key: &str, deadline: Instant) -> Result<Lookup, CacheError> {
        check_key(key)?;
        loop {
            if let Some(value) = self.local(key) {
                return Ok(Lookup::Hit(value));
            }
            let turn = match self.0.flights.join(key) {
                Joined::Saturated => return Err(CacheError::Saturated),
                Joined::Leads(turn) => turn,
                Joined::Waits(waiter) => {
                    match tokio::time::timeout_at(deadline.into(), waiter.wait()).await {
                        Err(_) => return Err(CacheError::DeadlineExceeded),
                        Ok(Some(Handoff::Value(value))) => return Ok(Lookup::Hit(value)),
                        Ok(Some(Handoff::Turn(turn))) => turn,
                        Ok(None) => continue,
                    }
                }
            };
            // Between this caller's look and its turn another may have landed the value.
            if let Some(value) = self.0.l1.get(key, &self.0.barriers) {
                turn.land(&value);
                return Ok(Lookup::Hit(value));
            }
            let epoch = self.0.l1.epoch();
            return Ok(match self.shared(key, deadline).await {
                Ok(value) => {
                    turn.land(&value);
                    Lookup::Hit(value)
                }
                Err(began) => {
                    self.0.stats.fills.fetch_add(1, Relaxed);
                    Lookup::Fill(Fill {
                        cache: self.clone(),
                        turn,
                        began,
                        epoch,
                    })
                }
            });
        }
    }

    /// Keeps a value, computed just now.
    pub async fn set(
        &self,
        key: &str,
        value: Bytes,
        options: EntryOptions,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        check_key(key)?;
        self.check_entry(&value, &options)?;
        // What was there, and every fill in flight, is older than this value.
        let mut began = self.raise(Scope::Key(key.to_owned()), deadline).await?;
        began.stamp += 1;
        let epoch = self.0.l1.epoch();
        self.keep(key, value, began, options, epoch, deadline).await;
        Ok(())
    }

    /// Removes a key from every tier and host; a fill in flight does not bring it back.
    pub async fn delete(&self, key: &str, deadline: Instant) -> Result<(), CacheError> {
        check_key(key)?;
        self.raise(Scope::Key(key.to_owned()), deadline)
            .await
            .map(drop)
    }

    /// Invalidates every entry that carries the tag.
    pub async fn invalidate_tag(&self, tag: &str, deadline: Instant) -> Result<(), CacheError> {
        check_tag(tag)?;
        self.raise(Scope::Tag(tag.to_owned()), deadline)
            .await
            .map(drop)
    }

    /// Invalidates every key under a prefix: `jobs:*`, or `*` for all.
    pub async fn invalidate_pattern(
        &self,
        pattern: &str,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        if pattern.len() > MAX_KEY {
            return Err(CacheError::Invalid(format!(
                "a pattern is at most {MAX_KEY} bytes"
            )));
        }
        let scope = Scope::of_pattern(pattern).map_err(CacheError::Invalid)?;
        self.raise(scope, deadline).await.map(drop)
    }

    /// The statistics of `/api/health/cache`.
    pub fn health(&self) -> CacheHealth {
        let inner = &self.0;
        let breaker = inner
            .l2
            .as_ref()
            .map_or(State::Closed, |l2| l2.breaker().state());
        let l1 = (inner.l1.keys(), inner.l1.bytes());
        inner
            .stats
            .health(l1, inner.connected.load(Relaxed), breaker)
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// The tier in memory, for its metrics.
    pub fn l1(&self) -> &L1 {
        &self.0.l1
    }

    /// Callers that wait for a fill now.
    pub fn waiting(&self) -> usize {
        self.0.flights.waiting()
    }

    /// Commands that Redis did not answer.
    pub fn l2_errors(&self) -> u64 {
        self.0.l2.as_ref().map_or(0, |l2| l2.errors.load(Relaxed))
    }

    fn local(&self, key: &str) -> Option<Bytes> {
        let found = self.0.l1.get(key, &self.0.barriers);
        let counter = match found {
            Some(_) => &self.0.stats.l1_hits,
            None => &self.0.stats.l1_misses,
        };
        counter.fetch_add(1, Relaxed);
        found
    }

    fn own_clock(&self) -> Began {
        Began {
            stamp: self.0.barriers.now(),
            shared: false,
        }
    }

    /// L2's value, kept in L1 too; or the stamp that a fill which begins now carries.
    async fn shared(&self, key: &str, deadline: Instant) -> Result<Bytes, Began> {
        let inner = &self.0;
        let Some(l2) = &inner.l2 else {
            return Err(self.own_clock());
        };
        let epoch = inner.l1.epoch();
        let missed = match l2.lookup(key, deadline).await {
            Ok(Found::Entry {
                value,
                stamp,
                tags,
                ttl,
            }) => {
                // This host may know a barrier that Redis does not: one that waits to be told.
                if inner.barriers.admit(key, &tags, stamp) {
                    inner.stats.l2_hits.fetch_add(1, Relaxed);
                    let entry = Entry {
                        value: value.clone(),
                        tags: tags.into(),
                        stamp,
                    };
                    inner
                        .l1
                        .insert(key, entry, ttl.min(inner.settings.l1_ttl), epoch);
                    return Ok(value);
                }
                self.own_clock()
            }
            Ok(Found::Nothing(stamp)) => Began {
                stamp,
                shared: true,
            },
            Err(error) => {
                tracing::debug!("L2 counts as a miss: {error}");
                self.own_clock()
            }
        };
        inner.stats.l2_misses.fetch_add(1, Relaxed);
        Err(missed)
    }

    /// Keeps an entry in both tiers. That L2 does not answer costs only the sharing.
    async fn keep(
        &self,
        key: &str,
        value: Bytes,
        began: Began,
        options: EntryOptions,
        epoch: u64,
        deadline: Instant,
    ) {
        let inner = &self.0;
        let Began { stamp, shared } = began;
        let l1_ttl = options.ttl.unwrap_or(inner.settings.l1_ttl);
        let l2_ttl = options.ttl.unwrap_or(inner.settings.l2_ttl);
        if let Some(l2) = &inner.l2
            && shared
            && let Err(error) = l2
                .store(key, &value, stamp, &options.tags, l2_ttl, deadline)
                .await
        {
            tracing::debug!("an entry is not shared: {error}");
        }
        let entry = Entry {
            value,
            tags: options.tags.into(),
            stamp,
        };
        inner.l1.insert(key, entry, l1_ttl, epoch);
    }

    /// Raises a barrier here and on every host. Where Redis is away, here at once and there later.
    async fn raise(&self, scope: Scope, deadline: Instant) -> Result<Began, CacheError> {
        let inner = &self.0;
        inner.stats.invalidations.fetch_add(1, Relaxed);
        let Some(l2) = &inner.l2 else {
            let stamp = inner.barriers.now();
            inner.barriers.raise(scope, stamp);
            return Ok(Began {
                stamp,
                shared: false,
            });
        };
        match l2.raise(&scope, deadline).await {
            Ok(stamp) => {
                inner.barriers.raise(scope, stamp);
                Ok(Began {
                    stamp,
                    shared: true,
                })
            }
            Err(error) => {
                tracing::debug!("an invalidation is told later: {error}");
                let stamp = inner.barriers.now();
                inner.barriers.raise(scope.clone(), stamp);
                match inner.pending.push(scope) {
                    true => Ok(Began {
                        stamp,
                        shared: false,
                    }),
                    false => Err(CacheError::Unavailable(
                        "Redis is away and too many invalidations wait for it".to_owned(),
                    )),
                }
            }
        }
    }

    fn check_entry(&self, value: &Bytes, options: &EntryOptions) -> Result<(), CacheError> {
        let most = self.0.settings.max_value;
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
        {
            return Err(CacheError::Invalid(
                "a ttl is from 1 ms to 24 hours".to_owned(),
            ));
        }
        options.tags.iter().try_for_each(|tag| check_tag(tag))
    }
}

impl Fill {
    /// Keeps the value and hands it to every waiter.
    pub async fn complete(
        self,
        value: Bytes,
        options: EntryOptions,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        let Self {
            cache,
            turn,
            began,
            epoch,
        } = self;
        let checked = cache.check_entry(&value, &options);
        let tags = options.tags.clone();
        if checked.is_ok() {
            cache
                .keep(turn.key(), value.clone(), began, options, epoch, deadline)
                .await;
        }
        // An invalidation during the fill: some waiters asked after it, and must not get this value.
        // Dropping the turn lets the next of them compute anew.
        if cache.0.barriers.admit(turn.key(), &tags, began.stamp) {
            turn.land(&value);
        }
        checked
    }
}

fn check_key(key: &str) -> Result<(), CacheError> {
    match key.len() {
        1..=MAX_KEY if !key.contains(['\n', '\0']) => Ok(()),
        _ => Err(CacheError::Invalid(format!(
            "a key is 1 to {MAX_KEY} bytes without line breaks; this one has {}",
            key.len()
        ))),
    }
}

fn check_tag(tag: &str) -> Result<(), CacheError> {
    match tag.len() {
        1..=MAX_TAG if !tag.contains(['\n', '\0']) => Ok(()),
        _ => Err(CacheError::Invalid(format!(
            "a tag is 1 to {MAX_TAG} bytes without line breaks"
        ))),
    }
}

#[cfg(test)]
#[path = "read_through_tests.rs"]
mod tests;
