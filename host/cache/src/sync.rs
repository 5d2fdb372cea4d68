//! Keeps one host's L1 in step with the others: follows their invalidations and retells its own; serves no reads.

use super::barriers::Scope;
use super::barriers::Stamp;
use super::l2::Connected;
use super::l2::Event;
use super::read_through::Inner;
use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Invalidations that wait for Redis to come back.
const MAX_PENDING: usize = 10_000;
/// The wait between attempts to connect doubles from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How often invalidations that wait are retold, and the time to retell one.
const RETELL_EVERY: Duration = Duration::from_millis(100);
const RETELL: Duration = Duration::from_secs(1);
/// How often Redis is asked whether it lives and is what it was, and how long it may take.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Changed entries that are looked at together.
const MAX_TOUCHED: usize = 256;

/// Invalidations that Redis could not be told yet, each once, oldest first.
#[derive(Default)]
pub(super) struct Pending(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    order: VecDeque<Scope>,
    known: HashSet<Scope>,
    /// One has left the queue and is being told.
    telling: bool,
}

impl Pending {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers one. Where there is no room for more, all that wait become one over everything:
    /// too much is forgotten then, never too little.
    pub(super) fn push(&self, scope: Scope) {
        let mut waiting = self.waiting();
        if waiting.known.contains(&scope) {
            return;
        }
        let scope = if waiting.order.len() < MAX_PENDING {
            scope
        } else {
            tracing::warn!(
                "{MAX_PENDING} invalidations wait for Redis; they become one over everything"
            );
            waiting.order.clear();
            waiting.known.clear();
            Scope::Prefix(String::new())
        };
        waiting.known.insert(scope.clone());
        waiting.order.push_back(scope);
    }

    /// How many wait or are being told. While it is not 0, what L2 holds may be older than what this
    /// host has acknowledged.
    pub(super) fn len(&self) -> usize {
        let waiting = self.waiting();
        waiting.order.len() + usize::from(waiting.telling)
    }

    /// The oldest. It leaves before its barrier is raised: one that is pushed meanwhile came after it.
    fn begin(&self) -> Option<Scope> {
        let mut waiting = self.waiting();
        let scope = waiting.order.pop_front()?;
        waiting.known.remove(&scope);
        waiting.telling = true;
        Some(scope)
    }

    /// It was told, or waits again before all others.
    fn end(&self, untold: Option<Scope>) {
        let mut waiting = self.waiting();
        waiting.telling = false;
        if let Some(scope) = untold
            && waiting.known.insert(scope.clone())
        {
            waiting.order.push_front(scope);
        }
    }
}

/// Follows the other hosts for as long as the cache lives. Redis is asked only while it is followed.
/// When that ends messages may be lost, so L1 is cleared; and again when it begins, for what was read
/// in between.
pub(super) async fn follow(cache: Weak<Inner>) {
    let mut wait = FIRST_WAIT;
    let mut server = None;
    loop {
        let Some(inner) = cache.upgrade() else { return };
        let Some(l2) = &inner.l2 else { return };
        match l2.connect(inner.barriers.latest()).await {
            Ok(mut connected) => {
                // What this host told another server last may have been lost with it.
                let now = Some(connected.server.clone());
                if server.is_some() && server != now {
                    inner.pending.push(Scope::Prefix(String::new()));
                }
                server = now;
                inner.l1.clear();
                l2.open(&connected);
                inner.connected.store(true, Relaxed);
                wait = FIRST_WAIT;
                drop(inner);
                while attend(&mut connected, &cache).await {}
                let Some(inner) = cache.upgrade() else { return };
                inner.connected.store(false, Relaxed);
                if let Some(l2) = &inner.l2 {
                    l2.close();
                }
                inner.l1.clear();
                tracing::warn!("Redis is away: L1 alone serves, and is cleared");
            }
            Err(error) => tracing::debug!("Redis cannot be followed yet: {error}"),
        }
        tokio::time::sleep(wait + jitter(wait)).await;
        wait = (wait * 2).min(LAST_WAIT);
    }
}

/// Attends to what Redis tells until the next heartbeat; false when it is to be given up.
async fn attend(connected: &mut Connected, cache: &Weak<Inner>) -> bool {
    let beat = tokio::time::sleep(HEARTBEAT);
    let mut beat = std::pin::pin!(beat);
    let mut touched = Vec::new();
    loop {
        let event = tokio::select! {
            event = connected.events.recv() => event,
            () = connected.lost.notified() => return false,
            () = &mut beat => {
                let Some(inner) = cache.upgrade() else { return false };
                let Some(l2) = &inner.l2 else { return false };
                return l2.alive(connected, inner.barriers.latest(), HEARTBEAT).await;
            }
        };
        let Some(inner) = cache.upgrade() else {
            return false;
        };
        let mut next = event;
        // Everything that is there already, so that one question does for all entries.
        loop {
            match next {
                None => return false,
                Some(Event::Barrier(stamp, scope)) => inner.barriers.raise(scope, stamp),
                Some(Event::Flushed) => inner.l1.clear(),
                Some(Event::Touched(entry)) => touched.push(entry),
            }
            match connected.events.try_recv() {
                Ok(event) if touched.len() < MAX_TOUCHED => next = Some(event),
                _ => break,
            }
        }
        compare(&inner, std::mem::take(&mut touched)).await;
    }
}

/// Entries that somebody changed in Redis, be it this host: one of L1 is kept only while it is the same.
async fn compare(inner: &Inner, touched: Vec<String>) {
    let Some(l2) = &inner.l2 else { return };
    let (keys, held): (Vec<String>, Vec<Stamp>) = touched
        .iter()
        .filter_map(|entry| l2.key_of(entry))
        .filter_map(|key| Some((key.to_owned(), inner.l1.stamp(key)?)))
        .unzip();
    if keys.is_empty() {
        return;
    }
    let deadline = Instant::now() + RETELL;
    let there = l2.stamps(&keys, deadline).await;
    for (at, key) in keys.iter().enumerate() {
        let same = matches!(&there, Ok(stamps) if stamps.get(at) == Some(&Some(held[at])));
        if !same {
            inner.l1.remove_stamped(key, held[at]);
        }
    }
}

/// Tells Redis what waits for it, oldest first, for as long as the cache lives.
pub(super) async fn retell(cache: Weak<Inner>) {
    loop {
        tokio::time::sleep(RETELL_EVERY).await;
        let Some(inner) = cache.upgrade() else { return };
        let Some(l2) = &inner.l2 else { return };
        if !inner.connected.load(Relaxed) {
            continue;
        }
        while let Some(scope) = inner.pending.begin() {
            let deadline = Instant::now() + RETELL;
            match l2.raise(&scope, inner.barriers.latest(), deadline).await {
                Ok(stamp) => {
                    inner.barriers.raise(scope, stamp);
                    inner.pending.end(None);
                }
                Err(error) => {
                    tracing::debug!("an invalidation still waits: {error}");
                    inner.pending.end(Some(scope));
                    break;
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_that_wait_become_one_over_everything() {
        let pending = Pending::default();
        for n in 0..MAX_PENDING {
            pending.push(Scope::Tag(n.to_string()));
        }
        pending.push(Scope::Tag("0".into()));
        assert_eq!(pending.len(), MAX_PENDING);
        pending.push(Scope::Tag("one too many".into()));
        assert_eq!(pending.len(), 1);
        assert_eq!(pending.begin(), Some(Scope::Prefix(String::new())));
    }

    #[test]
    fn one_that_could_not_be_told_waits_again_before_the_others() {
        let pending = Pending::default();
        pending.push(Scope::Tag("a".into()));
        pending.push(Scope::Tag("b".into()));
        let first = pending.begin();
        assert_eq!(
            (first.clone(), pending.len()),
            (Some(Scope::Tag("a".into())), 2)
        );
        pending.end(first.clone());
        assert_eq!(pending.begin(), first);
        pending.end(None);
        assert_eq!(pending.len(), 1);
    }
}
