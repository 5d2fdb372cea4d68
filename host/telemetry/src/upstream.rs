//! Calls of Redis, the origin and other hosts, as durations and spans; makes none.

use super::request;
use crate::metrics::seconds;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::LazyLock;
use std::time::Instant;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UpstreamLabels {
    upstream: &'static str,
}

struct Observed {
    duration: Family<UpstreamLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<UpstreamLabels, Gauge>,
}

/// Of the whole process: the stores, which make the calls, know no registry.
static OBSERVED: LazyLock<Observed> = LazyLock::new(|| Observed {
    duration: Family::new_with_constructor(seconds),
    in_flight: Family::default(),
});

/// One call; it ends when this is dropped.
#[derive(Debug)]
pub struct Call {
    upstream: &'static str,
    began: Instant,
    in_flight: Gauge,
}

/// A call of `redis`, `mongodb`, `sqlite` or `http` begins.
pub fn call(upstream: &'static str) -> Call {
    let labels = UpstreamLabels { upstream };
    let in_flight = OBSERVED.in_flight.get_or_create_owned(&labels);
    in_flight.inc();
    Call {
        upstream,
        began: Instant::now(),
        in_flight,
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let upstream = self.upstream;
        self.in_flight.dec();
        OBSERVED
            .duration
            .get_or_create(&UpstreamLabels { upstream })
            .observe(took.as_secs_f64());
        if let Some(request) = request::current() {
            request.part(upstream, self.began);
        }
    }
}

/// Adds what is observed to a registry.
pub fn register(registry: &mut Registry) {
    registry.register(
        "trm_upstream_duration_seconds",
        "Time of one call of Redis, the origin or another host",
        OBSERVED.duration.clone(),
    );
    registry.register(
        "trm_upstream_in_flight",
        "Calls that are not answered yet",
        OBSERVED.in_flight.clone(),
    );
}
