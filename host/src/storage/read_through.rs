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
use super::rules::CacheError;
use super::rules::CacheSettings;
use super::rules::EntryOptions;
use super::rules::check_key;
use super::stats::CacheHealth;
use super::stats::Reads;
use super::stats::Stats;
use super::sync;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The most barriers that one host remembers.
const MAX_BARRIERS: usize = 100_000;
/// The longest that L1 keeps an entry while Redis is away.
const AWAY_TTL: Duration = Duration::from_secs(2);

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
pub(super) struct Began {
    stamp: Stamp,
    /// Redis gave the stamp. One of this host's own means nothing to other hosts, and stays here.
    shared: bool,
}

impl Began {
    /// By Redis's clock.
    pub(super) fn shared(stamp: Stamp) -> Self {
        Self {
            stamp,
            shared: true,
        }
    }

    /// By this host's own count.
    pub(super) fn here(stamp: Stamp) -> Self {
        Self {
            stamp,
            shared: false,
        }
    }
}

/// The cache; clones share it.
#[derive(Clone)]
pub struct Cache(pub(super) Arc<Inner>, Arc<Reads>);

pub(super) struct Inner {
    pub(super) l1: L1,
    pub(super) l2: Option<L2>,
    pub(super) barriers: Barriers,
    pub(super) connected: AtomicBool,
    pub(super) pending: sync::Pending,
    flights: Flights,
    pub(super) stats: Stats,
    settings: CacheSettings,
    /// One for each function that was ever loaded, so bounded by the manifest.
    readers: Mutex<Vec<Arc<Reads>>>,
}

impl Inner {
    /// How long L1 may keep an entry: no invalidation of another host arrives while Redis is away.
    fn l1_ttl(&self, ttl: Duration) -> Duration {
        match self.l2.is_some() && !self.connected.load(Relaxed) {
            true => ttl.min(AWAY_TTL),
            false => ttl,
        }
    }
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
        let host = Arc::new(Reads::of("host".into()));
        let inner = Arc::new(Inner {
            l1: L1::new(settings.l1_max_keys, settings.l1_max_bytes),
            l2,
            barriers: Barriers::new(MAX_BARRIERS),
            connected: AtomicBool::new(false),
            pending: sync::Pending::default(),
            flights: Flights::default(),
            stats: Stats::default(),
            settings,
            readers: Mutex::new(vec![host.clone()]),
        });
        let cache = Self(inner, host);
        if cache.0.l2.is_some() {
            tokio::spawn(sync::follow(Arc::downgrade(&cache.0)));
            tokio::spawn(sync::retell(Arc::downgrade(&cache.0)));
        }
        Ok(cache)
    }

    /// The same cache, with its reads counted for a function.
    pub fn of_function(&self, function: &Arc<str>) -> Self {
        let mut readers = self.readers();
        let known = readers.iter().find(|reads| reads.function == *function);
        let reads = known.cloned().unwrap_or_else(|| {
            let reads = Arc::new(Reads::of(function.clone()));
            readers.push(reads.clone());
            reads
        });
        Self(self.0.clone(), reads)
    }

    /// What each function asked of the tiers.
    pub fn reads(&self) -> Vec<Arc<Reads>> {
        self.readers().clone()
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Arc<Reads>>> {
        let readers = self.0.readers.lock();
        readers.unwrap_or_else(PoisonError::into_inner)
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
        if let Some(value) = self.local(key) {
            return Ok(Lookup::Hit(value));
        }
        let turn = match self.turn(key, deadline).await? {
            Handoff::Value(value) => return Ok(Lookup::Hit(value)),
            Handoff::Turn(turn) => turn,
        };
        // Between this caller's look and its turn another may have landed the value.
        if let Some(value) = self.0.l1.get(key, &self.0.barriers) {
            turn.land(&value);
            return Ok(Lookup::Hit(value));
        }
        let epoch = self.0.l1.epoch();
        Ok(match self.shared(key, deadline).await {
            Ok(value) => {
                turn.land(&value);
                Lookup::Hit(value)
            }
            Err(began) => Lookup::Fill(self.fill(turn, began, epoch)),
        })
    }

    /// The right to compute a value anew, whatever is kept; or the value, where another caller does.
    pub async fn renew(&self, key: &str, deadline: Instant) -> Result<Lookup, CacheError> {
        check_key(key)?;
        match self.turn(key, deadline).await? {
            Handoff::Value(value) => Ok(Lookup::Hit(value)),
            Handoff::Turn(turn) => Ok(Lookup::Fill(self.begin(turn, deadline).await)),
        }
    }

    /// The same, but none where another caller computes it; never waits.
    pub async fn renew_alone(&self, key: &str, deadline: Instant) -> Option<Fill> {
        match self.0.flights.join(key) {
            Joined::Leads(turn) => Some(self.begin(turn, deadline).await),
            Joined::Waits(_) | Joined::Saturated => None,
        }
    }

    /// The turn to compute a key, or the value of who had it before.
    async fn turn(&self, key: &str, deadline: Instant) -> Result<Handoff, CacheError> {
        loop {
            let waiter = match self.0.flights.join(key) {
                Joined::Saturated => return Err(CacheError::Saturated),
                Joined::Leads(turn) => return Ok(Handoff::Turn(turn)),
                Joined::Waits(waiter) => waiter,
            };
            match tokio::time::timeout_at(deadline.into(), waiter.wait()).await {
                Err(_) => return Err(CacheError::DeadlineExceeded),
                Ok(Some(handoff)) => return Ok(handoff),
                Ok(None) => {}
            }
        }
    }

    async fn begin(&self, turn: Turn, deadline: Instant) -> Fill {
        let inner = &self.0;
        let epoch = inner.l1.epoch();
        let began = match inner.l2.as_ref().filter(|_| inner.pending.len() == 0) {
            None => self.own_clock(),
            Some(l2) => match l2.tick(inner.barriers.latest(), deadline).await {
                Ok(stamp) => {
                    inner.barriers.observe(stamp);
                    Began::shared(stamp)
                }
                Err(error) => {
                    tracing::debug!("a fill begins by this host's own count: {error}");
                    self.own_clock()
                }
            },
        };
        self.fill(turn, began, epoch)
    }

    fn fill(&self, turn: Turn, began: Began, epoch: u64) -> Fill {
        self.0.stats.fills.fetch_add(1, Relaxed);
        Fill {
            cache: self.clone(),
            turn,
            began,
            epoch,
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
        self.0.settings.check_entry(&value, &options)?;
        // What was there, and every fill in flight, is older than this value.
        let mut began = self.raise(Scope::Key(key.to_owned()), deadline).await;
        began.stamp += 1;
        let epoch = self.0.l1.epoch();
        self.keep(key, value.clone(), began, &options, epoch);
        self.share(key, &value, began, &options, deadline).await;
        Ok(())
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
        let (all, own) = match found {
            Some(_) => (&self.0.stats.l1_hits, &self.1.l1_hits),
            None => (&self.0.stats.l1_misses, &self.1.l1_misses),
        };
        all.fetch_add(1, Relaxed);
        own.fetch_add(1, Relaxed);
        found
    }

    fn own_clock(&self) -> Began {
        Began::here(self.0.barriers.fill_stamp())
    }

    /// L2's value, kept in L1 too; or the stamp that a fill which begins now carries.
    async fn shared(&self, key: &str, deadline: Instant) -> Result<Bytes, Began> {
        let inner = &self.0;
        let Some(l2) = &inner.l2 else {
            return Err(self.own_clock());
        };
        // What this host has acknowledged and Redis does not know yet would be served again.
        if inner.pending.len() > 0 {
            inner.stats.l2_misses.fetch_add(1, Relaxed);
            self.1.l2_misses.fetch_add(1, Relaxed);
            return Err(self.own_clock());
        }
        let epoch = inner.l1.epoch();
        let missed = match l2.lookup(key, inner.barriers.latest(), deadline).await {
            Ok(Found::Entry {
                value,
                stamp,
                tags,
                ttl,
            }) => {
                // Before the look at what waits: an own barrier from here on covers this entry.
                inner.barriers.observe(stamp);
                if inner.pending.len() == 0 && inner.barriers.admit(key, &tags, stamp) {
                    inner.stats.l2_hits.fetch_add(1, Relaxed);
                    self.1.l2_hits.fetch_add(1, Relaxed);
                    let entry = Entry {
                        value: value.clone(),
                        tags: tags.into(),
                        stamp,
                    };
                    let ttl = inner.l1_ttl(ttl.min(inner.settings.l1_ttl));
                    inner.l1.insert(key, entry, ttl, epoch);
                    return Ok(value);
                }
                self.own_clock()
            }
            Ok(Found::Nothing(stamp)) => {
                inner.barriers.observe(stamp);
                Began::shared(stamp)
            }
            Err(error) => {
                tracing::debug!("L2 counts as a miss: {error}");
                self.own_clock()
            }
        };
        inner.stats.l2_misses.fetch_add(1, Relaxed);
        self.1.l2_misses.fetch_add(1, Relaxed);
        Err(missed)
    }

    /// Keeps an entry in L1.
    fn keep(&self, key: &str, value: Bytes, began: Began, options: &EntryOptions, epoch: u64) {
        let entry = Entry {
            value,
            tags: options.tags.clone().into(),
            stamp: began.stamp,
        };
        let ttl = self.0.l1_ttl(options.ttl.unwrap_or(self.0.settings.l1_ttl));
        self.0.l1.insert(key, entry, ttl, epoch);
    }

    /// Keeps an entry in L2 as well. That it does not answer costs only the sharing.
    async fn share(
        &self,
        key: &str,
        value: &Bytes,
        began: Began,
        options: &EntryOptions,
        deadline: Instant,
    ) {
        let shared = began.shared && !options.local;
        let Some(l2) = self.0.l2.as_ref().filter(|_| shared) else {
            return;
        };
        let ttl = options.ttl.unwrap_or(self.0.settings.l2_ttl);
        let stored = l2
            .store(key, value, began.stamp, &options.tags, ttl, deadline)
            .await;
        if let Err(error) = stored {
            tracing::debug!("an entry is not shared: {error}");
        }
    }
}

impl Fill {
    /// Keeps a value that was computed in the same turn under another key.
    pub async fn keep_beside(
        &self,
        key: &str,
        value: Bytes,
        options: EntryOptions,
        deadline: Instant,
    ) -> Result<(), CacheError> {
        check_key(key)?;
        let cache = &self.cache;
        cache.0.settings.check_entry(&value, &options)?;
        cache.keep(key, value.clone(), self.began, &options, self.epoch);
        cache
            .share(key, &value, self.began, &options, deadline)
            .await;
        Ok(())
    }

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
        let checked = cache.0.settings.check_entry(&value, &options);
        let key = turn.key().clone();
        if checked.is_ok() {
            cache.keep(&key, value.clone(), began, &options, epoch);
        }
        // An invalidation during the fill: some waiters asked after it, and must not get this value.
        // Dropping the turn lets the next of them compute anew.
        if !cache.0.barriers.admit(&key, &options.tags, began.stamp) {
            return checked;
        }
        // Nobody who waits here waits for Redis too.
        turn.land(&value);
        if checked.is_ok() {
            cache.share(&key, &value, began, &options, deadline).await;
        }
        checked
    }
}

#[cfg(test)]
#[path = "read_through_tests.rs"]
mod tests;
