//! What the origin and the other shared stores count, as metrics; read when they are scraped, never before.

use crate::Stores;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// The stores, seen as a source of metrics.
#[derive(Debug)]
pub struct DatabaseMetrics(pub Arc<Stores>);

impl Collector for DatabaseMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let stores = &self.0;
        let pool = stores.origin.connections();
        let mut connections = encoder.encode_descriptor(
            "trm_pool_connections",
            "Connections of the origin's pool: open, in use, and the most; waiting are calls without one",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in [
            ("open", pool.open),
            ("in_use", pool.in_use),
            ("waiting", pool.waiting),
            ("limit", pool.limit),
        ] {
            let labels = [("upstream", stores.origin.kind()), ("state", state)];
            let family = connections.encode_family(&labels)?;
            ConstGauge::new(count as i64).encode(family)?;
        }
        let (counters, alone) = stores.counters.load();
        for (name, help, count) in [
            (
                "trm_database_slow_queries",
                "Calls of the origin that took more than 100 ms",
                stores.origin.slow(),
            ),
            (
                "trm_counter_alone",
                "Additions to a counter that Redis should have had",
                alone,
            ),
        ] {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        for (name, help, count) in [
            ("trm_counters", "Counters in this host's memory", counters),
            (
                "trm_guest_redis_servers",
                "Redis servers that guests are connected to",
                stores.shared_redis.servers(),
            ),
        ] {
            let gauge = ConstGauge::new(count as i64);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
