//! What the cache counts, and the form in which `/api/health/cache` tells it; decides nothing.

use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use trm_resilience::breaker::State;

/// Counters since the host started.
#[derive(Debug, Default)]
pub struct Stats {
    /// Answered by L1.
    pub l1_hits: AtomicU64,
    /// Asked of L1 and not there.
    pub l1_misses: AtomicU64,
    /// Answered by L2.
    pub l2_hits: AtomicU64,
    /// Asked of L2 and not there, or not answered.
    pub l2_misses: AtomicU64,
    /// Stale or due values that were served while another caller computed them anew, or computing failed.
    pub stale: AtomicU64,
    /// Times that a caller waited for another host's fill.
    pub lock_waits: AtomicU64,
    /// Rights to compute that were given out.
    pub fills: AtomicU64,
    /// Fills that took too long, so that the next who waited began one as well.
    pub overtaken: AtomicU64,
    /// Renewals that took too long, so that the value from before served.
    pub softened: AtomicU64,
    /// Entries that were fetched at the start, because they had been hot.
    pub warmed: AtomicU64,
    /// Barriers that this host raised.
    pub invalidations: AtomicU64,
    /// Requests that the edge answered without their function.
    pub edge_hits: AtomicU64,
    /// Requests that the edge looked up and their function answered.
    pub edge_misses: AtomicU64,
    /// Stored answers that their function only confirmed.
    pub edge_confirmed: AtomicU64,
    /// Hits of the edge that were served stale.
    pub edge_stale: AtomicU64,
}

/// What one function, or the host itself, asked of the tiers.
#[derive(Debug)]
pub struct Reads {
    /// Whose reads they are.
    pub function: Arc<str>,
    /// Answered by L1.
    pub l1_hits: AtomicU64,
    /// Asked of L1 and not there.
    pub l1_misses: AtomicU64,
    /// Answered by L2.
    pub l2_hits: AtomicU64,
    /// Asked of L2 and not there, or not answered.
    pub l2_misses: AtomicU64,
}

impl Reads {
    /// Of a function, none yet.
    pub fn of(function: Arc<str>) -> Self {
        Self {
            function,
            l1_hits: AtomicU64::new(0),
            l1_misses: AtomicU64::new(0),
            l2_hits: AtomicU64::new(0),
            l2_misses: AtomicU64::new(0),
        }
    }
}

/// The answer of `GET /api/health/cache`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHealth {
    /// Both tiers together.
    pub overall: Overall,
    /// The tier in memory.
    pub l1: L1Health,
    /// The tier in Redis.
    pub l2: L2Health,
}

/// Both tiers together.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overall {
    /// Answered by either tier.
    pub total_hits: u64,
    /// Answered by neither.
    pub total_misses: u64,
    /// Hits in all that was asked, 0 to 1.
    pub hit_rate: f64,
    /// L1's share of the hits.
    pub l1_hit_rate: f64,
    /// L2's share of the hits.
    pub l2_hit_rate: f64,
}

/// The tier in memory.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Health {
    /// Keys held.
    pub key_count: usize,
    /// Bytes held, overhead counted.
    pub memory_usage: usize,
    /// Hits in what was asked of it.
    pub hit_rate: f64,
}

/// The tier in Redis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct L2Health {
    /// Whether invalidations of other hosts arrive, which is whether Redis is there.
    pub connected: bool,
    /// Hits in what was asked of it.
    pub hit_rate: f64,
    /// The breaker's state.
    pub circuit_breaker: State,
}

impl Stats {
    /// The counters as rates; a rate of nothing is 0.
    pub fn health(&self, l1: (usize, usize), connected: bool, breaker: State) -> CacheHealth {
        let (l1_hits, l1_misses) = (self.l1_hits.load(Relaxed), self.l1_misses.load(Relaxed));
        let (l2_hits, l2_misses) = (self.l2_hits.load(Relaxed), self.l2_misses.load(Relaxed));
        let hits = l1_hits + l2_hits;
        let misses = l1_misses.saturating_sub(l2_hits);
        CacheHealth {
            overall: Overall {
                total_hits: hits,
                total_misses: misses,
                hit_rate: share(hits, hits + misses),
                l1_hit_rate: share(l1_hits, hits),
                l2_hit_rate: share(l2_hits, hits),
            },
            l1: L1Health {
                key_count: l1.0,
                memory_usage: l1.1,
                hit_rate: share(l1_hits, l1_hits + l1_misses),
            },
            l2: L2Health {
                connected,
                hit_rate: share(l2_hits, l2_hits + l2_misses),
                circuit_breaker: breaker,
            },
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => part as f64 / whole as f64,
    }
}
