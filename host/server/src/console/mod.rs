//! The console: one page for who runs this host, live, with a few buttons; serves no function and is no part of the API.

mod access;
mod follow;
mod live;
mod samples;
mod seats;

use crate::reloads::Reloads;
use crate::reloads::reloaded;
pub use access::Access;
use arc_swap::ArcSwap;
pub use follow::tell;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use seats::Seats;
use serde::{Serialize, Serializer};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_runtime::error::RequestError;
use trm_runtime::error::json_response;
use trm_runtime::error::problem;
use trm_runtime::error::whole;
use trm_runtime::pool::Start;
use trm_stores::Stores;
use trm_telemetry::metrics::Metrics;
use wasmtime_wasi_http::WasiBody;

/// Its path; everything under it is its own.
pub const PATH: &str = "/console";
/// How long an invalidation may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Nothing but its own files, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// One function as it is served.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its paths.
    pub routes: Vec<String>,
    /// The beginning of its component's digest.
    pub version: String,
    /// How often the host calls it itself, in seconds.
    pub schedule: Option<u64>,
    /// What it took to make it ready; empty until then.
    #[serde(serialize_with = "started")]
    pub start: Arc<OnceLock<Start>>,
}

fn started<S: Serializer>(start: &OnceLock<Start>, to: S) -> Result<S::Ok, S::Error> {
    start.get().serialize(to)
}

/// What the console shows, and who may see it.
pub struct Console {
    access: Access,
    stores: Arc<Stores>,
    metrics: Arc<Metrics>,
    functions: ArcSwap<Vec<Listed>>,
    seats: Seats,
    began: Instant,
    stopping: AtomicBool,
    reloads: Arc<Reloads>,
    /// Whose requests are followed call by call: the page's, which is told it.
    follow_key: String,
    latest: live::Latest,
}

impl Console {
    /// A console of these stores and metrics.
    pub fn new(
        access: Access,
        stores: Arc<Stores>,
        metrics: Arc<Metrics>,
        reloads: Arc<Reloads>,
    ) -> Arc<Self> {
        let seats = Seats::new(&metrics);
        Arc::new(Self {
            access,
            stores,
            metrics,
            functions: ArcSwap::default(),
            seats,
            began: Instant::now(),
            stopping: AtomicBool::new(false),
            reloads,
            follow_key: follow::key(),
            latest: live::Latest::default(),
        })
    }

    /// What is served from now on.
    pub fn serving(&self, functions: Vec<Listed>) {
        self.functions.store(Arc::new(functions));
    }

    /// Ends every live page, as the host ends.
    pub fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether a path is the console's. Where it is off, none is.
    pub fn owns(&self, path: &str) -> bool {
        let under = path.strip_prefix(PATH);
        under.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && !matches!(self.access, Access::Off)
    }

    /// Answers a request to one of its paths.
    pub async fn answer(
        self: &Arc<Self>,
        head: &Parts,
    ) -> Result<Response<WasiBody>, RequestError> {
        let path = head.uri.path();
        let action = path.strip_prefix(PATH).unwrap_or(path);
        let file = match action {
            "" | "/" => Some(("text/html; charset=utf-8", include_str!("page.html"))),
            "/page.css" => Some(("text/css; charset=utf-8", include_str!("page.css"))),
            "/page.js" => Some(("text/javascript; charset=utf-8", include_str!("page.js"))),
            "/parts.js" => Some(("text/javascript; charset=utf-8", include_str!("parts.js"))),
            _ => None,
        };
        let mut response = match file {
            Some((kind, text)) if self.access.shows_page(head) => {
                get(head)?;
                json_response(StatusCode::OK, kind, text)
            }
            _ => self.act(action, head).await?,
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }

    /// What is not a file: it needs a sign-in, except for the sign-in.
    async fn act(
        self: &Arc<Self>,
        action: &str,
        head: &Parts,
    ) -> Result<Response<WasiBody>, RequestError> {
        if action == "/sign-in" {
            post(head)?;
            return Ok(self.access.sign_in(head));
        }
        if action == "/signed-in" {
            let signed_in = self.access.allows(head);
            let key = signed_in.then_some(&self.follow_key);
            let body = serde_json::json!({"signedIn": signed_in, "followKey": key});
            return Ok(json_response(
                StatusCode::OK,
                "application/json",
                body.to_string(),
            ));
        }
        if !self.access.allows(head) {
            return Ok(problem(
                StatusCode::UNAUTHORIZED,
                "sign in with TRM_CONSOLE_TOKEN",
            ));
        }
        match action {
            "/live" => {
                get(head)?;
                let seat = self.seats.take().ok_or(RequestError::Saturated {
                    what: "the console",
                })?;
                Ok(live::stream(self.clone(), seat))
            }
            "/invalidate" => {
                post(head)?;
                Ok(self.invalidate(head.uri.query().unwrap_or_default()).await)
            }
            "/reload" => {
                post(head)?;
                Ok(reloaded(self.reloads.ask().await))
            }
            _ => Err(RequestError::NoRoute {
                path: head.uri.path().to_owned(),
            }),
        }
    }

    async fn invalidate(&self, query: &str) -> Response<WasiBody> {
        let until = Instant::now() + PATIENCE;
        let cache = &self.stores.cache;
        let Some((kind, value)) = query.split_once('=') else {
            return problem(StatusCode::BAD_REQUEST, "tag=… or pattern=…");
        };
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        let done = match kind {
            "tag" => cache.invalidate_tag(&value, until).await,
            "pattern" => cache.invalidate_pattern(&value, until).await,
            _ => return problem(StatusCode::BAD_REQUEST, "tag=… or pattern=…"),
        };
        match done {
            Ok(()) => whole(StatusCode::NO_CONTENT, ""),
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }
}

fn get(head: &Parts) -> Result<(), RequestError> {
    match head.method {
        Method::GET => Ok(()),
        _ => Err(RequestError::MethodNotAllowed { allow: "GET" }),
    }
}

fn post(head: &Parts) -> Result<(), RequestError> {
    match head.method {
        Method::POST => Ok(()),
        _ => Err(RequestError::MethodNotAllowed { allow: "POST" }),
    }
}
