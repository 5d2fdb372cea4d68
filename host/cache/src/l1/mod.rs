//! L1: a sharded cache in memory, ordered by use, bounded by keys and bytes together, with a share for each function; asks no other tier.

mod order;
mod shard;

use self::shard::Bounds;
use self::shard::Cause;
use self::shard::Ends;
pub use self::shard::Owner;
use self::shard::Shard;

use super::barriers::Barriers;
use super::barriers::Stamp;
use bytes::Bytes;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// What an entry costs beside its key, value and tags: the LRU's node, its map slot, its place in
/// its function's order, the hash that may outlive it, and this struct.
const OVERHEAD: usize = 360;
/// No version of the barriers: an entry that nobody has looked at yet.
const NEVER: u64 = u64::MAX;
/// Fewer keys than this stay in one shard, so that a small bound is exact.
const SHARD_AT: usize = 4_096;

/// A cached value and what decides whether it may be served.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// Its tags.
    pub tags: Arc<[String]>,
    /// When its fill began.
    pub stamp: Stamp,
    /// Whose it is.
    pub owner: Owner,
}

/// How long an entry is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Fresh for so long.
    pub ttl: Duration,
    /// Due to be renewed so long before that ends.
    pub ahead: Duration,
    /// Stale for so long after that.
    pub stale: Duration,
}

impl From<Duration> for Times {
    fn from(ttl: Duration) -> Self {
        Self {
            ttl,
            ..Self::default()
        }
    }
}

/// How good an entry still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It serves everyone.
    Fresh,
    /// It serves everyone, and one caller should renew it.
    Due,
    /// It serves those for whom another caller renews it, or for whom renewing failed.
    Stale,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Keys.
    pub keys: usize,
    /// Bytes, all overhead counted.
    pub bytes: usize,
    /// Bytes of one entry.
    pub entry: usize,
    /// How much of the keys and bytes one function may keep where others want room, in percent.
    pub share: usize,
}

/// How many entries were removed, and why.
#[derive(Debug, Default)]
pub struct Evictions {
    /// The keys were at their bound.
    pub keys: AtomicU64,
    /// The bytes were at their bound.
    pub bytes: AtomicU64,
    /// Their function had more than its share, and others wanted room.
    pub share: AtomicU64,
    /// Their time was over.
    pub expired: AtomicU64,
    /// A barrier was raised over them.
    pub invalidated: AtomicU64,
}

/// The cache in this host's memory.
pub struct L1 {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    bounds: Bounds,
    max_entry: usize,
    /// Counts the clears, so that a value read before one is not kept after it.
    epoch: AtomicU64,
    keys: AtomicUsize,
    bytes: AtomicUsize,
    /// Removed entries by cause.
    pub evictions: Evictions,
    /// Entries that were larger than one may be.
    pub too_large: AtomicU64,
}

impl L1 {
    /// Empty, with its bounds.
    pub fn new(limits: Limits) -> Self {
        let count = if limits.keys < SHARD_AT { 1 } else { 16 };
        let bytes = limits.bytes / count;
        Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            bounds: Bounds {
                keys: limits.keys.div_ceil(count),
                bytes,
                share: limits.share,
            },
            // Where it takes more than half of a shard, it would push out too much else.
            max_entry: limits.entry.min(bytes / 2),
            epoch: AtomicU64::new(0),
            keys: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            evictions: Evictions::default(),
            too_large: AtomicU64::new(0),
        }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key, where it is neither stale nor behind a barrier.
    pub fn get(&self, key: &str, barriers: &Barriers) -> Option<Bytes> {
        let (value, state) = self.look(key, barriers)?;
        (state != State::Stale).then_some(value)
    }

    /// The value of a key, where it is not behind a barrier, and how good it is.
    pub fn look(&self, key: &str, barriers: &Barriers) -> Option<(Bytes, State)> {
        let mut shard = self.shard(key);
        let kept = shard.get(key)?;
        let version = barriers.version();
        let now = Instant::now();
        let cause = if kept.times.expires <= now {
            &self.evictions.expired
        } else if kept.admitted == version
            || barriers.admit(key, &kept.entry.tags, kept.entry.stamp)
        {
            kept.admitted = version;
            let state = match kept.times {
                Ends { due, .. } if now < due => State::Fresh,
                Ends { fresh, .. } if now < fresh => State::Due,
                _ => State::Stale,
            };
            return Some((kept.entry.value.clone(), state));
        } else {
            &self.evictions.invalidated
        };
        cause.fetch_add(1, Relaxed);
        self.remove(&mut shard, key);
        None
    }

    /// The epoch to give to `insert`, taken before the value was read.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Acquire)
    }

    /// Keeps an entry, unless L1 was cleared since `epoch` or the entry alone is over the bounds.
    pub fn insert(&self, key: &str, entry: Entry, times: impl Into<Times>, epoch: u64) {
        let times = times.into();
        let tags: usize = entry
            .tags
            .iter()
            .map(|tag| tag.len() + size_of::<String>())
            .sum();
        let cost = OVERHEAD + key.len() + entry.value.len() + tags;
        if cost > self.max_entry || self.bounds.keys == 0 {
            self.too_large.fetch_add(1, Relaxed);
            return;
        }
        let fresh = Instant::now() + jitter(times.ttl, &self.hasher, key, entry.stamp);
        let ends = Ends {
            due: fresh.checked_sub(times.ahead).unwrap_or(fresh),
            fresh,
            expires: fresh + times.stale,
        };
        let mut shard = self.shard(key);
        if self.epoch.load(Acquire) != epoch {
            return;
        }
        if let Some(bytes) = shard.put(key.into(), entry, ends, cost) {
            self.forget(1, bytes);
        }
        self.keys.fetch_add(1, Relaxed);
        self.bytes.fetch_add(cost, Relaxed);
        while let Some((cause, bytes)) = shard.shrink(&self.bounds) {
            self.forget(1, bytes);
            let cause = match cause {
                Cause::Keys => &self.evictions.keys,
                Cause::Bytes => &self.evictions.bytes,
                Cause::Share => &self.evictions.share,
            };
            cause.fetch_add(1, Relaxed);
        }
    }

    /// The stamp of what is kept under a key.
    pub fn stamp(&self, key: &str) -> Option<Stamp> {
        let shard = self.shard(key);
        Some(shard.peek(key)?.entry.stamp)
    }

    /// Removes a key, if it still has this stamp.
    pub fn remove_stamped(&self, key: &str, stamp: Stamp) {
        let mut shard = self.shard(key);
        let kept = shard.peek(key);
        if kept.is_some_and(|kept| kept.entry.stamp == stamp) {
            self.evictions.invalidated.fetch_add(1, Relaxed);
            self.remove(&mut shard, key);
        }
    }

    fn remove(&self, shard: &mut Shard, key: &str) {
        if let Some(bytes) = shard.remove(key) {
            self.forget(1, bytes);
        }
    }

    fn forget(&self, keys: usize, bytes: usize) {
        self.keys.fetch_sub(keys, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Removes everything, and what is being read now is not kept either.
    pub fn clear(&self) {
        self.epoch.fetch_add(1, Release);
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let cleared = std::mem::take(&mut *shard);
            self.forget(cleared.len(), cleared.bytes());
        }
    }

    /// The keys that were asked for most often: whose, which, and how often since they were kept. Reads all of L1.
    pub fn hottest(&self, most: usize) -> Vec<(Owner, Arc<str>, u32)> {
        let mut hottest = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            hottest.extend(shard.asked());
            drop(shard);
            hottest.sort_unstable_by_key(|(_, _, asked)| std::cmp::Reverse(*asked));
            hottest.truncate(most);
        }
        hottest
    }

    /// Keys and bytes of each function.
    pub fn usage(&self) -> HashMap<Owner, (usize, usize)> {
        let mut usage = HashMap::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (owner, keys, bytes) in shard.usage() {
                let sum: &mut (usize, usize) = usage.entry(owner).or_default();
                sum.0 += keys;
                sum.1 += bytes;
            }
        }
        usage
    }

    /// How many keys it holds.
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// How many bytes it holds, all overhead counted.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }
}

/// Up to a tenth less than asked, so that entries of one moment do not expire in one moment.
fn jitter(ttl: Duration, hasher: &RandomState, key: &str, stamp: Stamp) -> Duration {
    let share = (hasher.hash_one((key, stamp)) % 1_000) as u32;
    ttl - ttl / 10 * share / 1_000
}

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod tests;
