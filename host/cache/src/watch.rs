//! What the cache tells of itself: health, counters, gauges; serves and changes nothing.

use super::l1::L1;
use super::read_through::Cache;
use super::stats::CacheHealth;
use super::stats::Stats;
use std::sync::atomic::Ordering::Relaxed;
use trm_resilience::breaker::State;

impl Cache {
    /// The statistics of `/api/health/cache`.
    pub fn health(&self) -> CacheHealth {
        let inner = &self.0;
        let breaker = inner
            .l2
            .as_ref()
            .map_or(State::Closed, |l2| l2.breaker().state());
        let l1 = (inner.l1.keys(), inner.l1.bytes());
        inner
            .stats
            .health(l1, inner.connected.load(Relaxed), breaker)
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    /// The tier in memory, for its metrics.
    pub fn l1(&self) -> &L1 {
        &self.0.l1
    }

    /// Callers that wait for a fill now.
    pub fn waiting(&self) -> usize {
        self.0.flights.waiting()
    }

    /// Commands that Redis did not answer.
    pub fn l2_errors(&self) -> u64 {
        self.0.l2.as_ref().map_or(0, |l2| l2.errors.load(Relaxed))
    }
}
