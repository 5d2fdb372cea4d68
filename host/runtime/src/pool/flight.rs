//! Counts a request in flight, for as long as it is held; admits none.

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::OwnedSemaphorePermit;

/// One request in flight: its permit, counted until the answer is whole.
pub(super) struct Flight {
    _permit: OwnedSemaphorePermit,
    in_flight: Gauge,
}

impl Flight {
    pub fn begin(permit: OwnedSemaphorePermit, in_flight: &Gauge) -> Self {
        in_flight.inc();
        Self {
            _permit: permit,
            in_flight: in_flight.clone(),
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}
