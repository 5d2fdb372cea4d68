//! A circuit breaker: closed, open, half-open with bounded probes; never calls what it guards.

use serde::Serialize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Calls that may test a store at one time while the breaker is half open.
const PROBES: u32 = 3;

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// A few probes.
    HalfOpen,
}

/// The breaker is open; calls would only wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Open {
    /// When a probe will be let through.
    pub retry_after: Duration,
}

/// A breaker; clones share it.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    threshold: u32,
    reset: Duration,
    now: Mutex<Now>,
}

#[derive(Debug)]
enum Now {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probes: u32 },
}

/// The right to make one call. Dropping it says nothing about the store.
#[derive(Debug)]
pub struct Permit {
    inner: Arc<Inner>,
    probe: bool,
}

impl Breaker {
    /// Opens after `threshold` failures in a row, probes after `reset`.
    pub fn new(threshold: u32, reset: Duration) -> Self {
        let now = Mutex::new(Now::Closed { failures: 0 });
        Self(Arc::new(Inner {
            threshold: threshold.max(1),
            reset,
            now,
        }))
    }

    /// Asks for one call.
    pub fn admit(&self) -> Result<Permit, Open> {
        let mut now = self.0.now();
        if let Now::Open { until } = *now {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(Open { retry_after: left });
            }
            *now = Now::HalfOpen { probes: 0 };
        }
        let probe = match &mut *now {
            Now::HalfOpen { probes } if *probes < PROBES => {
                *probes += 1;
                true
            }
            Now::HalfOpen { .. } => {
                return Err(Open {
                    retry_after: Duration::from_millis(100),
                });
            }
            _ => false,
        };
        drop(now);
        Ok(Permit {
            inner: self.0.clone(),
            probe,
        })
    }

    /// It is known from elsewhere that the store answers.
    pub fn close(&self) {
        *self.0.now() = Now::Closed { failures: 0 };
    }

    /// What it lets through now. An open breaker whose time is over is half open already.
    pub fn state(&self) -> State {
        match &*self.0.now() {
            Now::Closed { .. } => State::Closed,
            Now::Open { until } if *until > Instant::now() => State::Open,
            Now::Open { .. } | Now::HalfOpen { .. } => State::HalfOpen,
        }
    }
}

impl Inner {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The store answered, be it with a refusal.
    pub fn success(self) {
        let mut now = self.inner.now();
        // A call from before the breaker opened does not close it: only a probe does.
        if self.probe || matches!(*now, Now::Closed { .. }) {
            *now = Now::Closed { failures: 0 };
        }
    }

    /// The store did not answer.
    pub fn failure(self) {
        let mut now = self.inner.now();
        let opened = Now::Open {
            until: Instant::now() + self.inner.reset,
        };
        match &mut *now {
            Now::Closed { failures } => {
                *failures += 1;
                if *failures >= self.inner.threshold {
                    *now = opened;
                }
            }
            Now::HalfOpen { .. } if self.probe => *now = opened,
            Now::HalfOpen { .. } | Now::Open { .. } => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe
            && let Now::HalfOpen { probes } = &mut *self.inner.now()
        {
            *probes = probes.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(breaker: &Breaker) {
        breaker.admit().unwrap().failure();
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_starts_the_count_again() {
        let breaker = Breaker::new(3, Duration::from_secs(60));
        failed(&breaker);
        failed(&breaker);
        breaker.admit().unwrap().success();
        failed(&breaker);
        failed(&breaker);
        assert_eq!(breaker.state(), State::Closed);
        failed(&breaker);
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.admit().unwrap_err().retry_after > Duration::from_secs(50));
    }

    #[test]
    fn half_open_lets_a_few_probes_through_and_one_success_closes_it() {
        let breaker = Breaker::new(1, Duration::ZERO);
        failed(&breaker);
        assert_eq!(breaker.state(), State::HalfOpen);
        let probes: Vec<_> = (0..PROBES).map(|_| breaker.admit().unwrap()).collect();
        assert!(breaker.admit().is_err());
        drop(probes);
        breaker.admit().unwrap().success();
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn while_it_is_half_open_a_failed_probe_counts_and_a_failed_straggler_does_not() {
        let breaker = Breaker::new(1, Duration::from_millis(200));
        let straggler = breaker.admit().unwrap();
        failed(&breaker);
        std::thread::sleep(Duration::from_millis(220));
        let probe = breaker.admit().unwrap();
        straggler.failure();
        assert_eq!(breaker.state(), State::HalfOpen);
        probe.failure();
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn what_is_known_from_elsewhere_closes_it() {
        let breaker = Breaker::new(1, Duration::from_secs(60));
        failed(&breaker);
        breaker.close();
        assert_eq!(breaker.state(), State::Closed);
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn a_failed_probe_opens_it_again_but_a_straggler_changes_nothing() {
        let breaker = Breaker::new(1, Duration::from_secs(60));
        let straggler = breaker.admit().unwrap();
        failed(&breaker);
        straggler.success();
        assert_eq!(breaker.state(), State::Open);
    }
}
