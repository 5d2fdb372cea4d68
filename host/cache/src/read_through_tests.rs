//! The cache without Redis: reads, fills and invalidations of one host; the shared tier is tested on a real one.

use super::*;
use std::time::Duration;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn cache() -> Cache {
    Cache::new(CacheSettings::default()).unwrap()
}

fn tagged(tag: &str) -> EntryOptions {
    EntryOptions {
        tags: vec![tag.to_owned()],
        ..EntryOptions::default()
    }
}

async fn fill(cache: &Cache, key: &str) -> Fill {
    match cache.get_or_fill(key, soon()).await.unwrap() {
        Lookup::Fill(fill) => fill,
        Lookup::Hit(_) => panic!("{key} is there already"),
    }
}

#[tokio::test]
async fn a_miss_is_filled_once_and_then_hit() {
    let cache = cache();
    fill(&cache, "k")
        .await
        .complete("v".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    assert_eq!(cache.get("k", soon()).await, Ok(Some("v".into())));
    let health = cache.health();
    assert_eq!((health.overall.total_hits, health.l1.key_count), (1, 1));
}

#[tokio::test]
async fn a_fill_that_an_invalidation_overtook_is_not_served() {
    for invalidate in ["tag", "pattern", "key"] {
        let cache = cache();
        let late = fill(&cache, "jobs:1").await;
        match invalidate {
            "tag" => cache.invalidate_tag("job:1", soon()).await.unwrap(),
            "pattern" => cache.invalidate_pattern("jobs:*", soon()).await.unwrap(),
            _ => cache.delete("jobs:1", soon()).await.unwrap(),
        }
        late.complete("old".into(), tagged("job:1"), soon())
            .await
            .unwrap();
        assert_eq!(cache.get("jobs:1", soon()).await, Ok(None), "{invalidate}");
    }
}

#[tokio::test]
async fn a_waiter_from_after_an_invalidation_computes_anew() {
    let cache = cache();
    let late = fill(&cache, "jobs:1").await;
    cache.invalidate_tag("job:1", soon()).await.unwrap();
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move {
            matches!(
                cache.get_or_fill("jobs:1", soon()).await,
                Ok(Lookup::Fill(_))
            )
        }
    });
    while cache.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    late.complete("old".into(), tagged("job:1"), soon())
        .await
        .unwrap();
    assert!(
        waiter.await.unwrap(),
        "the waiter got a value from before the invalidation"
    );
}

#[tokio::test]
async fn a_value_too_large_is_refused_but_still_handed_to_waiters() {
    let settings = CacheSettings {
        max_value: 3,
        ..CacheSettings::default()
    };
    let cache = Cache::new(settings).unwrap();
    let leader = fill(&cache, "k").await;
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_fill("k", soon()).await }
    });
    while cache.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = leader
        .complete("long".into(), EntryOptions::default(), soon())
        .await;
    assert!(matches!(refused, Err(CacheError::TooLarge(_))));
    assert!(matches!(waiter.await.unwrap(), Ok(Lookup::Hit(value)) if value == "long"));
    assert_eq!(cache.get("k", soon()).await, Ok(None));
}

#[tokio::test]
async fn a_waiter_keeps_to_its_deadline() {
    let cache = cache();
    let _leader = fill(&cache, "k").await;
    let deadline = Instant::now() + Duration::from_millis(20);
    let waited = cache.get_or_fill("k", deadline).await;
    assert!(matches!(waited, Err(CacheError::DeadlineExceeded)));
}

#[tokio::test]
async fn a_fill_that_takes_too_long_is_begun_by_the_next_who_waits_as_well() {
    let settings = CacheSettings {
        fill_hard: Duration::from_millis(20),
        ..CacheSettings::default()
    };
    let cache = Cache::new(settings).unwrap();
    let slow = fill(&cache, "k").await;
    let second = fill(&cache, "k").await;
    assert_eq!(cache.0.stats.overtaken.load(Relaxed), 1);
    slow.complete("slow".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    let found = cache.get_or_fill("k", soon()).await.unwrap();
    assert!(matches!(found, Lookup::Hit(value) if value == "slow"));
    second
        .complete("second".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    assert_eq!(cache.get("k", soon()).await, Ok(Some("second".into())));
}

#[tokio::test]
async fn every_other_renewal_of_what_has_a_value_from_before_may_be_cut_short() {
    let cache = cache();
    kept(&cache, "k", beyond(20, 60_000, false)).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    for cut in [true, false, true] {
        let renewing = fill(&cache, "k").await;
        assert_eq!(renewing.soft().is_some(), cut);
    }
    assert!(fill(&cache, "new").await.soft().is_none());
}

#[tokio::test]
async fn malformed_keys_tags_and_patterns_are_named() {
    let cache = cache();
    assert!(matches!(
        cache.get("", soon()).await,
        Err(CacheError::Invalid(_))
    ));
    assert!(matches!(
        cache.invalidate_tag("a\nb", soon()).await,
        Err(CacheError::Invalid(_))
    ));
    assert!(matches!(
        cache.invalidate_pattern("jobs*", soon()).await,
        Err(CacheError::Invalid(_))
    ));
    let ttl = EntryOptions {
        ttl: Some(Duration::from_secs(1_000_000)),
        ..EntryOptions::default()
    };
    assert!(matches!(
        cache.set("k", "v".into(), ttl, soon()).await,
        Err(CacheError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_value_is_renewed_by_one_caller_while_the_others_still_hit() {
    let cache = cache();
    fill(&cache, "k")
        .await
        .complete("old".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    let renewal = cache.renew_alone("k", soon()).await.unwrap();
    assert!(cache.renew_alone("k", soon()).await.is_none());
    assert_eq!(cache.get("k", soon()).await, Ok(Some("old".into())));
    renewal
        .complete("new".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    assert_eq!(cache.get("k", soon()).await, Ok(Some("new".into())));
}

#[tokio::test]
async fn what_is_kept_beside_a_fill_is_as_old_as_the_fill() {
    let cache = cache();
    let fill = fill(&cache, "k").await;
    cache.invalidate_tag("t", soon()).await.unwrap();
    fill.keep_beside("k:2", "old".into(), tagged("t"), soon())
        .await
        .unwrap();
    assert_eq!(cache.get("k:2", soon()).await, Ok(None));
}

fn beyond(ttl: u64, stale: u64, ahead: bool) -> EntryOptions {
    EntryOptions {
        ttl: Some(Duration::from_millis(ttl)),
        stale: Some(Duration::from_millis(stale)),
        ahead,
        ..EntryOptions::default()
    }
}

async fn kept(cache: &Cache, key: &str, options: EntryOptions) {
    let fill = fill(cache, key).await;
    fill.complete("old".into(), options, soon()).await.unwrap();
}

#[tokio::test]
async fn a_stale_value_serves_those_for_whom_another_computes_and_where_computing_fails() {
    let cache = cache();
    kept(&cache, "k", beyond(20, 60_000, false)).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(cache.get("k", soon()).await, Ok(None));
    let renewing = fill(&cache, "k").await;
    for _ in 0..3 {
        let found = cache.get_or_fill("k", soon()).await.unwrap();
        assert!(matches!(found, Lookup::Hit(value) if value == "old"));
    }
    assert_eq!(renewing.stale(), Some("old".into()));
    drop(renewing);
    let renewing = fill(&cache, "k").await;
    cache.delete("k", soon()).await.unwrap();
    assert_eq!(renewing.stale(), None, "it was invalidated");
}

#[tokio::test]
async fn a_value_that_is_due_is_renewed_by_one_and_had_by_all_others() {
    let cache = cache();
    let mut options = beyond(2_000, 0, true);
    options.stale = None;
    kept(&cache, "k", options).await;
    let end = Instant::now() + Duration::from_secs(5);
    let renewing = loop {
        assert!(Instant::now() < end, "it was never due");
        match cache.get_or_fill("k", soon()).await.unwrap() {
            Lookup::Hit(value) => assert_eq!(value, "old"),
            Lookup::Fill(fill) => break fill,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(
        cache.get("k", soon()).await,
        Ok(Some("old".into())),
        "its time is not over"
    );
    let found = cache.get_or_fill("k", soon()).await.unwrap();
    assert!(matches!(found, Lookup::Hit(value) if value == "old"));
    renewing
        .complete("new".into(), EntryOptions::default(), soon())
        .await
        .unwrap();
    assert_eq!(cache.get("k", soon()).await, Ok(Some("new".into())));
}
