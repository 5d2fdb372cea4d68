//! `trm:platform/metrics` for guests: the grant, then the host's business metrics; keeps nothing.

use super::Call;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::metrics;
use super::bindings::trm::platform::metrics::Error;
use crate::business::Labels;
use wasmtime::component::Accessor;

type Answer = wasmtime::Result<Result<(), Error>>;

/// What is recorded, and how.
pub(super) enum Record {
    Increment(u64),
    Timing(f64),
    Gauge(f64),
}

pub(super) fn record(call: &Call, name: &str, record: Record, labels: Labels) -> Result<(), Error> {
    if !call.grants().metrics() {
        return Err(Error::Denied(
            "this function has no metrics grant".to_owned(),
        ));
    }
    let (to, function) = (&call.capabilities.business, call.capabilities.function());
    let recorded = match record {
        Record::Increment(by) => to.increment(function, name, by, labels),
        Record::Timing(milliseconds) => to.timing(function, name, milliseconds, labels),
        Record::Gauge(value) => to.gauge(function, name, value, labels),
    };
    recorded.map_err(Error::Invalid)
}

impl metrics::Host for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> metrics::HostWithStore<T> for HasCapabilities {
    async fn increment(
        accessor: &Accessor<T, Self>,
        name: String,
        by: u64,
        labels: Labels,
    ) -> Answer {
        let by = Record::Increment(by);
        Ok(record(&begin(accessor), &name, by, labels))
    }

    async fn timing(
        accessor: &Accessor<T, Self>,
        name: String,
        milliseconds: f64,
        labels: Labels,
    ) -> Answer {
        let timing = Record::Timing(milliseconds);
        Ok(record(&begin(accessor), &name, timing, labels))
    }

    async fn gauge(
        accessor: &Accessor<T, Self>,
        name: String,
        value: f64,
        labels: Labels,
    ) -> Answer {
        let value = Record::Gauge(value);
        Ok(record(&begin(accessor), &name, value, labels))
    }
}
