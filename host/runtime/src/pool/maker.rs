//! Makes instances of one function, and counts how many live; keeps none.

use super::Workshop;
use crate::capabilities::Capabilities;
use crate::guest::GuestSeries;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_policy::manifest::Limits;
use trm_telemetry::metrics::FunctionLabels;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{PoolConcurrencyLimitError, Store};

/// How many requests one instance serves before it is replaced, so that leaks in a guest end; up to a
/// tenth fewer, so that instances of one moment do not end in one moment.
const MAX_REUSE: usize = 10_000;
/// How long an instance lives in all.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What a function's instances are made from.
pub(super) struct Maker {
    pub pre: InstancePre<GuestState>,
    pub workshop: Arc<Workshop>,
    pub capabilities: Arc<Capabilities>,
    pub limits: Limits,
    pub labels: FunctionLabels,
    pub series: GuestSeries,
    pub made: AtomicUsize,
}

/// A new instance.
pub(super) struct Made {
    pub store: Store<GuestState>,
    pub instance: Instance,
    pub term: Term,
}

/// How long an instance may go on; it counts as alive until this is dropped.
pub(super) struct Term {
    uses_left: usize,
    born: Instant,
    alive: Gauge,
}

impl Term {
    /// So many requests more have entered; whether another may.
    pub fn use_up(&mut self, requests: usize, now: Instant) -> bool {
        self.uses_left = self.uses_left.saturating_sub(requests);
        self.uses_left > 0 && now - self.born < MAX_AGE
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        self.alive.dec();
    }
}

impl Maker {
    /// A new instance, in the place of idle ones where the host is full.
    pub async fn make(&self) -> Result<Made, wasmtime::Error> {
        match self.instantiate().await {
            Err(error) if self.makes_room(&error) => self.instantiate().await,
            made => made,
        }
    }

    /// Whether an instance could not be made since the host is full, and idle ones have made room for it.
    pub fn makes_room(&self, error: &wasmtime::Error) -> bool {
        error.is::<PoolConcurrencyLimitError>() && self.workshop.neighbours.make_room()
    }

    /// A new instance, where there is room for it.
    pub async fn instantiate(&self) -> Result<Made, wasmtime::Error> {
        let born = Instant::now();
        let mut store = self.store(born);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let alive = self.alive(born);
        let fewer = self.made.fetch_add(1, Relaxed) * 389 % (MAX_REUSE / 10);
        let term = Term {
            uses_left: MAX_REUSE - fewer,
            born,
            alive,
        };
        Ok(Made {
            store,
            instance,
            term,
        })
    }

    /// What an instance is made in, which must be made within one request's time.
    pub fn store(&self, began: Instant) -> Store<GuestState> {
        GuestState::store(
            &self.workshop.engine,
            self.capabilities.clone(),
            &self.limits,
            self.series.clone(),
            Arc::new(RequestRecord::new(began + self.limits.timeout)),
        )
    }

    /// An instance is made, and counts as alive in this.
    pub fn alive(&self, began: Instant) -> Gauge {
        let metrics = &self.workshop.metrics;
        let took = began.elapsed().as_secs_f64();
        metrics
            .instantiate
            .get_or_create(&self.labels)
            .observe(took);
        let alive = metrics.instances.get_or_create_owned(&self.labels);
        alive.inc();
        alive
    }
}
