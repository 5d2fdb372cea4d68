//! Instances that are called through the plain handler, one request at a time; decides no status.

use super::Failure;
use super::Workshop;
use crate::capabilities::Capabilities;
use crate::guest::GuestSeries;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::handler::Door;
use crate::handler::Handle;
use crate::handler::Incoming;
use crate::manifest::Isolation;
use crate::manifest::Limits;
use crate::metrics::FunctionLabels;
use http::Response;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use wasmtime::component::InstancePre;
use wasmtime::{PoolConcurrencyLimitError, Store};
use wasmtime_wasi_http::WasiBody;

/// How many requests one instance serves before it is replaced, so that leaks in a guest end; up to a
/// tenth fewer, so that instances of one moment do not end in one moment.
const MAX_REUSE: usize = 10_000;
/// How long an instance lives in all, and how long without a request.
const MAX_AGE: Duration = Duration::from_secs(600);
const IDLE: Duration = Duration::from_secs(10);
/// Instances of a `fresh` function that are made ahead of their request.
const AHEAD: usize = 4;

/// A function's instances.
pub(super) struct Instances {
    pub pre: InstancePre<GuestState>,
    pub door: Door,
    pub workshop: Arc<Workshop>,
    pub capabilities: Arc<Capabilities>,
    pub limits: Limits,
    pub labels: FunctionLabels,
    pub series: GuestSeries,
    /// The last one back is the first one out: it is the warmest, and the others may end.
    pub idle: Mutex<Vec<Warm>>,
    pub made: AtomicUsize,
}

/// One instance between two requests, or in one.
pub(super) struct Warm {
    store: Store<GuestState>,
    handle: Handle,
    uses_left: usize,
    born: Instant,
    since: Instant,
    _alive: Alive,
}

/// Counts a live instance.
struct Alive(Gauge);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Instances {
    /// Makes the first instance, so that one which cannot be made is known before it is needed.
    pub async fn begin(self) -> Result<Arc<Self>, wasmtime::Error> {
        let instances = Arc::new(self);
        let first = instances.make().await?;
        instances.idle().push(first);
        instances.workshop.neighbours.add(&instances);
        tokio::spawn(reap(Arc::downgrade(&instances)));
        Ok(instances)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Warm>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one request in one instance. Dropped half-way, it takes the instance with it.
    pub async fn run(
        self: &Arc<Self>,
        record: Arc<RequestRecord>,
        incoming: Incoming,
    ) -> Result<Response<WasiBody>, Failure> {
        let found = self.idle().pop();
        let mut warm = match found {
            Some(warm) => warm,
            None => Box::pin(self.make())
                .await
                .map_err(|error| Failure::instantiation(&error))?,
        };
        warm.store.data_mut().begin(record);
        let method = incoming.head.method.clone();
        let taken = &self.series.taken;
        let _asked = taken.hold(incoming.body.len());
        let called = warm.handle.call(&mut warm.store, incoming);
        let reply = called.await.map_err(Failure::Guest)?;
        warm.store.data_mut().count();
        match self.limits.isolation {
            Isolation::Fresh => self.make_ahead(),
            Isolation::Exclusive | Isolation::Shared => self.give_back(warm),
        }
        reply
            .into_response(&method, taken)
            .map_err(|fault| Failure::Guest(wasmtime::Error::msg(fault)))
    }

    fn give_back(&self, mut warm: Warm) {
        warm.uses_left -= 1;
        warm.since = Instant::now();
        if warm.uses_left > 0 && warm.since - warm.born < MAX_AGE {
            self.idle().push(warm);
        }
    }

    fn make_ahead(self: &Arc<Self>) {
        if self.idle().len() >= AHEAD {
            return;
        }
        let instances = self.clone();
        tokio::spawn(async move {
            match instances.instantiate().await {
                Ok(warm) => {
                    let mut idle = instances.idle();
                    if idle.len() < AHEAD {
                        idle.push(warm);
                    }
                }
                // The next request tries for itself, and says what fails.
                Err(error) => tracing::debug!("no instance was made ahead: {error}"),
            }
        });
    }

    /// A new instance, in the place of idle ones where the host is full.
    async fn make(&self) -> Result<Warm, wasmtime::Error> {
        match self.instantiate().await {
            Err(error)
                if error.is::<PoolConcurrencyLimitError>()
                    && self.workshop.neighbours.make_room() =>
            {
                self.instantiate().await
            }
            made => made,
        }
    }

    /// Ends the longer idle half of the idle instances, at least one; how many.
    pub fn end_half(&self) -> usize {
        let ended: Vec<Warm> = {
            let mut idle = self.idle();
            // The longest idle stand first.
            let half = idle.len().div_ceil(2);
            idle.drain(..half).collect()
        };
        let evicted = &self.workshop.metrics.evicted;
        evicted
            .get_or_create(&self.labels)
            .inc_by(ended.len() as u64);
        ended.len()
    }

    async fn instantiate(&self) -> Result<Warm, wasmtime::Error> {
        let born = Instant::now();
        let record = Arc::new(RequestRecord::new(born + self.limits.timeout));
        let mut store = GuestState::store(
            &self.workshop.engine,
            self.capabilities.clone(),
            &self.limits,
            self.series.clone(),
            record,
        );
        let instance = self.pre.instantiate_async(&mut store).await?;
        let handle = self.door.open(&mut store, &instance)?;
        let took = born.elapsed().as_secs_f64();
        let observed = self
            .workshop
            .metrics
            .instantiate
            .get_or_create(&self.labels);
        observed.observe(took);
        let alive = self
            .workshop
            .metrics
            .instances
            .get_or_create_owned(&self.labels);
        alive.inc();
        let fewer = self.made.fetch_add(1, Relaxed) * 389 % (MAX_REUSE / 10);
        Ok(Warm {
            store,
            handle,
            uses_left: MAX_REUSE - fewer,
            born,
            since: born,
            _alive: Alive(alive),
        })
    }
}

/// Ends instances without requests, for as long as the function is served.
async fn reap(instances: Weak<Instances>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(instances) = instances.upgrade() else {
            return;
        };
        let ended = {
            let mut idle = instances.idle();
            // The oldest stand first.
            let kept = idle.iter().position(|warm| warm.since.elapsed() < IDLE);
            let ended = kept.unwrap_or(idle.len());
            idle.drain(..ended).collect::<Vec<_>>()
        };
        drop(ended);
    }
}
