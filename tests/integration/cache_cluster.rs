//! Three caches on one real Redis that compute the same keys: who computes, who waits, who is served stale; knows no HTTP.

use harness::{eventually, given};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use trm_cache::{Cache, CacheSettings, EntryOptions, Fill, Lookup, RedisSettings};

const NAMESPACE: &str = "cache_cluster";

fn hosts(lock: bool) -> Vec<Cache> {
    let redis = given("TEST_REDIS_URL");
    let settings = CacheSettings {
        redis: Some(RedisSettings::new(redis, NAMESPACE).compress_above(1_000)),
        cluster_lock: lock,
        ..CacheSettings::default()
    };
    let hosts: Vec<Cache> = (0..3)
        .map(|_| Cache::new(settings.clone()).unwrap())
        .collect();
    eventually("Redis is followed", Duration::from_secs(5), || {
        hosts.iter().all(|host| host.health().l2.connected)
    });
    hosts
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// A name that no other test and no other run uses.
fn fresh(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, SeqCst);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("{what}:{}:{count}", now.as_nanos())
}

async fn fill(cache: &Cache, key: &str) -> Fill {
    match cache.get_or_fill(key, soon()).await.unwrap() {
        Lookup::Fill(fill) => fill,
        Lookup::Hit(value) => panic!("{key} is there already: {value:?}"),
    }
}

async fn hit(cache: &Cache, key: &str) -> String {
    match cache.get_or_fill(key, soon()).await.unwrap() {
        Lookup::Hit(value) => String::from_utf8(value.to_vec()).unwrap(),
        Lookup::Fill(_) => panic!("{key} is not there"),
    }
}

/// Three thousand callers on each of three hosts ask for one missing key; how many computed it.
async fn stampede(lock: bool) -> u64 {
    let (hosts, key) = (hosts(lock), fresh("stampede"));
    let fills = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..9_000)
        .map(|n: usize| {
            let (cache, key, fills) = (hosts[n % 3].clone(), key.clone(), fills.clone());
            tokio::spawn(async move {
                match cache.get_or_fill(&key, soon()).await.unwrap() {
                    Lookup::Hit(value) => assert_eq!(value, "v"),
                    Lookup::Fill(fill) => {
                        fills.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        fill.complete("v".into(), EntryOptions::default(), soon())
                            .await
                            .unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    fills.load(SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hosts_compute_a_missing_value_three_times_at_most_and_once_with_the_lock() {
    let alone = stampede(false).await;
    assert!((1..=3).contains(&alone), "{alone}");
    assert_eq!(stampede(true).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_that_fails_gives_the_lock_to_another_host() {
    let (hosts, key) = (hosts(true), fresh("lock"));
    let failing = fill(&hosts[0], &key).await;
    let waiting = {
        let (host, key) = (hosts[1].clone(), key.clone());
        tokio::spawn(async move { fill(&host, &key).await })
    };
    eventually("the other host waits", Duration::from_secs(5), || {
        hosts[1].stats().lock_waits.load(SeqCst) > 0
    });
    let began = Instant::now();
    drop(failing);
    let fill = waiting.await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "only its lease ended it"
    );
    fill.complete("v".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    assert_eq!(hit(&hosts[2], &key).await, "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_under_the_lock_is_not_outlived_by_the_value() {
    let (hosts, key) = (hosts(true), fresh("lock"));
    let overtaken = fill(&hosts[0], &key).await;
    hosts[1].delete(&key, soon()).await.unwrap();
    overtaken
        .complete("old".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    drop(fill(&hosts[1], &key).await);
    assert_eq!(hosts[2].get(&key, soon()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_is_compressed_in_redis_and_whole_on_every_host() {
    let (hosts, key) = (hosts(false), fresh("large"));
    let value = "a job in Berlin, ".repeat(2_000);
    let options = EntryOptions::default();
    hosts[0]
        .set(&key, value.clone().into(), options, soon())
        .await
        .unwrap();
    assert_eq!(hit(&hosts[1], &key).await, value);
    let client = redis::Client::open(given("TEST_REDIS_URL")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut scan = redis::cmd("KEYS");
    scan.arg(format!("*:e:{key}"));
    let found: Vec<String> = scan.query_async(&mut connection).await.unwrap();
    let mut length = redis::cmd("HSTRLEN");
    length.arg(&found[0]).arg("v");
    let kept: usize = length.query_async(&mut connection).await.unwrap();
    assert!(kept < value.len() / 10, "{kept} bytes are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_value_serves_every_host_while_one_computes_it_anew() {
    let (hosts, key) = (hosts(false), fresh("stale"));
    let options = EntryOptions {
        ttl: Some(Duration::from_millis(300)),
        stale: Some(Duration::from_secs(60)),
        ..EntryOptions::default()
    };
    fill(&hosts[0], &key)
        .await
        .complete("old".into(), options.clone(), soon())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    // On a host that has never had it: the stale one comes from Redis, with the right to renew it.
    let renewing = fill(&hosts[1], &key).await;
    assert_eq!(renewing.stale(), Some("old".into()));
    assert_eq!(hit(&hosts[1], &key).await, "old", "nobody waits");
    assert_eq!(
        hosts[1].get(&key, soon()).await,
        Ok(None),
        "a plain read takes none"
    );
    renewing
        .complete("new".into(), options, soon())
        .await
        .unwrap();
    for host in &hosts {
        assert_eq!(hit(host, &key).await, "new");
    }
    hosts[2].delete(&key, soon()).await.unwrap();
    assert_eq!(
        fill(&hosts[2], &key).await.stale(),
        None,
        "what is invalidated is not stale but gone"
    );
}
