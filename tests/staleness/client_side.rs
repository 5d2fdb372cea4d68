//! The same race against the client-side cache of the `redis` crate, to show that it bites; uses none of TRM.

use harness::servers::Server;
use redis::caching::CacheConfig;
use redis::{AsyncCommands, AsyncConnectionConfig, Client};
use std::time::Duration;

const KEYS: usize = 200;
const WRITES: u64 = 20;

/// Every key is written by one connection and read by another that caches. After a rest a cache that
/// lost no invalidation would agree with Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redis_crates_own_cache_serves_old_values_after_the_same_race() {
    let redis = Server::redis();
    let mut stale = 0;
    for round in 1..=10 {
        stale += lost(&format!("{}?protocol=resp3", redis.url()), round).await;
        if stale > 0 && round >= 3 {
            break;
        }
    }
    println!("client-side cache of the redis crate: {stale} keys stale at rest");
    assert!(stale > 0, "the race no longer bites");
}

async fn lost(url: &str, round: u64) -> usize {
    let client = Client::open(url).unwrap();
    let config = AsyncConnectionConfig::new().set_cache_config(CacheConfig::new());
    let cached = client.get_multiplexed_async_connection_with_config(&config);
    let cached = cached.await.unwrap();
    let plain = client.get_multiplexed_async_connection().await.unwrap();
    let tasks: Vec<_> = (0..KEYS)
        .map(|which| {
            let (mut cached, mut plain) = (cached.clone(), plain.clone());
            let key = format!("csc:{round}:{which}");
            tokio::spawn(async move {
                for version in 0..WRITES {
                    let reader = async {
                        for _ in 0..5 {
                            let _: Option<u64> = cached.get(&key).await.unwrap();
                            tokio::task::yield_now().await;
                        }
                    };
                    let (written, ()) = tokio::join!(plain.set::<_, _, ()>(&key, version), reader);
                    written.unwrap();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut stale = 0;
    for which in 0..KEYS {
        let held: Option<u64> = cached
            .clone()
            .get(format!("csc:{round}:{which}"))
            .await
            .unwrap();
        stale += usize::from(held != Some(WRITES - 1));
    }
    stale
}
