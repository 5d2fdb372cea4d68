//! Counters that end with their window: in Redis for all hosts, else in this host's memory; keeps nothing for good.

use lru::LruCache;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_cache::l2::Address;
use trm_resilience::breaker::Breaker;

/// The most counters in memory; past it the one that was used longest ago goes.
const MAX_COUNTERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);
/// The longest that Redis is waited for.
const COMMAND: Duration = Duration::from_millis(250);

const ADD_LUA: &str = "
local by = tonumber(ARGV[1])
if by == 0 then return {tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('PTTL', KEYS[1])} end
local value = redis.call('INCRBY', KEYS[1], by)
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {value, left}
";

/// A counter after an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its value.
    pub value: u64,
    /// When it is back at 0.
    pub left: Duration,
}

/// The counters of one host, or of all hosts that share a Redis.
pub struct Counters {
    redis: Option<Shared>,
    prefix: String,
    add: Script,
    memory: Mutex<LruCache<String, (u64, Instant)>>,
    alone: AtomicU64,
}

/// The Redis that all hosts count in.
struct Shared {
    address: Address,
    breaker: Breaker,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
}

impl Shared {
    /// Asks over the one connection, which is made when it is first needed and again after it broke.
    async fn ask<A>(
        &self,
        prefix: &str,
        deadline: Instant,
        command: impl AsyncFnOnce(MultiplexedConnection) -> Result<A, RedisError>,
    ) -> Option<A> {
        let permit = self.breaker.admit().ok()?;
        let asked = async {
            let mut kept = self.connection.lock().await;
            let connection = match kept.as_ref() {
                Some(connection) => connection.clone(),
                None => {
                    let client = self.address.resolve(prefix).await?;
                    let made = client.get_multiplexed_async_connection().await?;
                    kept.insert(made).clone()
                }
            };
            drop(kept);
            command(connection).await
        };
        let own = (Instant::now() + COMMAND).min(deadline);
        match tokio::time::timeout_at(own.into(), asked).await {
            Ok(Ok(answer)) => {
                permit.success();
                Some(answer)
            }
            failed => {
                permit.failure();
                let why = failed
                    .err()
                    .map_or_else(|| "an error".to_owned(), |late| late.to_string());
                tracing::debug!("Redis does not count: {why}");
                *self.connection.lock().await = None;
                None
            }
        }
    }
}

impl Counters {
    /// Counters in this Redis, apart from those of other data, or in memory alone.
    pub fn new(redis: Option<&str>, namespace: &str, breaker: Breaker) -> Result<Self, String> {
        let redis = redis
            .map(|address| {
                Ok::<_, String>(Shared {
                    address: Address::read(address)?,
                    breaker,
                    connection: tokio::sync::Mutex::default(),
                })
            })
            .transpose()?;
        Ok(Self {
            redis,
            // What is in braces decides the slot of a cluster: all counters are in one.
            prefix: format!("trm:1:{{counter:{namespace}}}:"),
            add: Script::new(ADD_LUA),
            memory: Mutex::new(LruCache::new(MAX_COUNTERS)),
            alone: AtomicU64::new(0),
        })
    }

    /// Adds to a counter, which ends a window after its first addition. Adding 0 reads it.
    /// While Redis is away this host counts for itself: a limit is then looser, never gone.
    pub async fn add(&self, key: &str, by: u32, window: Duration, deadline: Instant) -> Counted {
        if let Some(counted) = self.add_shared(key, by, window, deadline).await {
            return counted;
        }
        self.add_here(key, by, window)
    }

    /// Puts a counter back to 0.
    pub async fn reset(&self, key: &str, deadline: Instant) {
        self.lock().pop(key);
        let Some(shared) = &self.redis else { return };
        let key = format!("{}{key}", self.prefix);
        let done = shared.ask(&self.prefix, deadline, async |mut connection| {
            let mut command = redis::cmd("DEL");
            command.arg(key);
            command.query_async::<()>(&mut connection).await
        });
        if done.await.is_none() {
            tracing::warn!("a counter is not reset on other hosts: Redis does not answer");
        }
    }

    /// Counters in this host's memory, and additions that Redis should have had.
    pub fn load(&self) -> (usize, u64) {
        (self.lock().len(), self.alone.load(Relaxed))
    }

    async fn add_shared(
        &self,
        key: &str,
        by: u32,
        window: Duration,
        deadline: Instant,
    ) -> Option<Counted> {
        let shared = self.redis.as_ref()?;
        let mut call = self.add.key(format!("{}{key}", self.prefix));
        call.arg(by).arg(window.as_millis() as u64);
        let counted = shared.ask(&self.prefix, deadline, async |mut connection| {
            call.invoke_async::<(u64, i64)>(&mut connection).await
        });
        let Some((value, left)) = counted.await else {
            self.alone.fetch_add(1, Relaxed);
            return None;
        };
        let left = Duration::from_millis(left.max(0) as u64);
        Some(Counted { value, left })
    }

    fn add_here(&self, key: &str, by: u32, window: Duration) -> Counted {
        let now = Instant::now();
        let mut memory = self.lock();
        let live = memory.get(key).copied().filter(|(_, ends)| *ends > now);
        let (value, ends) = match live {
            Some((value, ends)) => (value.saturating_add(u64::from(by)), ends),
            None if by == 0 => (0, now),
            None => (u64::from(by), now + window),
        };
        if by > 0 {
            memory.put(key.to_owned(), (value, ends));
        }
        Counted {
            value,
            left: ends - now,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<String, (u64, Instant)>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_counter_ends_with_the_window_of_its_first_addition() {
        let counters = Counters::new(None, "", Breaker::new(1, COMMAND)).unwrap();
        let soon = Instant::now() + COMMAND;
        let window = Duration::from_millis(40);
        assert_eq!(counters.add("a", 0, window, soon).await.value, 0);
        assert_eq!(counters.add("a", 2, window, soon).await.value, 2);
        let counted = counters.add("a", 1, Duration::from_secs(9), soon).await;
        assert_eq!(counted.value, 3);
        assert!(counted.left <= window);
        assert_eq!(counters.add("b", 1, window, soon).await.value, 1);
        counters.reset("b", soon).await;
        assert_eq!(counters.add("b", 0, window, soon).await.value, 0);
        tokio::time::sleep(window).await;
        assert_eq!(counters.add("a", 1, window, soon).await.value, 1);
    }
}
