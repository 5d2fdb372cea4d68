//! One function's workers: bounds, deadlines, and which door a request takes; never reads a route or a manifest.

mod flight;
mod idle;
mod maker;
mod neighbours;
mod several;
mod standard;
mod warm;

pub use neighbours::Neighbours;

use crate::artefact::Artefact;
use crate::capabilities::Capabilities;
use crate::capabilities::check_imports;
use crate::capabilities::witness::Witness;
use crate::error::RequestError;
use crate::guest::GuestSeries;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::handler;
use crate::handler::Incoming;
use crate::linker::Linkers;
use flight::Flight;
use http::Response;
use maker::Maker;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use serde::Serialize;
use several::Several;
use standard::Standard;
use std::pin::pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, Semaphore};
use trm_policy::manifest::Isolation;
use trm_policy::manifest::Limits;
use trm_telemetry::metrics::FunctionLabels;
use trm_telemetry::metrics::Metrics;
use trm_telemetry::metrics::TrapLabels;
use warm::Instances;
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, PoolConcurrencyLimitError};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ExpirationError;

/// A function that is ready to run, or that its first request makes ready.
pub struct Pool {
    door: OnceCell<Door>,
    start: Arc<OnceLock<Start>>,
    making: Making,
    limits: Limits,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    labels: FunctionLabels,
    in_flight: Gauge,
    guest: Histogram,
}

/// What it took to make a function ready, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// To read, check and map its code.
    pub map_us: u64,
    /// To link it to what it imports.
    pub link_us: u64,
    /// To make its first instance.
    pub instance_us: u64,
}

/// How requests enter the function.
enum Door {
    /// `trm:platform/message` or `handler`: a plain call, one request at a time in an instance.
    Plain(Arc<Instances>),
    /// `trm:platform/messages`: the same for functions whose instances take several at one time.
    Several(Arc<Several>),
    /// `wasi:http`, 0.3 or 0.2: for components of any kind, and for bodies that stream.
    Standard(Standard),
}

/// Where a request failed.
enum Failure {
    /// The host has as many instances as it may.
    Full,
    /// No instance could be made; why.
    Instantiation(String),
    /// The guest trapped, was interrupted, or answered what is no answer.
    Guest(wasmtime::Error),
}

impl Failure {
    fn instantiation(error: &wasmtime::Error) -> Self {
        match error.is::<PoolConcurrencyLimitError>() {
            true => Self::Full,
            false => Self::Instantiation(format!("{error:?}")),
        }
    }
}

/// What every pool of a host is made with.
pub struct Workshop {
    /// The host's engine.
    pub engine: Engine,
    /// What guests may import.
    pub linkers: Linkers,
    /// The host's metrics.
    pub metrics: Arc<Metrics>,
    /// The functions that share the engine's instances.
    pub neighbours: Neighbours,
}

/// What a function is made from.
struct Making {
    workshop: Arc<Workshop>,
    artefact: Artefact,
    capabilities: Arc<Capabilities>,
}

impl Pool {
    /// A pool of no instances, whose code is not mapped yet.
    pub fn new(
        workshop: Arc<Workshop>,
        artefact: Artefact,
        capabilities: Arc<Capabilities>,
        limits: Limits,
    ) -> Self {
        let labels = FunctionLabels {
            function: capabilities.function().clone(),
        };
        let metrics = workshop.metrics.clone();
        let bound = limits.concurrency as i64;
        metrics.limit.get_or_create(&labels).set(bound);
        Self {
            door: OnceCell::new(),
            start: Arc::default(),
            guest: metrics.guest.get_or_create_owned(&labels),
            permits: Arc::new(Semaphore::new(limits.concurrency)),
            in_flight: metrics.in_flight.get_or_create_owned(&labels),
            making: Making {
                workshop,
                artefact,
                capabilities,
            },
            limits,
            metrics,
            labels,
        }
    }

    /// Maps the function's code and makes its first instance. Whoever comes meanwhile waits for the same.
    /// A component that cannot be instantiated is an error.
    pub async fn load(&self) -> anyhow::Result<()> {
        self.door.get_or_try_init(|| self.open()).await.map(drop)
    }

    async fn open(&self) -> anyhow::Result<Door> {
        let began = Instant::now();
        let engine = &self.making.workshop.engine;
        let mapping = (self.making.artefact.clone(), engine.clone());
        // A file is read and hashed, or compiled: not for a thread that serves.
        let map = tokio::task::spawn_blocking(move || mapping.0.map(&mapping.1));
        let component = map.await??;
        let mapped = began.elapsed();
        let ty = component.component_type();
        let capabilities = &self.making.capabilities;
        check_imports(
            capabilities.function(),
            capabilities.grants(),
            ty.imports(engine).map(|(name, _)| name),
        )?;
        let linking = Instant::now();
        let pre = self.making.workshop.linkers.link(&component)?;
        let linked = linking.elapsed();
        let making = Instant::now();
        let door = self.enter(&component, pre).await?;
        let micros = |took: Duration| took.as_micros() as u64;
        // Whoever else made it ready at the same time has told it already.
        self.start.get_or_init(|| Start {
            map_us: micros(mapped),
            link_us: micros(linked),
            instance_us: micros(making.elapsed()),
        });
        let took = began.elapsed().as_secs_f64();
        self.metrics.load.get_or_create(&self.labels).observe(took);
        Ok(door)
    }

    async fn enter(
        &self,
        component: &Component,
        pre: InstancePre<GuestState>,
    ) -> wasmtime::Result<Door> {
        let Making {
            workshop,
            capabilities,
            ..
        } = &self.making;
        let maker = Maker {
            pre,
            workshop: workshop.clone(),
            capabilities: capabilities.clone(),
            limits: self.limits,
            labels: self.labels.clone(),
            series: GuestSeries::of(&self.metrics, &self.labels),
            made: Default::default(),
        };
        if self.limits.isolation == Isolation::Shared {
            return Ok(match handler::DoorOfSeveral::of(component) {
                Some(door) => Door::Several(Several::begin(maker, door).await?),
                None => Door::Standard(Standard::begin(maker).await?),
            });
        }
        Ok(match handler::Door::of(component) {
            Some(door) => Door::Plain(Instances::begin(maker, door).await?),
            None => Door::Standard(Standard::begin(maker).await?),
        })
    }

    /// The function's name.
    pub fn function(&self) -> &Arc<str> {
        &self.labels.function
    }

    /// What it took to make it ready, once it is.
    pub fn start(&self) -> Arc<OnceLock<Start>> {
        self.start.clone()
    }

    /// The function's bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs one request in one instance, within the function's limits.
    pub async fn run(&self, incoming: Incoming) -> Result<Response<WasiBody>, RequestError> {
        let deadline = Instant::now() + self.limits.timeout;
        self.run_until(incoming, deadline).await
    }

    /// Runs one request whose client has waited already, for another's answer that did not serve it: what is left of its
    /// deadline is all that it has.
    pub async fn run_until(
        &self,
        incoming: Incoming,
        deadline: Instant,
    ) -> Result<Response<WasiBody>, RequestError> {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            self.metrics.shed.get_or_create(&self.labels).inc();
            return Err(RequestError::Saturated {
                what: "this function",
            });
        };
        let flight = Flight::begin(permit, &self.in_flight);
        let witness = incoming.head.extensions.get::<Arc<Witness>>().cloned();
        let record = Arc::new(RequestRecord::new(deadline).seen_by(witness));
        // Pinned where it is: what takes a future by value copies all of it.
        let mut answer = pin!(async {
            let door = match self.door.get() {
                Some(door) => door,
                None => Box::pin(self.first()).await?,
            };
            // Both are boxed, since this future is copied into those that await it.
            match door {
                Door::Plain(instances) => Box::pin(instances.run(record.clone(), incoming)).await,
                Door::Several(several) => {
                    Box::pin(several.run(record.clone(), incoming, flight)).await
                }
                Door::Standard(standard) => {
                    Box::pin(standard.run(record.clone(), incoming, flight)).await
                }
            }
        });
        let answer = match futures::poll!(answer.as_mut()) {
            // Most answers are there at once, and need no timer.
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending => tokio::time::timeout_at(record.deadline.into(), answer).await,
        };
        if let Some(worked) = record.worked() {
            self.guest.observe(worked.as_secs_f64());
        }
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(failure)) => Err(self.explain(&record, failure)),
            Err(_) => Err(self.ended("deadline", self.late())),
        }
    }

    async fn first(&self) -> Result<&Door, Failure> {
        let door = self.door.get_or_try_init(|| self.open()).await;
        door.map_err(|error| Failure::Instantiation(format!("{error:#}")))
    }

    fn explain(&self, record: &RequestRecord, failure: Failure) -> RequestError {
        let function = &self.labels.function;
        let error = match failure {
            Failure::Full => {
                self.metrics.shed.get_or_create(&self.labels).inc();
                return RequestError::Saturated { what: "this host" };
            }
            Failure::Instantiation(error) => {
                tracing::error!(%function, "no instance can be made: {error}");
                return RequestError::Internal;
            }
            Failure::Guest(error) => error,
        };
        if record.memory_refused() {
            return self.ended(
                "memory",
                RequestError::OutOfMemory {
                    limit: self.limits.memory_mb,
                },
            );
        }
        if error.is::<ExpirationError>() || record.deadline <= Instant::now() {
            return self.ended("deadline", self.late());
        }
        tracing::error!(%function, "request failed in the guest: {error:?}");
        self.ended("trap", RequestError::Trapped)
    }

    fn late(&self) -> RequestError {
        RequestError::DeadlineExceeded {
            limit: self.limits.timeout,
        }
    }

    fn ended(&self, kind: &'static str, error: RequestError) -> RequestError {
        let labels = TrapLabels {
            function: self.labels.function.clone(),
            kind,
        };
        self.metrics.traps.get_or_create(&labels).inc();
        error
    }
}
