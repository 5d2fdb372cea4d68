//! What the stores count, as metrics; read when they are scraped, never before.

use crate::Stores;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use trm_cache::stats::Reads;
use trm_resilience::breaker::State;

/// The stores, seen as a source of metrics.
#[derive(Debug)]
pub struct StoreMetrics(pub Arc<Stores>);

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let cache = &self.0.cache;
        let stats = cache.stats();
        let evictions = &cache.l1().evictions;
        let mut tiers = |name, help, edge: &AtomicU64, tiers: fn(&Reads) -> [&AtomicU64; 2]| {
            let kind = prometheus_client::metrics::MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for reads in cache.reads() {
                for (tier, count) in ["l1", "l2"].into_iter().zip(tiers(&reads)) {
                    let labels = [("function", &*reads.function), ("tier", tier)];
                    let family = metric.encode_family(&labels)?;
                    ConstCounter::new(count.load(Relaxed)).encode(family)?;
                }
            }
            let labels = [("function", "host"), ("tier", "edge")];
            ConstCounter::new(edge.load(Relaxed)).encode(metric.encode_family(&labels)?)
        };
        tiers(
            "trm_cache_hits",
            "Reads that a tier answered",
            &stats.edge_hits,
            |reads| [&reads.l1_hits, &reads.l2_hits],
        )?;
        tiers(
            "trm_cache_misses",
            "Reads that a tier did not answer",
            &stats.edge_misses,
            |reads| [&reads.l1_misses, &reads.l2_misses],
        )?;
        let mut counters = |name, help, series: &[(&str, &str, u64)]| -> fmt::Result {
            let kind = prometheus_client::metrics::MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (label, value, count) in series {
                let labels = [(*label, *value)];
                let family = metric.encode_family(&labels)?;
                ConstCounter::new(*count).encode(family)?;
            }
            Ok(())
        };
        let causes = [
            ("cause", "keys", evictions.keys.load(Relaxed)),
            ("cause", "bytes", evictions.bytes.load(Relaxed)),
            ("cause", "share", evictions.share.load(Relaxed)),
            ("cause", "expired", evictions.expired.load(Relaxed)),
            ("cause", "invalidated", evictions.invalidated.load(Relaxed)),
        ];
        counters("trm_cache_evictions", "Entries that left L1", &causes)?;
        let mut counter = |name, help, count: u64| -> fmt::Result {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter(
            "trm_cache_fills",
            "Rights to compute given out",
            stats.fills.load(Relaxed),
        )?;
        counter(
            "trm_cache_stale",
            "Answers of the edge that were served stale",
            stats.edge_stale.load(Relaxed),
        )?;
        counter(
            "trm_edge_confirmed",
            "Stored answers of the edge that their function only confirmed (304)",
            stats.edge_confirmed.load(Relaxed),
        )?;
        counter(
            "trm_cache_too_large",
            "Entries that L1 did not keep for their size",
            cache.l1().too_large.load(Relaxed),
        )?;
        counter(
            "trm_cache_stale_values",
            "Values that served beyond their time, while another caller computed them or computing failed",
            stats.stale.load(Relaxed),
        )?;
        counter(
            "trm_cache_warmed",
            "Entries that were fetched at the start, because they had been hot",
            stats.warmed.load(Relaxed),
        )?;
        counter(
            "trm_cache_lock_waits",
            "Waits for a value that another host computes",
            stats.lock_waits.load(Relaxed),
        )?;
        counter(
            "trm_cache_fills_overtaken",
            "Fills that took longer than CACHE_FILL_HARD_TIMEOUT, so that the next who waited began one too",
            stats.overtaken.load(Relaxed),
        )?;
        counter(
            "trm_cache_fills_softened",
            "Renewals that took longer than CACHE_FILL_SOFT_TIMEOUT, so that the value from before served",
            stats.softened.load(Relaxed),
        )?;
        let invalidations = stats.invalidations.load(Relaxed);
        counter(
            "trm_cache_invalidations",
            "Invalidations of this host",
            invalidations,
        )?;
        counter(
            "trm_cache_l2_errors",
            "Commands that Redis did not answer",
            cache.l2_errors(),
        )?;
        let errors = self.0.origin.connection_errors();
        counter(
            "trm_database_connection_errors",
            "Failures to reach the origin",
            errors,
        )?;
        let mut gauge = |name, help, value: u64| -> fmt::Result {
            let gauge = ConstGauge::new(value as i64);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let health = cache.health();
        gauge("trm_cache_keys", "Keys in L1", health.l1.key_count as u64)?;
        gauge(
            "trm_cache_bytes",
            "Bytes in L1",
            health.l1.memory_usage as u64,
        )?;
        gauge(
            "trm_cache_waiters",
            "Callers that wait for a fill",
            cache.waiting() as u64,
        )?;
        gauge(
            "trm_cache_l2_connected",
            "Whether Redis is followed",
            health.l2.connected.into(),
        )?;
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let help = "Bytes in L1 by whose they are: a function, or a route at the edge";
        let mut metric = encoder.encode_descriptor("trm_cache_owner_bytes", help, None, kind)?;
        for (owner, _, bytes) in cache.usage() {
            let labels = [("owner", &*owner)];
            ConstGauge::new(bytes as i64).encode(metric.encode_family(&labels)?)?;
        }
        let help = "0 closed, 1 half open, 2 open";
        let mut metric = encoder.encode_descriptor("trm_breaker_state", help, None, kind)?;
        let redis = Some(("redis", health.l2.circuit_breaker));
        let origin = self.0.origin.breaker().map(|state| ("mongodb", state));
        for (upstream, state) in redis.into_iter().chain(origin) {
            let labels = [("upstream", upstream)];
            ConstGauge::new(number(state)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn number(state: State) -> i64 {
    match state {
        State::Closed => 0,
        State::HalfOpen => 1,
        State::Open => 2,
    }
}
