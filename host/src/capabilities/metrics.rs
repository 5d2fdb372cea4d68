//! `trm:platform/metrics` for guests: the grant, then the host's business metrics; keeps nothing.

use super::Capabilities;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::metrics;
use super::bindings::trm::platform::metrics::Error;
use crate::business::Labels;
use wasmtime::component::Accessor;

type Answer = wasmtime::Result<Result<(), Error>>;

impl metrics::Host for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> metrics::HostWithStore<T> for HasCapabilities {
    async fn increment(
        accessor: &Accessor<T, Self>,
        name: String,
        by: u64,
        labels: Labels,
    ) -> Answer {
        record(accessor, |to| {
            to.business.increment(&to.function, &name, by, labels)
        })
    }

    async fn timing(
        accessor: &Accessor<T, Self>,
        name: String,
        milliseconds: f64,
        labels: Labels,
    ) -> Answer {
        record(accessor, |to| {
            to.business
                .timing(&to.function, &name, milliseconds, labels)
        })
    }

    async fn gauge(
        accessor: &Accessor<T, Self>,
        name: String,
        value: f64,
        labels: Labels,
    ) -> Answer {
        record(accessor, |to| {
            to.business.gauge(&to.function, &name, value, labels)
        })
    }
}

fn record<T: Send + 'static>(
    accessor: &Accessor<T, HasCapabilities>,
    write: impl FnOnce(&Capabilities) -> Result<(), String>,
) -> Answer {
    let (capabilities, _) = begin(accessor);
    if !capabilities.grants().metrics() {
        return Ok(Err(Error::Denied(
            "this function has no metrics grant".to_owned(),
        )));
    }
    Ok(write(&capabilities).map_err(Error::Invalid))
}
