//! The cache as functions see it: L1, then L2, then one caller who computes; never computes itself.

use super::barriers::Barriers;
use super::barriers::Scope;
use super::fill::Began;
use super::fill::Fill;
use super::flight::Flights;
use super::flight::Handoff;
use super::flight::Joined;
use super::l1::Entry;
use super::l1::L1;
use super::l1::Owner;
use super::l1::State;
use super::l1::Times;
use super::l2::Found;
use super::l2::Kept;
use super::l2::L2;
use super::owners::Owners;
use super::rules::CacheError;
use super::rules::CacheSettings;
use super::rules::EntryOptions;
use super::rules::check_key;
use super::soft::Soft;
use super::stats::Reads;
use super::stats::Stats;
use super::sync;
use super::warm;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_resilience::breaker::Breaker;

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

/// What L2 has of a key.
pub(super) enum Shared {
    /// A value, and how good it is.
    Here(Bytes, State),
    /// None; what a fill that begins now carries.
    Nothing(Began),
    /// None, and another host computes it.
    Locked,
}

/// The cache; clones share it.
#[derive(Clone)]
pub struct Cache(
    pub(super) Arc<Inner>,
    pub(super) Arc<Reads>,
    pub(super) Owner,
);

pub(super) struct Inner {
    pub(super) l1: L1,
    pub(super) l2: Option<L2>,
    pub(super) barriers: Barriers,
    pub(super) connected: AtomicBool,
    pub(super) pending: sync::Pending,
    pub(super) flights: Flights,
    pub(super) soft: Soft,
    pub(super) stats: Stats,
    pub(super) settings: CacheSettings,
    pub(super) owners: Owners,
}

impl Inner {
    /// How long L1 may keep an entry: no invalidation of another host arrives while Redis is away.
    fn l1_times(&self, times: Times) -> Times {
        match self.l2.is_some() && !self.connected.load(Relaxed) {
            true => times.ttl.min(AWAY_TTL).into(),
            false => times,
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
            l1: L1::new(settings.l1),
            l2,
            barriers: Barriers::new(MAX_BARRIERS),
            connected: AtomicBool::new(false),
            pending: sync::Pending::default(),
            flights: Flights::default(),
            soft: Soft::new(settings.fill_soft),
            stats: Stats::default(),
            settings,
            owners: Owners::new(&host),
        });
        let cache = Self(inner, host, 0);
        if cache.0.l2.is_some() {
            tokio::spawn(sync::follow(Arc::downgrade(&cache.0)));
            tokio::spawn(sync::retell(Arc::downgrade(&cache.0)));
            tokio::spawn(warm::follow(Arc::downgrade(&cache.0), cache.1.clone()));
        }
        Ok(cache)
    }

    /// The value, or none; never waits for a fill.
    pub async fn get(&self, key: &str, deadline: Instant) -> Result<Option<Bytes>, CacheError> {
        check_key(key)?;
        if let Some((value, State::Fresh | State::Due)) = self.local(key) {
            return Ok(Some(value));
        }
        Ok(match self.shared(key, None, deadline).await {
            Shared::Here(value, State::Fresh | State::Due) => Some(value),
            _ => None,
        })
    }

    /// The value where it stands fresh in this host's memory; that it does not is counted by whoever asks further.
    pub fn fresh(&self, key: &str) -> Option<Bytes> {
        let (value, state) = self.0.l1.look(key, &self.0.barriers)?;
        (state == State::Fresh).then(|| {
            self.hit();
            value
        })
    }

    /// The value, or the right to compute it; waits while another caller computes it.
    pub async fn get_or_fill(&self, key: &str, deadline: Instant) -> Result<Lookup, CacheError> {
        check_key(key)?;
        match self.local(key) {
            Some((value, State::Fresh)) => return Ok(Lookup::Hit(value)),
            Some((value, State::Due | State::Stale)) => {
                return Ok(self.ahead(key, value, deadline).await);
            }
            None => {}
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
        self.lead(key, turn, deadline).await
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

    fn local(&self, key: &str) -> Option<(Bytes, State)> {
        let found = self.0.l1.look(key, &self.0.barriers);
        match found {
            Some((_, State::Fresh | State::Due)) => self.hit(),
            Some((_, State::Stale)) | None => {
                self.0.stats.l1_misses.fetch_add(1, Relaxed);
                self.1.l1_misses.fetch_add(1, Relaxed);
            }
        }
        found
    }

    fn hit(&self) {
        self.0.stats.l1_hits.fetch_add(1, Relaxed);
        self.1.l1_hits.fetch_add(1, Relaxed);
    }

    /// L2's value, kept in L1 too; or the stamp that a fill which begins now carries. With a lease the fill's
    /// lock is taken as well.
    pub(super) async fn shared(
        &self,
        key: &str,
        lease: Option<Duration>,
        deadline: Instant,
    ) -> Shared {
        let inner = &self.0;
        let Some(l2) = &inner.l2 else {
            return Shared::Nothing(self.own_clock());
        };
        // What this host has acknowledged and Redis does not know yet would be served again.
        if inner.pending.len() > 0 {
            inner.stats.l2_misses.fetch_add(1, Relaxed);
            self.1.l2_misses.fetch_add(1, Relaxed);
            return Shared::Nothing(self.own_clock());
        }
        let epoch = inner.l1.epoch();
        let latest = inner.barriers.latest();
        let missed = match l2.lookup(key, latest, lease, deadline).await {
            Ok(Found::Entry {
                value,
                stamp,
                tags,
                ttl,
                stale,
                ahead,
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
                        owner: self.2,
                    };
                    let times = Times {
                        ttl: ttl.saturating_sub(stale),
                        ahead,
                        stale: stale.min(ttl),
                    };
                    let state = match times.ttl {
                        Duration::ZERO => State::Stale,
                        ttl if ttl <= ahead => State::Due,
                        _ => State::Fresh,
                    };
                    // What ends here before it ends there is only asked for again.
                    let times = match times.ttl > inner.settings.l1_ttl {
                        true => inner.settings.l1_ttl.into(),
                        false => times,
                    };
                    let times = inner.l1_times(times);
                    inner.l1.insert(key, entry, times, epoch);
                    return Shared::Here(value, state);
                }
                self.own_clock()
            }
            Ok(Found::Nothing(stamp)) => {
                inner.barriers.observe(stamp);
                Began::shared(stamp)
            }
            Ok(Found::Locked) => return Shared::Locked,
            Err(error) => {
                tracing::debug!("L2 counts as a miss: {error}");
                self.own_clock()
            }
        };
        inner.stats.l2_misses.fetch_add(1, Relaxed);
        self.1.l2_misses.fetch_add(1, Relaxed);
        Shared::Nothing(missed)
    }

    /// Keeps an entry in L1.
    pub(super) fn keep(
        &self,
        key: &str,
        value: Bytes,
        began: Began,
        options: &EntryOptions,
        epoch: u64,
    ) {
        let entry = Entry {
            value,
            tags: options.tags.clone().into(),
            stamp: began.stamp,
            owner: self.2,
        };
        let times = self.0.l1_times(options.times(self.0.settings.l1_ttl));
        self.0.l1.insert(key, entry, times, epoch);
    }

    /// Keeps an entry in L2 as well; whether it was asked. That it does not answer costs only the sharing.
    pub(super) async fn share(
        &self,
        key: &str,
        value: &Bytes,
        began: Began,
        options: &EntryOptions,
        deadline: Instant,
    ) -> bool {
        let shared = began.shared && !options.local;
        let Some(l2) = self.0.l2.as_ref().filter(|_| shared) else {
            return false;
        };
        let times = options.times(self.0.settings.l2_ttl);
        let kept = Kept {
            value,
            stamp: began.stamp,
            tags: &options.tags,
            ttl: times.ttl,
            stale: times.stale,
            ahead: times.ahead,
        };
        match l2.store(key, &kept, deadline).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!("an entry is not shared: {error}");
                false
            }
        }
    }
}

#[cfg(test)]
#[path = "read_through_tests.rs"]
mod tests;
