//! The right to compute a missing entry: how it is given out, and what becomes of the value; reads no tier.

use super::barriers::Stamp;
use super::flight::Handoff;
use super::flight::Joined;
use super::flight::Turn;
use super::l1::State;
use super::read_through::Cache;
use super::read_through::Lookup;
use super::read_through::Shared;
use super::rules::CacheError;
use super::rules::EntryOptions;
use super::rules::check_key;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The longest that a lock is held where nobody gives it back.
const LEASE: Duration = Duration::from_secs(30);
/// How long giving it back may take.
const UNLOCK: Duration = Duration::from_secs(1);
/// The wait between looks for another host's value doubles from the first to the last.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LAST_LOOK: Duration = Duration::from_millis(80);

/// The right to compute one missing entry; dropped unused it passes on.
pub struct Fill {
    cache: Cache,
    turn: Turn,
    began: Began,
    epoch: u64,
    lock: Option<Lock>,
    soft: Option<Instant>,
}

/// A key's lock in Redis, which keeps the other hosts from computing it too. Dropped it is given back.
struct Lock {
    cache: Cache,
    key: Arc<str>,
    stamp: Stamp,
    /// Storing the value gave it back.
    given: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Without a runtime the lease ends it.
        let Some(runtime) = Handle::try_current().ok().filter(|_| !self.given) else {
            return;
        };
        let (cache, key, stamp) = (self.cache.clone(), self.key.clone(), self.stamp);
        runtime.spawn(async move {
            let Some(l2) = &cache.0.l2 else { return };
            if let Err(error) = l2.unlock(&key, stamp, Instant::now() + UNLOCK).await {
                tracing::debug!("a lock is left to its lease: {error}");
            }
        });
    }
}

/// When a value's computation began, and by whose clock.
#[derive(Clone, Copy)]
pub(super) struct Began {
    pub(super) stamp: Stamp,
    /// Redis gave the stamp. One of this host's own means nothing to other hosts, and stays here.
    pub(super) shared: bool,
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

impl Cache {
    /// The turn to compute a key, or the value of who had it before. A turn that takes too long is overtaken: what
    /// holds it may hang, and those who wait for it have deadlines of their own.
    pub(super) async fn turn(&self, key: &str, deadline: Instant) -> Result<Handoff, CacheError> {
        loop {
            let waiter = match self.0.flights.join(key) {
                Joined::Saturated => return Err(CacheError::Saturated),
                Joined::Leads(turn) => return Ok(Handoff::Turn(turn)),
                Joined::Waits(waiter) => waiter,
            };
            let hard = self.0.settings.fill_hard;
            let overdue = Instant::now() + hard;
            let until = if hard.is_zero() {
                deadline
            } else {
                deadline.min(overdue)
            };
            match tokio::time::timeout_at(until.into(), waiter.wait()).await {
                Err(_) if until == deadline => return Err(CacheError::DeadlineExceeded),
                Err(_) => {
                    if let Some(turn) = self.0.flights.overtake(key, hard) {
                        self.0.stats.overtaken.fetch_add(1, Relaxed);
                        return Ok(Handoff::Turn(turn));
                    }
                }
                Ok(Some(handoff)) => return Ok(handoff),
                Ok(None) => {}
            }
        }
    }

    /// Looks for the value in L2 in this caller's turn, or takes the right to compute it. Where hosts take
    /// turns by a lock and another one has it, its value is waited for.
    pub(super) async fn lead(
        &self,
        key: &str,
        turn: Turn,
        deadline: Instant,
    ) -> Result<Lookup, CacheError> {
        let epoch = self.0.l1.epoch();
        let mut wait = FIRST_LOOK;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let locks = self
                .0
                .settings
                .cluster_lock
                .then(|| left.clamp(wait, LEASE));
            match self.shared(key, locks, deadline).await {
                Shared::Here(value, State::Fresh) => {
                    turn.land(&value);
                    return Ok(Lookup::Hit(value));
                }
                Shared::Here(..) => return Ok(Lookup::Fill(self.begin(turn, deadline).await)),
                Shared::Nothing(began) => {
                    let mut fill = self.fill(turn, began, epoch);
                    if locks.is_some() && began.shared {
                        fill.lock = Some(Lock {
                            cache: self.clone(),
                            key: key.into(),
                            stamp: began.stamp,
                            given: false,
                        });
                    }
                    return Ok(Lookup::Fill(fill));
                }
                Shared::Locked if left <= wait => return Err(CacheError::DeadlineExceeded),
                Shared::Locked => {
                    self.0.stats.lock_waits.fetch_add(1, Relaxed);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LAST_LOOK);
                }
            }
        }
    }

    /// An entry that is due or stale here: one caller renews it, all others have it at once.
    pub(super) async fn ahead(&self, key: &str, old: Bytes, deadline: Instant) -> Lookup {
        let Joined::Leads(turn) = self.0.flights.join(key) else {
            self.0.stats.stale.fetch_add(1, Relaxed);
            return Lookup::Hit(old);
        };
        // Another host may have renewed it meanwhile.
        let epoch = self.0.l1.epoch();
        let mut fill = match self.shared(key, None, deadline).await {
            Shared::Here(value, State::Fresh) => {
                turn.land(&value);
                return Lookup::Hit(value);
            }
            Shared::Nothing(began) => self.fill(turn, began, epoch),
            Shared::Here(..) | Shared::Locked => self.begin(turn, deadline).await,
        };
        fill.soft = self.0.soft.until(fill.turn.key());
        Lookup::Fill(fill)
    }

    pub(super) async fn begin(&self, turn: Turn, deadline: Instant) -> Fill {
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

    pub(super) fn fill(&self, turn: Turn, began: Began, epoch: u64) -> Fill {
        self.0.stats.fills.fetch_add(1, Relaxed);
        Fill {
            cache: self.clone(),
            turn,
            began,
            epoch,
            lock: None,
            soft: None,
        }
    }

    pub(super) fn own_clock(&self) -> Began {
        Began::here(self.0.barriers.fill_stamp())
    }
}

impl Fill {
    /// Until when computing may take before the value from before should serve, where there is one.
    pub fn soft(&self) -> Option<Instant> {
        self.soft
    }

    /// What is kept of the key although it is due or stale, for where computing it fails. Nothing that was
    /// invalidated.
    pub fn stale(&self) -> Option<Bytes> {
        let cache = &self.cache.0;
        let (value, _) = cache.l1.look(self.turn.key(), &cache.barriers)?;
        cache.stats.stale.fetch_add(1, Relaxed);
        if self.soft.is_some_and(|soft| soft <= Instant::now()) {
            cache.stats.softened.fetch_add(1, Relaxed);
        }
        Some(value)
    }

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
            mut lock,
            soft,
        } = self;
        let checked = cache.0.settings.check_entry(&value, &options);
        let key = turn.key().clone();
        if soft.is_some() {
            cache.0.soft.landed(&key);
        }
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
            let given = cache.share(&key, &value, began, &options, deadline).await;
            if let Some(lock) = &mut lock {
                lock.given = given;
            }
        }
        checked
    }
}
