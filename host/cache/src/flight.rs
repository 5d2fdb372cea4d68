//! Single flight: one caller computes a missing entry, the others wait for it; touches no tier.

use super::primitives::Arc;
use super::primitives::AtomicUsize;
use super::primitives::Mutex;
use super::primitives::MutexGuard;
use bytes::Bytes;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Waiters in one host, over all keys.
const MAX_WAITERS: usize = 50_000;

/// The keys that are being computed now.
#[derive(Clone, Default)]
pub struct Flights(Arc<Inner>);

#[derive(Default)]
struct Inner {
    keys: Mutex<HashMap<Arc<str>, Flight>>,
    waiting: AtomicUsize,
    /// Numbers the turns, so that one which was overtaken knows it.
    turns: AtomicUsize,
}

/// One key that is being computed.
struct Flight {
    turn: usize,
    since: Instant,
    waiters: VecDeque<oneshot::Sender<Handoff>>,
}

/// What a waiter gets.
pub enum Handoff {
    /// The value that another caller computed.
    Value(Bytes),
    /// The right to compute it.
    Turn(Turn),
}

/// How a caller joins a key.
pub enum Joined {
    /// Nobody computes it: this caller does.
    Leads(Turn),
    /// Another caller does.
    Waits(Waiter),
    /// Too many wait already.
    Saturated,
}

/// The right to compute a key. Dropped without a value it passes to the next waiter.
pub struct Turn {
    flights: Flights,
    key: Arc<str>,
    number: usize,
    landed: bool,
}

/// A place in a key's queue.
pub struct Waiter {
    flights: Flights,
    handoff: oneshot::Receiver<Handoff>,
}

impl Flights {
    fn keys(&self) -> MutexGuard<'_, HashMap<Arc<str>, Flight>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, key: &Arc<str>) -> Turn {
        Turn {
            flights: self.clone(),
            key: key.clone(),
            number: self.0.turns.fetch_add(1, Relaxed),
            landed: false,
        }
    }

    /// Leads or waits, decided in one step.
    pub fn join(&self, key: &str) -> Joined {
        let mut keys = self.keys();
        match keys.get_mut(key) {
            None => {
                let turn = self.turn(&key.into());
                let flight = Flight {
                    turn: turn.number,
                    since: Instant::now(),
                    waiters: VecDeque::new(),
                };
                keys.insert(turn.key.clone(), flight);
                Joined::Leads(turn)
            }
            Some(_) if self.0.waiting.load(Relaxed) >= MAX_WAITERS => Joined::Saturated,
            Some(flight) => {
                let (sender, handoff) = oneshot::channel();
                flight.waiters.push_back(sender);
                self.0.waiting.fetch_add(1, Relaxed);
                Joined::Waits(Waiter {
                    flights: self.clone(),
                    handoff,
                })
            }
        }
    }

    /// The right to compute a key whose leader has had it for so long. What that one computes still serves whoever
    /// waits when it lands.
    pub fn overtake(&self, key: &str, after: Duration) -> Option<Turn> {
        let mut keys = self.keys();
        let flight = keys.get_mut(key)?;
        (flight.since.elapsed() >= after).then(|| {
            let turn = self.turn(&key.into());
            (flight.turn, flight.since) = (turn.number, Instant::now());
            turn
        })
    }

    /// How many callers wait now.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Relaxed)
    }
}

impl Waiter {
    /// The value or the turn. None only where the leader's whole flight was lost, which ends a host.
    pub async fn wait(mut self) -> Option<Handoff> {
        (&mut self.handoff).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.flights.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl Turn {
    /// The key that it is for.
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Gives the value to everyone who waits.
    pub fn land(mut self, value: &Bytes) {
        self.landed = true;
        let mut keys = self.flights.keys();
        let waiters = match keys.get_mut(&self.key) {
            // Whoever overtook this turn still computes.
            Some(flight) if flight.turn != self.number => std::mem::take(&mut flight.waiters),
            _ => keys
                .remove(&self.key)
                .map_or_else(VecDeque::new, |flight| flight.waiters),
        };
        drop(keys);
        for waiter in waiters {
            // A waiter that gave up meanwhile needs no value.
            drop(waiter.send(Handoff::Value(value.clone())));
        }
    }

    /// Takes the next waiter that still waits and its turn, or ends the flight where there is none.
    fn next(&self) -> Option<(oneshot::Sender<Handoff>, Turn)> {
        let mut keys = self.flights.keys();
        let flight = keys.get_mut(&self.key)?;
        if flight.turn != self.number {
            return None;
        }
        while let Some(waiter) = flight.waiters.pop_front() {
            if !waiter.is_closed() {
                let turn = self.flights.turn(&self.key);
                (flight.turn, flight.since) = (turn.number, Instant::now());
                return Some((waiter, turn));
            }
        }
        keys.remove(&self.key);
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        while let Some((waiter, turn)) = self.next() {
            self.number = turn.number;
            match waiter.send(Handoff::Turn(turn)) {
                Ok(()) => return,
                // It gave up in this very moment: its turn must not pass itself on as well.
                Err(Handoff::Turn(mut unsent)) => unsent.landed = true,
                Err(Handoff::Value(_)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(flights: &Flights) -> Turn {
        match flights.join("k") {
            Joined::Leads(turn) => turn,
            _ => panic!("somebody leads already"),
        }
    }

    fn wait(flights: &Flights) -> Waiter {
        match flights.join("k") {
            Joined::Waits(waiter) => waiter,
            _ => panic!("nobody leads"),
        }
    }

    #[tokio::test]
    async fn ten_thousand_wait_for_one() {
        let flights = Flights::default();
        let turn = lead(&flights);
        let waiters: Vec<_> = (0..10_000).map(|_| wait(&flights)).collect();
        assert_eq!(flights.waiting(), 10_000);
        turn.land(&Bytes::from_static(b"v"));
        for waiter in waiters {
            assert!(matches!(waiter.wait().await, Some(Handoff::Value(value)) if value == "v"));
        }
        assert_eq!(flights.waiting(), 0);
        drop(lead(&flights));
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many to interpret")]
    fn no_more_wait_than_the_bound_allows() {
        let flights = Flights::default();
        let turn = lead(&flights);
        let waiters: Vec<_> = (0..MAX_WAITERS).map(|_| wait(&flights)).collect();
        assert!(matches!(flights.join("k"), Joined::Saturated));
        // Who leads waits for nobody.
        assert!(matches!(flights.join("other"), Joined::Leads(_)));
        drop(waiters);
        assert!(matches!(flights.join("k"), Joined::Waits(_)));
        drop(turn);
    }

    #[tokio::test]
    async fn a_dropped_turn_passes_to_the_next_who_still_waits() {
        let flights = Flights::default();
        let turn = lead(&flights);
        let (gone, first, second) = (wait(&flights), wait(&flights), wait(&flights));
        drop(gone);
        drop(turn);
        let Some(Handoff::Turn(turn)) = first.wait().await else {
            panic!("no turn")
        };
        // A turn that is received and dropped passes on too, and so does one that is never received.
        drop(turn);
        drop(second);
        drop(lead(&flights));
    }

    #[tokio::test]
    async fn a_turn_is_overtaken_only_when_it_is_overdue_and_ends_nothing_of_who_overtook_it() {
        let flights = Flights::default();
        let slow = lead(&flights);
        assert!(flights.overtake("k", Duration::from_secs(60)).is_none());
        assert!(flights.overtake("other", Duration::ZERO).is_none());
        let second = flights.overtake("k", Duration::ZERO).unwrap();
        let waiter = wait(&flights);
        // What the slow one lands serves who waits; the flight stays that of the second.
        slow.land(&Bytes::from_static(b"v"));
        assert!(matches!(waiter.wait().await, Some(Handoff::Value(value)) if value == "v"));
        let waiter = wait(&flights);
        let third = flights.overtake("k", Duration::ZERO).unwrap();
        drop(second);
        assert_eq!(
            flights.waiting(),
            1,
            "a turn that was overtaken passes nothing on"
        );
        drop(third);
        assert!(matches!(waiter.wait().await, Some(Handoff::Turn(_))));
        drop(lead(&flights));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn under_stress_one_leads_at_a_time_and_nobody_is_forgotten() {
        let flights = Flights::default();
        let leading = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..2_000_u64)
            .map(|n| {
                let (flights, leading) = (flights.clone(), leading.clone());
                tokio::spawn(async move {
                    let turn = match flights.join("k") {
                        Joined::Leads(turn) => turn,
                        Joined::Waits(waiter) if n % 7 == 0 => return drop(waiter),
                        Joined::Waits(waiter) => match waiter.wait().await.unwrap() {
                            Handoff::Value(_) => return,
                            Handoff::Turn(turn) => turn,
                        },
                        Joined::Saturated => panic!("far from the bound"),
                    };
                    assert_eq!(leading.fetch_add(1, Relaxed), 0);
                    tokio::task::yield_now().await;
                    leading.fetch_sub(1, Relaxed);
                    if n % 3 == 0 {
                        turn.land(&Bytes::new());
                    }
                })
            })
            .collect();
        for task in tasks {
            let ended = tokio::time::timeout(Duration::from_secs(20), task).await;
            ended.expect("a waiter was forgotten").unwrap();
        }
        assert_eq!(flights.waiting(), 0);
    }
}
