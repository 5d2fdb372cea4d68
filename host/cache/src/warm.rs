//! The keys that were hottest, told through L2 while a host runs and read from it when one starts; computes nothing.

use super::l2::Found;
use super::read_through::Cache;
use super::read_through::Inner;
use super::read_through::Shared;
use super::rules::EntryOptions;
use super::rules::check_key;
use super::stats::Reads;
use bytes::Bytes;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Where they are kept; the last host to tell is believed.
const KEY: &str = "trm:hottest";
/// How many are told.
const MOST: usize = 500;
/// How long they are remembered where nobody tells any more.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// How long a start may go on fetching, in all; requests are answered meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// Keys that are asked for at one time.
const AT_ONCE: usize = 16;
/// How often a start looks whether Redis is there.
const LOOK: Duration = Duration::from_millis(20);

/// Fetches what was hottest once Redis is there, then tells what is, for as long as the cache lives.
pub(super) async fn follow(cache: Weak<Inner>, host: Arc<Reads>) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        let Some(inner) = cache.upgrade() else { return };
        if inner.connected.load(Relaxed) {
            fetch(&Cache(inner, host.clone(), 0), until).await;
            break;
        }
    }
    loop {
        let Some(every) = cache.upgrade().map(|inner| inner.settings.tell_hottest) else {
            return;
        };
        tokio::time::sleep(every).await;
        let Some(inner) = cache.upgrade() else { return };
        if inner.connected.load(Relaxed) {
            tell(&Cache(inner, host.clone(), 0)).await;
        }
    }
}

/// Into L1, as their owners': whatever L2 still has of them.
async fn fetch(cache: &Cache, until: Instant) {
    let Some(l2) = &cache.0.l2 else { return };
    let told = l2.lookup(KEY, cache.0.barriers.latest(), None, until).await;
    let Ok(Found::Entry { value, .. }) = told else {
        return;
    };
    let keys: Vec<(String, String)> = match serde_json::from_slice(&value) {
        Ok(keys) => keys,
        Err(error) => return tracing::warn!("{KEY} is not what a host has told: {error}"),
    };
    let keys = futures::stream::iter(keys.into_iter().take(MOST));
    let fetched = keys.for_each_concurrent(AT_ONCE, |(owner, key)| async move {
        let owned = cache.known(&owner).unwrap_or_else(|| cache.clone());
        let kept = cache.0.l1.stamp(&key).is_some() || check_key(&key).is_err();
        let late = Instant::now() >= until;
        if !kept && !late && matches!(owned.shared(&key, None, until).await, Shared::Here(..)) {
            cache.0.stats.warmed.fetch_add(1, Relaxed);
        }
    });
    fetched.await;
}

async fn tell(cache: &Cache) {
    let hottest = cache.hottest(MOST);
    let keys: Vec<_> = hottest
        .iter()
        .filter(|(_, key, _)| key != KEY)
        .map(|(owner, key, _)| (owner, key))
        .collect();
    let Ok(text) = serde_json::to_vec(&keys) else {
        return;
    };
    if keys.is_empty() {
        return;
    }
    let options = EntryOptions {
        ttl: Some(REMEMBERED),
        ..EntryOptions::default()
    };
    let until = Instant::now() + PATIENCE;
    if let Err(error) = cache.set(KEY, Bytes::from(text), options, until).await {
        tracing::debug!("the hottest keys are not told: {error}");
    }
}
