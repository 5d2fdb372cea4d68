//! Keeps one host's L1 in step with the others: follows their invalidations and retells its own; serves no reads.

use super::barriers::Scope;
use super::l2::next_barrier;
use super::read_through::Inner;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Invalidations that wait for Redis to come back.
const MAX_PENDING: usize = 10_000;
/// The wait between attempts to connect doubles from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(2);
/// The time to retell one invalidation.
const RETELL: Duration = Duration::from_secs(1);

/// Invalidations that Redis could not be told yet.
#[derive(Default)]
pub(super) struct Pending(Mutex<VecDeque<Scope>>);

impl Pending {
    /// Remembers one; false where there is no room for more.
    pub(super) fn push(&self, scope: Scope) -> bool {
        let mut scopes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if scopes.contains(&scope) {
            return true;
        }
        if scopes.len() >= MAX_PENDING {
            return false;
        }
        scopes.push_back(scope);
        true
    }

    fn first(&self) -> Option<Scope> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .front()
            .cloned()
    }

    fn told(&self, scope: &Scope) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| other != scope);
    }
}

/// Follows the other hosts for as long as the cache lives. Whenever the subscription ends, messages
/// may be lost, so L1 is cleared; and again when it begins, for what was read in between.
pub(super) async fn follow(cache: Weak<Inner>) {
    let mut wait = FIRST_WAIT;
    loop {
        let Some(inner) = cache.upgrade() else { return };
        let Some(l2) = &inner.l2 else { return };
        match l2.subscribe().await {
            Ok(mut stream) => {
                inner.l1.clear();
                inner.connected.store(true, Relaxed);
                wait = FIRST_WAIT;
                drop(inner);
                while let Some(inner) = cache.upgrade() {
                    retell(&inner).await;
                    drop(inner);
                    match tokio::time::timeout(RETELL, next_barrier(&mut stream)).await {
                        Ok(Some((stamp, scope))) => {
                            let Some(inner) = cache.upgrade() else { return };
                            inner.barriers.raise(scope, stamp);
                        }
                        Ok(None) => break,
                        // Nothing was said for a while; see whether something waits to be retold.
                        Err(_) => {}
                    }
                }
                let Some(inner) = cache.upgrade() else { return };
                inner.connected.store(false, Relaxed);
                inner.l1.clear();
                tracing::warn!("Redis is away: L1 alone serves, and is cleared");
            }
            Err(error) => tracing::debug!("Redis cannot be followed yet: {error}"),
        }
        tokio::time::sleep(wait + jitter(wait)).await;
        wait = (wait * 2).min(LAST_WAIT);
    }
}

/// Tells Redis what waits for it, oldest first, until it does not answer.
async fn retell(inner: &Inner) {
    let Some(l2) = &inner.l2 else { return };
    while let Some(scope) = inner.pending.first() {
        match l2.raise(&scope, Instant::now() + RETELL).await {
            Ok(stamp) => {
                inner.barriers.raise(scope.clone(), stamp);
                inner.pending.told(&scope);
            }
            Err(error) => {
                tracing::debug!("an invalidation still waits: {error}");
                return;
            }
        }
    }
}

/// Up to half of the wait, so that hosts do not all come back in one moment.
fn jitter(wait: Duration) -> Duration {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    wait / 2 * (nanos % 1_000) / 1_000
}
