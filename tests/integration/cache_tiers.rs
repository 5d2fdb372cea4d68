//! Two caches on one real Redis: what one invalidates the other never serves; knows no HTTP.

use bson::oid::ObjectId;
use harness::servers::Server;
use harness::{eventually, given};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use trm_cache::{Cache, CacheSettings, EntryOptions, Lookup, RedisSettings};

fn cache(redis: &str) -> Cache {
    let cache = Cache::new(CacheSettings {
        redis: Some(RedisSettings::new(redis.to_owned(), "cache_tiers")),
        breaker_reset: Duration::from_millis(300),
        ..CacheSettings::default()
    })
    .unwrap();
    eventually("Redis is followed", Duration::from_secs(5), || {
        cache.health().l2.connected
    });
    cache
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn tagged(tag: &str) -> EntryOptions {
    EntryOptions {
        tags: vec![tag.to_owned()],
        ..EntryOptions::default()
    }
}

/// A name that no other test and no other run uses.
fn fresh(what: &str) -> String {
    format!("{what}:{}", ObjectId::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_keeps_another_reads_and_what_one_invalidates_another_forgets() {
    let redis = given("TEST_REDIS_URL");
    let (one, two) = (cache(&redis), cache(&redis));
    for how in ["tag", "pattern", "key"] {
        let base = fresh("tiers");
        let (key, tag) = (format!("{base}:k"), format!("{base}:t"));
        one.set(&key, "v".into(), tagged(&tag), soon())
            .await
            .unwrap();
        assert_eq!(two.get(&key, soon()).await, Ok(Some("v".into())), "{how}");
        match how {
            "tag" => one.invalidate_tag(&tag, soon()).await.unwrap(),
            "pattern" => one
                .invalidate_pattern(&format!("{base}:*"), soon())
                .await
                .unwrap(),
            _ => one.delete(&key, soon()).await.unwrap(),
        }
        assert_eq!(one.get(&key, soon()).await, Ok(None), "{how}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(two.get(&key, soon()).await, Ok(None), "{how}");
    }
}

/// Four caches race to read and to change eight hot keys. The truth of a key is a counter; a change
/// raises it, then invalidates. A value read must never be older than the truth was a bound ago.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_races_nothing_is_served_beyond_the_bound() {
    const BOUND: Duration = Duration::from_millis(500);
    let redis = given("TEST_REDIS_URL");
    let caches: Vec<Cache> = (0..4).map(|_| cache(&redis)).collect();
    let base = fresh("race");
    let truths: Arc<Vec<AtomicU64>> = Arc::new((0..8).map(|_| AtomicU64::new(0)).collect());
    let end = Instant::now() + Duration::from_secs(5);
    let mut tasks = Vec::new();
    for (at, cache) in caches.iter().enumerate() {
        for worker in 0..8 {
            let (cache, truths, base) = (cache.clone(), truths.clone(), base.clone());
            tasks.push(tokio::spawn(async move {
                let (mut reads, mut hits) = (0_u64, 0_u64);
                while Instant::now() < end {
                    let which = (reads as usize + at + worker) % truths.len();
                    let (key, tag) = (format!("{base}:{which}"), format!("{base}:t{which}"));
                    if worker == 0 {
                        truths[which].fetch_add(1, SeqCst);
                        cache.invalidate_tag(&tag, soon()).await.unwrap();
                    }
                    let before = truths[which].load(SeqCst);
                    let asked = Instant::now();
                    let value = match cache.get_or_fill(&key, soon()).await.unwrap() {
                        Lookup::Hit(value) => {
                            hits += 1;
                            value
                        }
                        Lookup::Fill(fill) => {
                            let truth = truths[which].load(SeqCst).to_string();
                            tokio::task::yield_now().await;
                            fill.complete(truth.clone().into(), tagged(&tag), soon())
                                .await
                                .unwrap();
                            truth.into()
                        }
                    };
                    let value: u64 = std::str::from_utf8(&value).unwrap().parse().unwrap();
                    if value < before {
                        // Older than the truth: allowed only until the invalidation has had its time.
                        while asked.elapsed() < BOUND {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        let again = cache.get(&key, soon()).await.unwrap();
                        let again = again.map(|value| {
                            std::str::from_utf8(&value).unwrap().parse::<u64>().unwrap()
                        });
                        assert!(
                            again.is_none_or(|again| again >= before),
                            "{again:?} after {before}"
                        );
                    }
                    reads += 1;
                    tokio::task::yield_now().await;
                }
                (reads, hits)
            }));
        }
    }
    let (mut reads, mut hits) = (0, 0);
    for task in tasks {
        let (own_reads, own_hits) = task.await.unwrap();
        reads += own_reads;
        hits += own_hits;
    }
    assert!(reads > 1_000, "only {reads} reads");
    assert!(hits > reads / 10, "{hits} hits of {reads} reads");
    // At rest every cache agrees with the truth, and every cache has what one of them computes.
    tokio::time::sleep(BOUND).await;
    for (which, truth) in truths.iter().enumerate() {
        let (key, truth) = (format!("{base}:{which}"), truth.load(SeqCst).to_string());
        for cache in &caches {
            let kept = cache.get(&key, soon()).await.unwrap();
            assert!(kept.is_none_or(|kept| kept == truth), "{key} is old");
        }
        if let Lookup::Fill(fill) = caches[0].get_or_fill(&key, soon()).await.unwrap() {
            let filled = fill.complete(truth.clone().into(), tagged(&key), soon());
            filled.await.unwrap();
        }
        for cache in &caches {
            let kept = cache.get(&key, soon()).await.unwrap();
            assert_eq!(kept.as_deref(), Some(truth.as_bytes()), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_costs_no_read_and_its_invalidations_are_told_later() {
    let mut redis = Server::redis();
    let (one, two) = (cache(&redis.url()), cache(&redis.url()));
    one.set("k:1", "v".into(), tagged("t"), soon())
        .await
        .unwrap();
    assert_eq!(two.get("k:1", soon()).await, Ok(Some("v".into())));
    redis.kill();
    eventually("the loss is noticed", Duration::from_secs(3), || {
        !one.health().l2.connected && !two.health().l2.connected
    });
    assert_eq!(
        one.get("k:1", soon()).await,
        Ok(None),
        "L1 is cleared when Redis is lost"
    );
    one.set("k:2", "w".into(), tagged("t"), soon())
        .await
        .unwrap();
    assert_eq!(
        one.get("k:2", soon()).await,
        Ok(Some("w".into())),
        "L1 alone serves"
    );
    one.invalidate_tag("t", soon()).await.unwrap();
    assert_eq!(one.get("k:2", soon()).await, Ok(None));
    redis.start();
    eventually("Redis is followed again", Duration::from_secs(10), || {
        one.health().l2.connected && two.health().l2.connected
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    one.set("k:3", "x".into(), tagged("t"), soon())
        .await
        .unwrap();
    assert_eq!(two.get("k:3", soon()).await, Ok(Some("x".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_starts_has_what_was_hottest_on_the_others() {
    let redis = given("TEST_REDIS_URL");
    let opened = || {
        Cache::new(CacheSettings {
            redis: Some(RedisSettings::new(redis.clone(), "cache_warm")),
            tell_hottest: Duration::from_millis(100),
            ..CacheSettings::default()
        })
        .unwrap()
    };
    let one = opened();
    eventually("Redis is followed", Duration::from_secs(5), || {
        one.health().l2.connected
    });
    let base = fresh("warm");
    for (name, reads) in [("hot", 50), ("cold", 0)] {
        let key = format!("{base}:{name}");
        one.set(&key, "v".into(), tagged(&base), soon())
            .await
            .unwrap();
        for _ in 0..reads {
            one.get(&key, soon()).await.unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let two = opened();
    let hot = format!("{base}:hot");
    eventually("it is warm", Duration::from_secs(5), || {
        two.l1().stamp(&hot).is_some()
    });
    assert!(two.l1().stamp(&format!("{base}:cold")).is_none());
    // What is fetched ahead obeys the same barriers.
    one.invalidate_tag(&base, soon()).await.unwrap();
    let until = soon();
    while two.get(&hot, soon()).await != Ok(None) {
        assert!(Instant::now() < until, "it is served on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_misses_make_one_fill() {
    let cache = cache(&given("TEST_REDIS_URL"));
    let key = fresh("stampede");
    let fills = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..10_000)
        .map(|_| {
            let (cache, key, fills) = (cache.clone(), key.clone(), fills.clone());
            tokio::spawn(async move {
                match cache.get_or_fill(&key, soon()).await.unwrap() {
                    Lookup::Hit(value) => assert_eq!(value, "v"),
                    Lookup::Fill(fill) => {
                        fills.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_millis(50)).await;
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
    assert_eq!(fills.load(SeqCst), 1);
}

/// One command to Redis from outside of any cache.
async fn tell<A: redis::FromRedisValue>(url: &str, command: &[&str]) -> A {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut told = redis::cmd(command[0]);
    for word in &command[1..] {
        told.arg(*word);
    }
    told.query_async(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_the_barriers_were_lost_is_never_served() {
    let redis = Server::redis();
    let one = cache(&redis.url());
    one.set("k:1", "old".into(), tagged("t"), soon())
        .await
        .unwrap();
    let barriers: Vec<String> = tell(&redis.url(), &["KEYS", "*barriers"]).await;
    assert_eq!(barriers.len(), 1);
    let lost: u64 = tell(&redis.url(), &["DEL", &barriers[0]]).await;
    assert_eq!(lost, 1);
    // A host that knows of nothing: it cannot tell whether "old" was invalidated, so it is a miss.
    let two = cache(&redis.url());
    assert_eq!(two.get("k:1", soon()).await, Ok(None));
    two.set("k:1", "new".into(), tagged("t"), soon())
        .await
        .unwrap();
    let three = cache(&redis.url());
    assert_eq!(three.get("k:1", soon()).await, Ok(Some("new".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fill_from_before_an_invalidation_does_not_outlive_a_flush() {
    let redis = Server::redis();
    let (one, two) = (cache(&redis.url()), cache(&redis.url()));
    let Ok(Lookup::Fill(late)) = two.get_or_fill("k:1", soon()).await else {
        panic!("it is there already")
    };
    one.invalidate_tag("t", soon()).await.unwrap();
    let _: () = tell(&redis.url(), &["FLUSHALL"]).await;
    late.complete("old".into(), tagged("t"), soon())
        .await
        .unwrap();
    for host in [&one, &two, &cache(&redis.url())] {
        assert_eq!(host.get("k:1", soon()).await, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_that_is_cut_off_or_not_answered_still_reaches_every_host() {
    let redis = Server::redis();
    let (one, two) = (cache(&redis.url()), cache(&redis.url()));
    for (key, tag) in [("k:1", "t:1"), ("k:2", "t:2")] {
        one.set(key, "old".into(), tagged(tag), soon())
            .await
            .unwrap();
        assert_eq!(two.get(key, soon()).await, Ok(Some("old".into())));
    }
    redis.pause();
    // The request that asked is gone before Redis has answered.
    let cut = tokio::time::timeout(Duration::from_millis(20), one.invalidate_tag("t:1", soon()));
    assert!(cut.await.is_err());
    // Redis does not answer in time: the write that was acknowledged stays acknowledged.
    one.invalidate_tag("t:2", soon()).await.unwrap();
    for key in ["k:1", "k:2"] {
        assert_eq!(one.get(key, soon()).await, Ok(None), "{key}");
    }
    redis.resume();
    for key in ["k:1", "k:2"] {
        let end = Instant::now() + Duration::from_secs(10);
        while two.get(key, soon()).await != Ok(None) {
            assert!(Instant::now() < end, "{key} was never forgotten");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(one.get(key, soon()).await, Ok(None), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_removes_from_redis_leaves_every_l1() {
    let redis = Server::redis();
    let (one, two) = (cache(&redis.url()), cache(&redis.url()));
    for command in ["DEL", "FLUSHALL"] {
        one.set("k:1", "v".into(), tagged("t"), soon())
            .await
            .unwrap();
        assert_eq!(two.get("k:1", soon()).await, Ok(Some("v".into())));
        // The changes that both made themselves have been looked at, and cost nothing.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!((one.l1().keys(), two.l1().keys()), (1, 1));
        let keys: Vec<String> = tell(&redis.url(), &["KEYS", "*e:k:1"]).await;
        let told = match command {
            "DEL" => vec!["DEL", &keys[0]],
            _ => vec!["FLUSHALL"],
        };
        let _: redis::Value = tell(&redis.url(), &told).await;
        eventually("both forget it", Duration::from_secs(5), || {
            one.l1().keys() + two.l1().keys() == 0
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_as_one_server_does() {
    let node = Server::redis_with(&["--cluster-enabled", "yes"]);
    let _: () = tell(&node.url(), &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let url = node.url().replace("redis://", "redis+cluster://");
    let (one, two) = (cache(&url), cache(&url));
    one.set("k:1", "v".into(), tagged("t"), soon())
        .await
        .unwrap();
    assert_eq!(two.get("k:1", soon()).await, Ok(Some("v".into())));
    one.invalidate_tag("t", soon()).await.unwrap();
    eventually("the other forgets it", Duration::from_secs(5), || {
        let left = two.get("k:1", soon());
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(left)) == Ok(None)
    });
}
