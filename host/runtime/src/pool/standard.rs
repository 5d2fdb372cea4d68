//! Instances that are called through `wasi:http`, 0.3 or 0.2; decides no status.

use super::Failure;
use super::flight::Flight;
use super::maker::Maker;
use crate::error::full;
use crate::guest::GuestState;
use crate::guest::RequestRecord;
use crate::handler::Incoming;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::gauge::Gauge;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use trm_policy::manifest::Isolation;
use wasmtime::component::{GuestTaskId, InstancePre};
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, InstantiationError, ProxyHandler, ProxyPre, ShouldAccept,
    WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

/// How many requests one instance serves before it is replaced, so that leaks in a guest end.
const MAX_REUSE: usize = 1_000;
/// Requests at one time in an instance of a `shared` function.
pub(super) const MAX_SHARED: usize = 16;
/// How long an instance without requests is kept.
const IDLE: Duration = Duration::from_secs(10);
/// How much later than the deadline an instance is dropped whose guest waits in a host call.
pub(super) const GRACE: Duration = Duration::from_millis(50);

/// A function's instances.
pub(super) struct Standard(ProxyHandler<Worker>);

impl Standard {
    /// Makes an instance and ends it, so that one which cannot be made is known before it is needed.
    pub async fn begin(maker: Maker) -> wasmtime::Result<Self> {
        let pre = exported(maker.pre.clone())?;
        let worker = Worker { pre, maker };
        let first = match worker.instantiate().await {
            Err(error) if worker.maker.makes_room(&error) => worker.instantiate().await,
            first => first,
        };
        let Instance { store, state, .. } = first?;
        WorkerState::drop(&state, store, Ok(()));
        Ok(Self(ProxyHandler::new(worker)))
    }

    /// Runs one request in one instance. Its flight ends with the last byte of the response, or where
    /// the client does not fetch that, when the instance is dropped.
    pub async fn run(
        &self,
        record: Arc<RequestRecord>,
        incoming: Incoming,
        flight: Flight,
    ) -> Result<Response<WasiBody>, Failure> {
        let last = record.deadline + GRACE;
        match self.0.handle(record.clone(), request(incoming)).await {
            Ok(response) => Ok(response.map(|body| {
                // A body that nobody fetches is not polled, so the clock is not the body's own.
                let (fetching, fetched) = oneshot::channel();
                tokio::spawn(async move {
                    drop(tokio::time::timeout_at(last.into(), fetched).await);
                    drop(flight);
                });
                WasiBody::new(FlightBody {
                    body,
                    record,
                    _fetching: fetching,
                })
            })),
            Err(error) => Err(
                match error.downcast_ref::<InstantiationError<Arc<RequestRecord>>>() {
                    Some(failed) => Failure::instantiation(&failed.error),
                    None => Failure::Guest(error),
                },
            ),
        }
    }
}

/// WASI HTTP 0.3 where the component exports it, else 0.2.
fn exported(pre: InstancePre<GuestState>) -> wasmtime::Result<ProxyPre<GuestState>> {
    if let Ok(pre) = wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        return Ok(ProxyPre::P3(pre));
    }
    wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)
        .map(ProxyPre::P2)
        .map_err(|error| {
            error.context(
                "it exports neither wasi:http/handler 0.3 nor wasi:http/incoming-handler 0.2",
            )
        })
}

/// The request as `wasi:http` carries it. The function is told its route by the headers that Spin uses;
/// a client's own `spin-*` headers are dropped first: a function must be able to trust them.
fn request(incoming: Incoming) -> Request<WasiBody> {
    let mut head = incoming.head;
    let headers = &mut head.headers;
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("spin-"))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
    let authority = headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .or(head.uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or("localhost");
    let target = head
        .uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let full_url = format!("http://{authority}{target}");
    let mut tell = |name: &str, value: &str| {
        // Both come from parsed URIs and checked route names; anything else is not worth a failure.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    tell("spin-full-url", &full_url);
    tell("spin-path-info", &incoming.rest);
    tell("spin-matched-route", &incoming.route);
    tell("spin-client-addr", &incoming.client);
    for (name, value) in &incoming.parameters {
        tell(
            &format!("spin-path-match-{}", name.to_ascii_lowercase()),
            value,
        );
    }
    Request::from_parts(head, full(incoming.body))
}

/// A response body that says by its end that it was fetched. One whose instance was cut off would look whole by
/// itself, for its writer is gone: it ends with an error, so that neither a client nor a cache takes it for the answer.
struct FlightBody {
    body: WasiBody,
    record: Arc<RequestRecord>,
    _fetching: oneshot::Sender<()>,
}

impl Body for FlightBody {
    type Data = bytes::Bytes;
    type Error = wasmtime_wasi_http::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match polled {
            Poll::Ready(None) if self.record.broken_off() => {
                Poll::Ready(Some(Err(wasmtime_wasi_http::Error::HttpProtocolError)))
            }
            polled => polled,
        }
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
    maker: Maker,
}

impl HandlerState for Worker {
    type StoreData = GuestState;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<GuestState, Expiration, Life>> {
        let began = Instant::now();
        let mut store = self.maker.store(began);
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let alive = self.maker.alive(began);
        let Maker { limits, labels, .. } = &self.maker;
        Ok(Instance {
            store,
            proxy,
            view: GuestState::http,
            expiration: Expiration {
                timeout: limits.timeout + GRACE,
                sleep: Box::pin(tokio::time::sleep(IDLE)),
            },
            state: Life {
                function: labels.function.clone(),
                most: match limits.isolation {
                    Isolation::Shared => MAX_SHARED,
                    Isolation::Exclusive | Isolation::Fresh => 1,
                },
                reuse: match limits.isolation {
                    Isolation::Fresh => 1,
                    Isolation::Exclusive | Isolation::Shared => MAX_REUSE,
                },
                alive,
            },
        })
    }
}

/// One instance's life. Unless the function is shared it serves one request at a time, so that a trap or
/// a late answer costs no other.
struct Life {
    function: Arc<str>,
    most: usize,
    reuse: usize,
    alive: Gauge,
}

impl WorkerState for Life {
    type StoreData = GuestState;
    type RequestData = Arc<RequestRecord>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.reuse {
            ShouldAccept::Never
        } else if concurrent < self.most {
            ShouldAccept::Yes
        } else {
            ShouldAccept::No
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
            // Before the store goes, and with it the writer of each body.
            store.data().break_off();
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
