//! `trm:platform/metrics` for guests: the grant, then the host's business metrics; keeps nothing.

use super::Call;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::metrics;
use super::bindings::trm::platform::metrics::Error;
use trm_telemetry::business::Labels;
use wasmtime::component::Accessor;

type Answer = wasmtime::Result<Result<(), Error>>;

/// What is recorded, and how.
enum Record {
    Increment(u64),
    Timing(f64),
    Gauge(f64),
}

pub(super) async fn increment(
    call: Call,
    (name, by, labels): (String, u64, Labels),
) -> Result<(), Error> {
    record(&call, &name, Record::Increment(by), labels)
}

pub(super) async fn timing(
    call: Call,
    (name, milliseconds, labels): (String, f64, Labels),
) -> Result<(), Error> {
    record(&call, &name, Record::Timing(milliseconds), labels)
}

pub(super) async fn gauge(
    call: Call,
    (name, value, labels): (String, f64, Labels),
) -> Result<(), Error> {
    record(&call, &name, Record::Gauge(value), labels)
}

fn record(call: &Call, name: &str, record: Record, labels: Labels) -> Result<(), Error> {
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
        let asked = (name, by, labels);
        begin(accessor)
            .verb("metrics.increment", asked, increment)
            .await
    }

    async fn timing(
        accessor: &Accessor<T, Self>,
        name: String,
        milliseconds: f64,
        labels: Labels,
    ) -> Answer {
        let asked = (name, milliseconds, labels);
        begin(accessor).verb("metrics.timing", asked, timing).await
    }

    async fn gauge(
        accessor: &Accessor<T, Self>,
        name: String,
        value: f64,
        labels: Labels,
    ) -> Answer {
        let asked = (name, value, labels);
        begin(accessor).verb("metrics.gauge", asked, gauge).await
    }
}
