//! How many pages are kept up to date at one time, bounded and counted; sends them nothing.

use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trm_telemetry::metrics::Metrics;

/// Pages that are kept up to date at one time.
const SEATS: usize = 16;

/// The seats of all pages.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    taken: Gauge,
}

/// The seat of one page, counted until it is dropped.
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
    taken: Gauge,
}

impl Seats {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            free: Arc::new(Semaphore::new(SEATS)),
            taken: metrics.pages.clone(),
        }
    }

    /// One that is free, if any is.
    pub fn take(&self) -> Option<Seat> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        self.taken.inc();
        Some(Seat {
            _permit: permit,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are_and_each_counts_until_it_is_dropped() {
        let metrics = Metrics::default();
        let seats = Seats::new(&metrics);
        let counted = |count: usize| {
            let text = metrics.text().unwrap();
            text.contains(&format!("\ntrm_console_pages {count}\n"))
        };
        assert!(counted(0));
        let mut taken: Vec<_> = (0..SEATS).filter_map(|_| seats.take()).collect();
        assert_eq!(taken.len(), SEATS);
        assert!(seats.take().is_none() && counted(SEATS));
        drop(taken.pop());
        assert!(counted(SEATS - 1));
        let again = seats.take();
        assert!(again.is_some() && seats.take().is_none() && counted(SEATS));
        drop((taken, again));
        assert!(counted(0));
    }
}
