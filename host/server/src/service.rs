//! One request from its head to its answer, outside of any connection; the order of the whole host.

use crate::console;
use crate::console::Console;
use crate::endpoints::Endpoint;
use crate::endpoints::Endpoints;
use crate::router::Route;
use crate::router::Router;
use arc_swap::ArcSwap;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use trm_http_cache::Edge;
use trm_http_cache::Met;
use trm_http_cache::Origin;
use trm_http_cache::Served;
use trm_policy::request_form;
use trm_runtime::error::RequestError;
use trm_runtime::error::full;
use trm_runtime::handler::Incoming;
use trm_runtime::pool::Pool;
use trm_telemetry::metrics::Metrics;
use trm_telemetry::metrics::RequestLabels;
use trm_telemetry::metrics::method_label;
use trm_telemetry::request as watched;
use trm_telemetry::request::Watched;
use wasmtime_wasi_http::WasiBody;

/// How long a client may take to send a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a body over the limit is read and dropped.
const MAX_DROPPED: usize = 16 << 20;

/// What answers requests: the host's own endpoints, then the manifest's routes.
pub struct Service {
    router: ArcSwap<Router>,
    endpoints: Endpoints,
    edge: Edge,
    metrics: Arc<Metrics>,
    slow: Duration,
    console: Arc<Console>,
}

impl Service {
    /// Requests slower than `slow` are logged.
    pub fn new(
        router: Router,
        endpoints: Endpoints,
        edge: Edge,
        metrics: Arc<Metrics>,
        slow: Duration,
        console: Arc<Console>,
    ) -> Self {
        Self {
            router: ArcSwap::from_pointee(router),
            endpoints,
            edge,
            metrics,
            slow,
            console,
        }
    }

    /// The routes that this service answers now.
    pub fn router(&self) -> Arc<Router> {
        self.router.load_full()
    }

    /// Answers these routes from now on. Requests that have found theirs go on with it.
    pub fn swap(&self, router: Router) {
        self.router.store(Arc::new(router));
    }

    /// From here on the host is not ready, and what never ends by itself is ended.
    pub fn stop(&self) {
        self.endpoints.stop();
        self.console.stop();
    }

    /// The host's own endpoints.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Answers any request; a failure is an answer too.
    pub async fn answer<B>(&self, request: Request<B>, client: Arc<str>) -> Response<WasiBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let watched = watched::begin(request.headers());
        // Pinned where it is: what takes a future by value copies all of it.
        let answer = pin!(self.answer_watched(request, client, watched.clone()));
        watched::scope(watched, answer).await
    }

    async fn answer_watched<B>(
        &self,
        request: Request<B>,
        client: Arc<str>,
        watched: Watched,
    ) -> Response<WasiBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let began = Instant::now();
        let method = method_label(request.method());
        let (named, answer) = self.dispatch(request, client).await;
        let mut response = answer.unwrap_or_else(RequestError::into_response);
        self.endpoints.leave(&mut response);
        let took = began.elapsed();
        let status = response.status().as_u16();
        let (function, route) = named.text();
        if took >= self.slow {
            tracing::warn!(%function, %route, method, status, ms = took.as_millis() as u64, "SLOW REQUEST");
        }
        let trace = watched.and_then(|request| {
            request.end(function, route, method, status);
            request.sampled()
        });
        let series = || {
            let (function, route) = named.labels();
            self.metrics.series(&RequestLabels {
                function,
                route,
                method,
                status,
            })
        };
        match &named {
            // Looked up once for what most answers are.
            Named::Route(route) if (method, status) == ("GET", 200) => {
                route.read.get_or_init(series).answered(took, trace);
            }
            _ => series().answered(took, trace),
        }
        response
    }

    async fn dispatch<B>(
        &self,
        request: Request<B>,
        client: Arc<str>,
    ) -> (Named, Result<Response<WasiBody>, RequestError>)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // What few requests do is boxed where it begins: a future is copied whole, with all that it may ever hold.
        let (mut head, body) = request.into_parts();
        if let Err(fault) = request_form::check(&head) {
            return (Named::Host("none"), Err(RequestError::Malformed { fault }));
        }
        if let Some(endpoint) = Endpoint::of(head.uri.path()) {
            let router = self.router();
            let answer = self.endpoints.answer(endpoint, &head, &router);
            return (Named::Host(endpoint.path()), Box::pin(answer).await);
        }
        if self.console.owns(head.uri.path()) {
            let answer = Box::pin(self.console.answer(&head)).await;
            return (Named::Host(console::PATH), answer);
        }
        let followed = self.console.follow(&mut head);
        let Some(found) = self.router.load().find(head.uri.path()) else {
            let page = self.endpoints.index(&head, &self.router());
            let path = head.uri.path().to_owned();
            return (
                Named::Host("none"),
                page.unwrap_or(Err(RequestError::NoRoute { path })),
            );
        };
        let route = found.route.clone();
        if let Some(request) = watched::current() {
            request.named(route.pool.function());
            request.propagate(&mut head.headers);
        }
        let body = match body.is_end_stream() {
            true => Ok(Bytes::new()),
            false => Box::pin(collect(body, route.pool.limits().max_body)).await,
        };
        let answer = match body {
            Ok(body) => {
                let incoming = Incoming {
                    head,
                    body,
                    client,
                    route: route.pattern.clone(),
                    parameters: found.parameters,
                    rest: found.rest,
                };
                self.edge(&route, incoming).await
            }
            Err(error) => Err(error),
        };
        let answer = match followed {
            None => answer,
            Some(witness) => {
                let mut response = answer.unwrap_or_else(RequestError::into_response);
                console::tell(&mut response, &witness);
                Ok(response)
            }
        };
        (Named::Route(route), answer)
    }

    /// From the edge cache where it holds the answer, else from the function.
    async fn edge(
        &self,
        route: &Route,
        incoming: Incoming,
    ) -> Result<Response<WasiBody>, RequestError> {
        let met = self.edge.meet(&route.pattern, &incoming.head);
        if let Met::Fresh(response) = met {
            return Ok(response.map(full));
        }
        let deadline = Instant::now() + route.pool.limits().timeout;
        if let Met::Nothing = met {
            let method = incoming.head.method.clone();
            let response = route.pool.run_until(incoming, deadline).await?;
            let (status, headers) = (response.status(), response.headers());
            self.edge.learn(&route.pattern, &method, status, headers);
            return Ok(response);
        }
        let run = Run {
            pool: route.pool.clone(),
            incoming: Arc::new(incoming),
        };
        let incoming = run.incoming.clone();
        let served = self
            .edge
            .answer(&route.pattern, &incoming.head, deadline, run);
        Ok(match Box::pin(served).await? {
            Served::Passed(response) => response,
            Served::Kept(response) => response.map(full),
        })
    }
}

/// What a request was for, as metrics and logs name it.
enum Named {
    /// A path of the host itself, or none.
    Host(&'static str),
    /// A function's.
    Route(Arc<Route>),
}

impl Named {
    /// The function's name, or `host`, and the route's pattern.
    fn text(&self) -> (&str, &str) {
        match self {
            Self::Host(path) => ("host", path),
            Self::Route(route) => (route.pool.function(), &route.pattern),
        }
    }

    /// The same to keep: a route's own are not copied.
    fn labels(&self) -> (Arc<str>, Arc<str>) {
        match self {
            Self::Host(path) => ("host".into(), (*path).into()),
            Self::Route(route) => (route.pool.function().clone(), route.pattern.clone()),
        }
    }
}

/// One request to one function, for the edge.
#[derive(Clone)]
struct Run {
    pool: Arc<Pool>,
    incoming: Arc<Incoming>,
}

impl Origin for Run {
    type Body = WasiBody;
    type Error = RequestError;

    async fn run(
        &self,
        headers: Option<HeaderMap>,
        deadline: Instant,
    ) -> Result<Response<WasiBody>, RequestError> {
        let mut incoming = Incoming::clone(&self.incoming);
        if let Some(headers) = headers {
            incoming.head.headers = headers;
        }
        // Boxed: the edge awaits it in several places, and each would have room for all of it.
        Box::pin(self.pool.run_until(incoming, deadline)).await
    }

    fn rejoin(read: Bytes, rest: WasiBody) -> WasiBody {
        let read = Full::new(read).map_err(|never| match never {});
        let frames = BodyStream::new(read).chain(BodyStream::new(rest));
        StreamBody::new(frames).boxed_unsync()
    }

    fn broken(&self) -> RequestError {
        RequestError::Trapped
    }
}

/// The whole body, so that a guest's deadline never runs while a client still sends. Of a body over
/// the limit some more is read and dropped: a client that is still sending would not see the answer.
async fn collect<B>(body: B, limit: usize) -> Result<Bytes, RequestError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut over = body.size_hint().lower() > limit as u64;
    let mut kept = BytesMut::new();
    let mut seen = 0;
    let reading = async {
        let mut body = pin!(body);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(drop)?.into_data() else {
                continue;
            };
            seen += data.len();
            over |= seen > limit;
            if !over {
                kept.extend_from_slice(&data);
            } else if seen > limit + MAX_DROPPED {
                break;
            }
        }
        Ok(())
    };
    let read: Result<Result<(), ()>, _> = tokio::time::timeout(BODY_TIMEOUT, reading).await;
    match read {
        _ if over => Err(RequestError::BodyTooLarge { limit }),
        Err(_) => Err(RequestError::BodyIncomplete {
            reason: "it took too long",
        }),
        Ok(Err(())) => Err(RequestError::BodyIncomplete {
            reason: "the connection broke off",
        }),
        Ok(Ok(())) => Ok(kept.freeze()),
    }
}
