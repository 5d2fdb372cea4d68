//! One request from its head to its answer, outside of any connection; the order of the whole host.

use crate::endpoints::Endpoint;
use crate::endpoints::Endpoints;
use crate::error::RequestError;
use crate::metrics::Metrics;
use crate::metrics::RequestLabels;
use crate::metrics::method_label;
use crate::router::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi_http::WasiBody;

/// How long a client may take to send a whole body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What answers requests: the host's own endpoints, then the manifest's routes.
pub struct Service {
    router: Router,
    endpoints: Endpoints,
    metrics: Arc<Metrics>,
    slow: Duration,
}

impl Service {
    /// Requests slower than `slow` are logged.
    pub fn new(
        router: Router,
        endpoints: Endpoints,
        metrics: Arc<Metrics>,
        slow: Duration,
    ) -> Self {
        Self {
            router,
            endpoints,
            metrics,
            slow,
        }
    }

    /// The routes that this service answers.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The host's own endpoints.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Answers any request; a failure is an answer too.
    pub async fn answer<B>(&self, request: Request<B>, client: SocketAddr) -> Response<WasiBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let began = Instant::now();
        let method = method_label(request.method());
        let (function, route, answer) = self.dispatch(request, client).await;
        let response = answer.unwrap_or_else(RequestError::into_response);
        let took = began.elapsed();
        let status = response.status().as_u16();
        if took >= self.slow {
            tracing::warn!(%function, %route, method, status, ms = took.as_millis() as u64, "SLOW REQUEST");
        }
        self.metrics.answered(
            RequestLabels {
                function,
                route,
                method,
                status,
            },
            took,
        );
        response
    }

    async fn dispatch<B>(
        &self,
        request: Request<B>,
        client: SocketAddr,
    ) -> (Arc<str>, Arc<str>, Result<Response<WasiBody>, RequestError>)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(endpoint) = Endpoint::of(request.uri().path()) {
            let answer = self
                .endpoints
                .answer(endpoint, request.method(), &self.router)
                .await;
            return ("host".into(), endpoint.path().into(), answer);
        }
        let Some(found) = self.router.find(request.uri().path()) else {
            let path = request.uri().path().to_owned();
            return (
                "host".into(),
                "none".into(),
                Err(RequestError::NoRoute { path }),
            );
        };
        let route = found.route.clone();
        let (mut head, body) = request.into_parts();
        found.describe(&head.uri, client, &mut head.headers);
        let answer = match collect(body, route.pool.limits().max_body).await {
            Ok(body) => route.pool.run(Request::from_parts(head, body)).await,
            Err(error) => Err(error),
        };
        (route.pool.function().clone(), route.pattern.clone(), answer)
    }
}

/// The whole body, so that a guest's deadline never runs while a client still sends.
async fn collect<B>(body: B, limit: usize) -> Result<WasiBody, RequestError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // A declared length over the limit is refused before a byte of it is read.
    if body.size_hint().lower() > limit as u64 {
        return Err(RequestError::BodyTooLarge { limit });
    }
    let collected = if body.is_end_stream() {
        Bytes::new()
    } else {
        tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect())
            .await
            .map_err(|_| RequestError::BodyIncomplete {
                reason: "it took too long",
            })?
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => RequestError::BodyTooLarge { limit },
                false => RequestError::BodyIncomplete {
                    reason: "the connection broke off",
                },
            })?
            .to_bytes()
    };
    Ok(WasiBody::new(
        Full::new(collected).map_err(|never| match never {}),
    ))
}
