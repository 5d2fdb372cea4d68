//! The race: readers and writers over hot keys, and the judge of what was read; makes no faults itself.

use harness::eventually;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use trm_cache::{Cache, CacheSettings, EntryOptions, Lookup, RedisSettings};

const KEYS: usize = 24;
const READERS: usize = 6;

/// One key's truth: its version, and when each version was acknowledged.
#[derive(Default)]
struct Truth {
    version: AtomicU64,
    acknowledged: Mutex<Vec<Instant>>,
}

/// What was seen.
#[derive(Default)]
pub struct Seen {
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    pub fills: AtomicU64,
    pub violations: AtomicU64,
    /// The oldest value that was read, in milliseconds since its successor was acknowledged.
    pub oldest: AtomicU64,
}

/// A race that goes on until it is ended.
pub struct Race {
    hosts: Vec<Cache>,
    truths: Arc<Vec<Truth>>,
    pub seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// A host's cache, once it follows Redis.
pub fn host(redis: &str) -> Cache {
    let cache = Cache::new(CacheSettings {
        redis: Some(RedisSettings::new(redis.to_owned(), "staleness")),
        breaker_reset: Duration::from_millis(300),
        ..CacheSettings::default()
    })
    .unwrap();
    eventually("Redis is followed", Duration::from_secs(20), || {
        cache.health().l2.connected
    });
    cache
}

impl Race {
    /// Each host reads as fast as it can; one writer in each host writes, with a pause between.
    pub fn begin(hosts: Vec<Cache>, bound: Duration) -> Self {
        let truths: Arc<Vec<Truth>> = Arc::new((0..KEYS).map(|_| Truth::new()).collect());
        let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
        let mut tasks = Vec::new();
        for (at, cache) in hosts.iter().enumerate() {
            for worker in 0..=READERS {
                let (cache, truths) = (cache.clone(), truths.clone());
                let (seen, stop) = (seen.clone(), stop.clone());
                tasks.push(tokio::spawn(async move {
                    let mut step = at * 7 + worker * 3;
                    while !stop.load(Relaxed) {
                        step += 1;
                        let which = step * 31 % KEYS;
                        match worker {
                            0 => {
                                write(&cache, &truths[which], which).await;
                                seen.writes.fetch_add(1, Relaxed);
                                tokio::time::sleep(Duration::from_millis(1)).await;
                            }
                            _ => read(&cache, &truths[which], which, bound, &seen).await,
                        }
                        tokio::task::yield_now().await;
                    }
                }));
            }
        }
        Self {
            hosts,
            truths,
            seen,
            stop,
            tasks,
        }
    }

    /// Ends it; at rest no host has an old value, and each keeps the newest once it is computed.
    pub async fn end(self, rest: Duration) -> Arc<Seen> {
        self.stop.store(true, Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        tokio::time::sleep(rest).await;
        for (which, truth) in self.truths.iter().enumerate() {
            let newest = truth.version.load(SeqCst);
            for cache in &self.hosts {
                if let Lookup::Fill(fill) = cache.get_or_fill(&key(which), soon()).await.unwrap() {
                    let filled = fill.complete(newest.to_string().into(), tagged(which), soon());
                    filled.await.unwrap();
                }
            }
        }
        for (which, truth) in self.truths.iter().enumerate() {
            for cache in &self.hosts {
                let kept = cache.get(&key(which), soon()).await.unwrap();
                let (kept, newest) = (
                    kept.map(|value| version(&value)),
                    truth.version.load(SeqCst),
                );
                assert_eq!(kept, Some(newest), "{}, at rest", key(which));
            }
        }
        self.seen
    }
}

impl Seen {
    /// One line for people, and the verdict.
    pub fn judge(&self, what: &str) {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        println!(
            "{what}: {} reads, {} fills, {} writes, {} beyond the bound, oldest {} ms",
            count(&self.reads),
            count(&self.fills),
            count(&self.writes),
            count(&self.violations),
            count(&self.oldest)
        );
        assert_eq!(count(&self.violations), 0, "{what}");
        assert!(
            count(&self.writes) > 100 && count(&self.reads) > 10_000,
            "{what}: no race"
        );
        // What is never kept is never old.
        let hits = count(&self.reads) - count(&self.fills);
        assert!(hits > count(&self.reads) / 10, "{what}: {hits} hits");
    }
}

impl Truth {
    fn new() -> Self {
        let truth = Self::default();
        truth.acknowledged.lock().unwrap().push(Instant::now());
        truth
    }
}

fn key(which: usize) -> String {
    format!("hot:{which}")
}

fn tagged(which: usize) -> EntryOptions {
    EntryOptions {
        tags: vec![format!("tag:{which}")],
        ..EntryOptions::default()
    }
}

fn version(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

/// Raises the version and invalidates: by tag, by key and by pattern in turn. A version counts as
/// acknowledged when its own invalidation, or that of a later one, is.
async fn write(cache: &Cache, truth: &Truth, which: usize) {
    let raised = truth.version.fetch_add(1, SeqCst) + 1;
    match raised % 8 {
        0 => cache.delete(&key(which), soon()).await.unwrap(),
        1 if which == 0 => cache.invalidate_pattern("hot:*", soon()).await.unwrap(),
        _ => cache
            .invalidate_tag(&format!("tag:{which}"), soon())
            .await
            .unwrap(),
    }
    let mut acknowledged = truth.acknowledged.lock().unwrap();
    while acknowledged.len() as u64 <= raised {
        acknowledged.push(Instant::now());
    }
}

async fn read(cache: &Cache, truth: &Truth, which: usize, bound: Duration, seen: &Seen) {
    let began = Instant::now();
    let value = match cache.get_or_fill(&key(which), soon()).await.unwrap() {
        Lookup::Hit(value) => version(&value),
        Lookup::Fill(fill) => {
            seen.fills.fetch_add(1, Relaxed);
            let read = truth.version.load(SeqCst);
            // A slow origin: many fills are overtaken.
            tokio::time::sleep(Duration::from_micros(300)).await;
            fill.complete(read.to_string().into(), tagged(which), soon())
                .await
                .unwrap();
            read
        }
    };
    seen.reads.fetch_add(1, Relaxed);
    let successor = truth
        .acknowledged
        .lock()
        .unwrap()
        .get(value as usize + 1)
        .copied();
    if let Some(age) = successor.and_then(|at| began.checked_duration_since(at)) {
        seen.oldest.fetch_max(age.as_millis() as u64, Relaxed);
        if age > bound {
            seen.violations.fetch_add(1, Relaxed);
        }
    }
}
