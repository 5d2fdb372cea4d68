//! One function's workers: bounds, deadlines, reuse and their ends; never reads a route or a manifest.

use crate::capabilities::Capabilities;
use crate::error::RequestError;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::manifest::Limits;
use crate::metrics::FunctionLabels;
use crate::metrics::Metrics;
use crate::metrics::TrapLabels;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::gauge::Gauge;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::GuestTaskId;
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, InstantiationError, ProxyHandler, ProxyPre,
    ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

/// How many requests one instance serves before it is replaced, so that leaks in a guest end.
const MAX_REUSE: usize = 1_000;
/// How long an instance without requests is kept.
const IDLE: Duration = Duration::from_secs(10);
/// How much later than the deadline an instance is dropped whose guest waits in a host call.
const GRACE: Duration = Duration::from_millis(50);

/// A function that is ready to run.
pub struct Pool {
    handler: ProxyHandler<Worker>,
    limits: Limits,
    permits: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    labels: FunctionLabels,
    in_flight: Gauge,
}

impl Pool {
    /// A pool of no instances yet; the first request makes the first one.
    pub fn new(
        pre: ProxyPre<GuestState>,
        engine: wasmtime::Engine,
        capabilities: Arc<Capabilities>,
        limits: Limits,
        metrics: Arc<Metrics>,
    ) -> Self {
        let labels = FunctionLabels {
            function: capabilities.function().clone(),
        };
        Self {
            permits: Arc::new(Semaphore::new(limits.concurrency)),
            in_flight: metrics.in_flight.get_or_create_owned(&labels),
            handler: ProxyHandler::new(Worker {
                pre,
                engine,
                capabilities,
                limits,
                metrics: metrics.clone(),
                labels: labels.clone(),
            }),
            limits,
            metrics,
            labels,
        }
    }

    /// The function's name.
    pub fn function(&self) -> &Arc<str> {
        &self.labels.function
    }

    /// The function's bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs one request, whose body has arrived, in one instance, within the function's limits.
    pub async fn run(
        &self,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, RequestError> {
        let Ok(permit) = self.permits.clone().try_acquire_owned() else {
            self.metrics.shed.get_or_create(&self.labels).inc();
            return Err(RequestError::Saturated {
                what: "this function",
            });
        };
        let flight = Flight::begin(permit, &self.in_flight);
        let record = Arc::new(RequestRecord::new(Instant::now() + self.limits.timeout));
        let answer = tokio::time::timeout_at(
            record.deadline.into(),
            self.handler.handle(record.clone(), request),
        );
        match answer.await {
            Ok(Ok(response)) => Ok(response.map(|body| flight.until_end_of(body))),
            Ok(Err(error)) => Err(self.explain(&record, error)),
            Err(_) => Err(self.ended("deadline", self.late())),
        }
    }

    fn explain(&self, record: &RequestRecord, error: wasmtime::Error) -> RequestError {
        if let Some(failed) = error.downcast_ref::<InstantiationError<Arc<RequestRecord>>>() {
            if failed.error.is::<PoolConcurrencyLimitError>() {
                self.metrics.shed.get_or_create(&self.labels).inc();
                return RequestError::Saturated { what: "this host" };
            }
            tracing::error!(function = %self.labels.function, "no instance can be made: {:?}", failed.error);
            return RequestError::Internal;
        }
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
        tracing::error!(function = %self.labels.function, "request failed in the guest: {error:#}");
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

/// One request in flight: its permit, counted until the last byte of the response.
struct Flight {
    _permit: OwnedSemaphorePermit,
    in_flight: Gauge,
}

impl Flight {
    fn begin(permit: OwnedSemaphorePermit, in_flight: &Gauge) -> Self {
        in_flight.inc();
        Self {
            _permit: permit,
            in_flight: in_flight.clone(),
        }
    }

    fn until_end_of(self, body: WasiBody) -> WasiBody {
        WasiBody::new(FlightBody {
            body,
            _flight: self,
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

struct FlightBody {
    body: WasiBody,
    _flight: Flight,
}

impl Body for FlightBody {
    type Data = bytes::Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How the handler makes and ends this function's instances.
struct Worker {
    pre: ProxyPre<GuestState>,
    engine: wasmtime::Engine,
    capabilities: Arc<Capabilities>,
    limits: Limits,
    metrics: Arc<Metrics>,
    labels: FunctionLabels,
}

impl HandlerState for Worker {
    type StoreData = GuestState;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<GuestState, Expiration, Life>> {
        let began = Instant::now();
        let record = Arc::new(RequestRecord::new(began + self.limits.timeout));
        let mut store = GuestState::store(
            &self.engine,
            self.capabilities.clone(),
            &self.limits,
            record,
        );
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let took = began.elapsed().as_secs_f64();
        self.metrics
            .instantiate
            .get_or_create(&self.labels)
            .observe(took);
        let alive = self.metrics.instances.get_or_create_owned(&self.labels);
        alive.inc();
        Ok(Instance {
            store,
            proxy,
            view: GuestState::http,
            expiration: Expiration {
                timeout: self.limits.timeout + GRACE,
                sleep: Box::pin(tokio::time::sleep(IDLE)),
            },
            state: Life {
                function: self.labels.function.clone(),
                alive,
            },
        })
    }
}

/// One instance's life: one request at a time, so that a trap or a late answer costs no other.
struct Life {
    function: Arc<str>,
    alive: Gauge,
}

impl WorkerState for Life {
    type StoreData = GuestState;
    type RequestData = Arc<RequestRecord>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        match (concurrent, total) {
            (_, MAX_REUSE..) => ShouldAccept::Never,
            (0, _) => ShouldAccept::Yes,
            _ => ShouldAccept::No,
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, GuestState>,
        record: Arc<RequestRecord>,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let deadline = record.deadline;
        store.data_mut().begin(record);
        Box::pin(tokio::time::sleep_until(deadline.into()))
    }

    fn drop(&self, store: Store<GuestState>, result: Result<(), wasmtime::Error>) {
        self.alive.dec();
        if let Err(error) = result {
            tracing::error!(function = %self.function, "instance ended: {error:?}");
        }
        drop(store);
    }
}

/// When an instance is dropped from outside: idle too long, or stuck past its request's deadline.
struct Expiration {
    timeout: Duration,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let end = match status {
            WorkerStatus::Idle => start + IDLE,
            WorkerStatus::Requests | WorkerStatus::PostReturn => start + self.timeout,
        };
        if self.sleep.deadline() != end.into() {
            self.sleep.as_mut().reset(end.into());
        }
        self.sleep.as_mut().poll(cx)
    }
}
