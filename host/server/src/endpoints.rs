//! The host's own endpoints: health, readiness, metrics, reload; never serves a function.

mod index_page;

use crate::operator::HEADER;
use crate::operator::Operator;
use crate::reloads::Reloads;
use crate::reloads::reloaded;
use crate::router::Router;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_runtime::error::RequestError;
use trm_runtime::error::json_response;
use trm_runtime::error::problem;
use trm_stores::Stores;
use trm_telemetry::metrics::Metrics;
use wasmtime_wasi_http::WasiBody;

/// How long the origin may take to show that it is there.
const PING: Duration = Duration::from_secs(2);

/// One of the host's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /health`: the process runs.
    Health,
    /// `GET /ready`: functions are loaded, the origin answers, and no stop has begun.
    Ready,
    /// `GET /api/health`: the parts, one by one.
    ApiHealth,
    /// `GET /api/health/cache`: the cache's statistics.
    CacheHealth,
    /// `GET /metrics`: OpenMetrics text.
    Metrics,
    /// `POST /reload`, with an operator's key: the manifest and its components are read again.
    Reload,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Health,
        Self::Ready,
        Self::ApiHealth,
        Self::CacheHealth,
        Self::Metrics,
        Self::Reload,
    ];

    /// The endpoint of a path.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
    }

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Health => "/health",
            Self::Ready => "/ready",
            Self::ApiHealth => "/api/health",
            Self::CacheHealth => "/api/health/cache",
            Self::Metrics => "/metrics",
            Self::Reload => "/reload",
        }
    }
}

/// What the endpoints tell of.
pub struct Endpoints {
    stores: Arc<Stores>,
    metrics: Arc<Metrics>,
    operator: Option<Operator>,
    reloads: Arc<Reloads>,
    began: Instant,
    loaded: AtomicBool,
    stopping: AtomicBool,
    index: AtomicBool,
}

impl Endpoints {
    /// The endpoints of a host that is not ready yet.
    pub fn new(
        stores: Arc<Stores>,
        metrics: Arc<Metrics>,
        operator: Option<Operator>,
        reloads: Arc<Reloads>,
    ) -> Self {
        Self {
            stores,
            metrics,
            operator,
            reloads,
            began: Instant::now(),
            loaded: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            index: AtomicBool::new(false),
        }
    }

    /// From here on `/` answers with links, where no route serves it.
    pub fn show_index(&self) {
        self.index.store(true, Relaxed);
    }

    /// The page of links, for a request that no route serves; none where it is for another path or not shown.
    pub fn index(
        &self,
        head: &Parts,
        router: &Router,
    ) -> Option<Result<Response<WasiBody>, RequestError>> {
        if head.uri.path() != index_page::PATH || !self.index.load(Relaxed) {
            return None;
        }
        Some(match head.method {
            Method::GET | Method::HEAD => Ok(index_page::answer(router)),
            _ => Err(RequestError::MethodNotAllowed { allow: "GET, HEAD" }),
        })
    }

    /// Every function's code is mapped.
    pub fn loaded(&self) {
        self.loaded.store(true, Relaxed);
    }

    /// From here on the host is not ready.
    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Once a stop has begun, asks the client to open no further requests on this connection, so that
    /// none is under way when the connection is closed.
    pub fn leave<B>(&self, response: &mut Response<B>) {
        if self.stopping.load(Relaxed) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }

    /// Answers one of them.
    pub async fn answer(
        &self,
        endpoint: Endpoint,
        head: &Parts,
        router: &Router,
    ) -> Result<Response<WasiBody>, RequestError> {
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        let (status, content_type, body) = match endpoint {
            Endpoint::Reload => return self.reload(head).await,
            _ if !reads => return Err(RequestError::MethodNotAllowed { allow: "GET, HEAD" }),
            Endpoint::Health => (StatusCode::OK, JSON, json!({"status": "ok"}).to_string()),
            Endpoint::Ready => self.ready().await,
            Endpoint::ApiHealth => self.api_health(router).await,
            Endpoint::CacheHealth => (
                StatusCode::OK,
                JSON,
                json!(self.stores.cache.health()).to_string(),
            ),
            Endpoint::Metrics => {
                let text = self.metrics.text().map_err(|error| {
                    tracing::error!("metrics cannot be written: {error}");
                    RequestError::Internal
                })?;
                (StatusCode::OK, OPEN_METRICS, text)
            }
        };
        let mut response = json_response(status, content_type, body);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Ok(response)
    }

    async fn reload(&self, head: &Parts) -> Result<Response<WasiBody>, RequestError> {
        if head.method != Method::POST {
            return Err(RequestError::MethodNotAllowed { allow: "POST" });
        }
        let key = head.headers.get(HEADER).and_then(|key| key.to_str().ok());
        let knows = |key| {
            self.operator
                .as_ref()
                .is_some_and(|operator| operator.knows(key))
        };
        Ok(match key.is_some_and(knows) {
            true => reloaded(self.reloads.ask().await),
            false => problem(
                StatusCode::UNAUTHORIZED,
                "X-API-Key must be an operator's key, from `trm admin key` where the host runs",
            ),
        })
    }

    async fn origin_answers(&self) -> bool {
        match self.stores.origin.ping(Instant::now() + PING).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("the origin does not answer: {error}");
                false
            }
        }
    }

    async fn ready(&self) -> (StatusCode, &'static str, String) {
        let stopping = self.stopping.load(Relaxed);
        let loaded = self.loaded.load(Relaxed);
        let origin = !stopping && self.origin_answers().await;
        let ready = loaded && origin;
        let status = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let body =
            json!({"ready": ready, "loaded": loaded, "stopping": stopping, "origin": origin});
        (status, JSON, body.to_string())
    }

    async fn api_health(&self, router: &Router) -> (StatusCode, &'static str, String) {
        let origin = self.origin_answers().await;
        let cache = self.stores.cache.health();
        let routes: Vec<_> = router
            .routes()
            .iter()
            .map(|route| json!({"route": &*route.pattern, "function": &**route.pool.function()}))
            .collect();
        let body = json!({
            "status": if origin { "ok" } else { "degraded" },
            "version": env!("CARGO_PKG_VERSION"),
            "uptimeSeconds": self.began.elapsed().as_secs(),
            "origin": {"kind": self.stores.origin.kind(), "connected": origin},
            "cache": cache,
            "routes": routes,
        });
        let status = if origin {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (status, JSON, body.to_string())
    }
}

const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
