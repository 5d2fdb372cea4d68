//! One race of writes and cached reads, against TRM's cache and, for comparison, the client-side cache of the `redis` crate.

use crate::race::host;
use harness::servers::Server;
use redis::caching::CacheConfig;
use redis::{AsyncCommands, AsyncConnectionConfig, Client};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use trm_cache::{Cache, EntryOptions, Lookup};

const KEYS: usize = 200;
const WRITES: u64 = 20;
/// Reads beside each write.
const READS: usize = 5;
/// Between two writes of a key.
const PAUSE: Duration = Duration::from_millis(5);
/// When every invalidation has arrived.
const REST: Duration = Duration::from_millis(500);
/// How often the race is run against the other cache.
const ROUNDS: u64 = 3;

/// What is found of the other cache is printed, whatever it is: nobody here can mend it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_race_no_key_is_stale_at_rest() {
    let redis = Server::redis();
    let mut lost = 0;
    for round in 0..ROUNDS {
        lost += other(&format!("{}?protocol=resp3", redis.url()), round).await;
    }
    let share = 100.0 * lost as f64 / (KEYS as u64 * ROUNDS) as f64;
    println!("client-side cache of the redis crate: {share:.1} % of the keys are stale at rest");
    let (stale, hits) = own(&redis.url()).await;
    println!("TRM's cache: {stale} keys are stale at rest, after {hits} hits");
    assert_eq!(stale, 0);
    assert!(
        hits > KEYS as u64,
        "only {hits} hits: there was nothing to be stale"
    );
}

/// Keys whose value is old at rest, and how many reads were hits. One host writes and another one reads.
async fn own(url: &str) -> (usize, u64) {
    let (writer, reader) = (host(url), host(url));
    let truths: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let tasks: Vec<_> = (0..KEYS)
        .map(|which| {
            let (writer, reader, truths) = (writer.clone(), reader.clone(), truths.clone());
            tokio::spawn(async move {
                let (key, truth) = (key(which), &truths[which]);
                let mut hits = 0;
                for version in 0..WRITES {
                    let write = async {
                        truth.store(version, SeqCst);
                        writer.delete(&key, soon()).await.unwrap();
                    };
                    let reads = async {
                        for _ in 0..READS {
                            hits += u64::from(read(&reader, &key, truth).await);
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::join!(write, reads);
                    tokio::time::sleep(PAUSE).await;
                }
                hits
            })
        })
        .collect();
    let mut hits = 0;
    for task in tasks {
        hits += task.await.unwrap();
    }
    tokio::time::sleep(REST).await;
    let mut stale = 0;
    for (which, truth) in truths.iter().enumerate() {
        // What is not kept is computed now: what is old, or is not kept then either, counts.
        read(&reader, &key(which), truth).await;
        let kept = reader.get(&key(which), soon()).await.unwrap();
        stale += usize::from(kept != Some((WRITES - 1).to_string().into()));
    }
    (stale, hits)
}

fn key(which: usize) -> String {
    format!("race:{which}")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Whether the cache had it; else it has it now.
async fn read(cache: &Cache, key: &str, truth: &AtomicU64) -> bool {
    match cache.get_or_fill(key, soon()).await.unwrap() {
        Lookup::Hit(_) => true,
        Lookup::Fill(fill) => {
            let value = truth.load(SeqCst).to_string();
            tokio::task::yield_now().await;
            let filled = fill.complete(value.into(), EntryOptions::default(), soon());
            filled.await.unwrap();
            false
        }
    }
}

/// Keys whose value is old at rest. Every key is written by one connection and read by another that caches.
async fn other(url: &str, round: u64) -> u64 {
    let client = Client::open(url).unwrap();
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let cached = client.get_multiplexed_async_connection_with_config(&config);
    let cached = cached.await.unwrap();
    let plain = client.get_multiplexed_async_connection().await.unwrap();
    let name = |which: usize| format!("csc:{round}:{which}");
    let tasks: Vec<_> = (0..KEYS)
        .map(|which| {
            let (mut cached, mut plain) = (cached.clone(), plain.clone());
            let key = name(which);
            tokio::spawn(async move {
                for version in 0..WRITES {
                    let reads = async {
                        for _ in 0..READS {
                            let _: Option<u64> = cached.get(&key).await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    };
                    let (written, ()) = tokio::join!(plain.set::<_, _, ()>(&key, version), reads);
                    written.unwrap();
                    tokio::time::sleep(PAUSE).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::time::sleep(REST).await;
    let mut stale = 0;
    for which in 0..KEYS {
        let held: Option<u64> = cached.clone().get(name(which)).await.unwrap();
        stale += u64::from(held != Some(WRITES - 1));
    }
    stale
}
