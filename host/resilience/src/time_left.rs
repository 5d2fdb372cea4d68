//! Until when the calls of one request may take; waits for nothing itself.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// No soft time.
const NEVER: u64 = u64::MAX;

/// The deadline of a request, and an earlier end of its calls while it renews a cached value that has one from before.
#[derive(Debug)]
pub struct TimeLeft {
    deadline: Instant,
    began: Instant,
    /// Microseconds after `began`.
    soft: AtomicU64,
}

impl TimeLeft {
    /// From its begin until the deadline.
    pub fn new(began: Instant, deadline: Instant) -> Self {
        Self {
            deadline,
            began,
            soft: AtomicU64::new(NEVER),
        }
    }

    /// Until when a call that is made now may take.
    pub fn until(&self) -> Instant {
        match self.soft.load(Relaxed) {
            NEVER => self.deadline,
            soft => self.deadline.min(self.began + Duration::from_micros(soft)),
        }
    }

    /// From here on calls may take until then, or until the deadline again.
    pub fn soften(&self, soft: Option<Instant>) {
        let after = soft.map(|soft| soft.saturating_duration_since(self.began).as_micros());
        let soft = after.and_then(|after| u64::try_from(after).ok());
        self.soft.store(soft.unwrap_or(NEVER), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_time_ends_calls_earlier_and_never_later() {
        let deadline = Instant::now() + Duration::from_secs(5);
        let left = TimeLeft::new(Instant::now(), deadline);
        let soft = Instant::now() + Duration::from_secs(1);
        left.soften(Some(soft));
        assert!(left.until() <= soft && left.until() > soft - Duration::from_millis(1));
        left.soften(Some(deadline + Duration::from_secs(1)));
        assert_eq!(left.until(), deadline);
        left.soften(None);
        assert_eq!(left.until(), deadline);
    }
}
