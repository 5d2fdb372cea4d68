//! L1: a sharded LRU in memory, bounded by keys and bytes together; asks no other tier.

use super::barriers::Barriers;
use super::barriers::Stamp;
use bytes::Bytes;
use lru::LruCache;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

/// What an entry costs beside its key, value and tags: the LRU's node, its map slot, and this struct.
const OVERHEAD: usize = 200;
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
}

struct Kept {
    entry: Entry,
    expires: Instant,
    cost: usize,
    /// The version of the barriers at which it was last admitted.
    admitted: u64,
}

#[derive(Default)]
struct Shard {
    entries: Option<LruCache<Arc<str>, Kept>>,
    bytes: usize,
}

/// How many entries were removed, and why.
#[derive(Debug, Default)]
pub struct Evictions {
    /// The keys were at their bound.
    pub keys: AtomicU64,
    /// The bytes were at their bound.
    pub bytes: AtomicU64,
    /// Their time was over.
    pub expired: AtomicU64,
    /// A barrier was raised over them.
    pub invalidated: AtomicU64,
}

/// The cache in this host's memory.
pub struct L1 {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    max_keys: usize,
    max_bytes: usize,
    /// Counts the clears, so that a value read before one is not kept after it.
    epoch: AtomicU64,
    keys: AtomicUsize,
    bytes: AtomicUsize,
    /// Removed entries by cause.
    pub evictions: Evictions,
}

impl L1 {
    /// Empty, with its bounds.
    pub fn new(max_keys: usize, max_bytes: usize) -> Self {
        let count = if max_keys < SHARD_AT { 1 } else { 16 };
        Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            max_keys: max_keys.div_ceil(count),
            max_bytes: max_bytes / count,
            epoch: AtomicU64::new(0),
            keys: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            evictions: Evictions::default(),
        }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key, where it is neither expired nor behind a barrier.
    pub fn get(&self, key: &str, barriers: &Barriers) -> Option<Bytes> {
        let mut shard = self.shard(key);
        let kept = shard.entries.as_mut()?.get_mut(key)?;
        let version = barriers.version();
        let cause = if kept.expires <= Instant::now() {
            &self.evictions.expired
        } else if kept.admitted == version
            || barriers.admit(key, &kept.entry.tags, kept.entry.stamp)
        {
            kept.admitted = version;
            return Some(kept.entry.value.clone());
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
    pub fn insert(&self, key: &str, entry: Entry, ttl: Duration, epoch: u64) {
        let tags: usize = entry
            .tags
            .iter()
            .map(|tag| tag.len() + size_of::<String>())
            .sum();
        let cost = OVERHEAD + key.len() + entry.value.len() + tags;
        if cost > self.max_bytes || self.max_keys == 0 {
            return;
        }
        let expires = Instant::now() + jitter(ttl, &self.hasher, key, entry.stamp);
        let mut shard = self.shard(key);
        if self.epoch.load(Acquire) != epoch {
            return;
        }
        self.remove(&mut shard, key);
        let entries = shard.entries.get_or_insert_with(LruCache::unbounded);
        entries.put(
            key.into(),
            Kept {
                entry,
                expires,
                cost,
                admitted: NEVER,
            },
        );
        shard.bytes += cost;
        self.keys.fetch_add(1, Relaxed);
        self.bytes.fetch_add(cost, Relaxed);
        self.shrink(&mut shard);
    }

    /// The stamp of what is kept under a key.
    pub fn stamp(&self, key: &str) -> Option<Stamp> {
        let shard = self.shard(key);
        Some(shard.entries.as_ref()?.peek(key)?.entry.stamp)
    }

    /// Removes a key, if it still has this stamp.
    pub fn remove_stamped(&self, key: &str, stamp: Stamp) {
        let mut shard = self.shard(key);
        let kept = shard.entries.as_ref().and_then(|entries| entries.peek(key));
        if kept.is_some_and(|kept| kept.entry.stamp == stamp) {
            self.evictions.invalidated.fetch_add(1, Relaxed);
            self.remove(&mut shard, key);
        }
    }

    fn shrink(&self, shard: &mut Shard) {
        loop {
            let Some(entries) = shard.entries.as_mut() else {
                return;
            };
            let cause = if entries.len() > self.max_keys {
                &self.evictions.keys
            } else if shard.bytes > self.max_bytes {
                &self.evictions.bytes
            } else {
                return;
            };
            let Some((_, kept)) = entries.pop_lru() else {
                return;
            };
            shard.bytes -= kept.cost;
            self.forget(1, kept.cost);
            cause.fetch_add(1, Relaxed);
        }
    }

    fn remove(&self, shard: &mut Shard, key: &str) {
        if let Some(kept) = shard.entries.as_mut().and_then(|entries| entries.pop(key)) {
            shard.bytes -= kept.cost;
            self.forget(1, kept.cost);
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
            let keys = cleared.entries.as_ref().map_or(0, LruCache::len);
            self.forget(keys, cleared.bytes);
        }
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
#[path = "l1_tests.rs"]
mod tests;
