//! A shared HTTP cache (RFC 9111) over a tiered cache: whole responses under `api:{endpoint}`, with validators, variants,
//! `stale-while-revalidate` and `stale-if-error`.
//!
//! Invariant: a response is stored and served only as RFC 9111 allows. This crate depends on no store driver and runs no guest.
//!
//! It stands before anything that answers HTTP requests:
//!
//! ```
//! use bytes::Bytes;
//! use http::{HeaderMap, Request, Response};
//! use http_body_util::Full;
//! use std::convert::Infallible;
//! use std::error::Error;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use std::time::{Duration, Instant};
//! use trm_cache::{Cache, CacheSettings};
//! use trm_http_cache::{Edge, Origin, Served};
//!
//! /// Counts the requests that reach it.
//! #[derive(Clone, Default)]
//! struct Counting(Arc<AtomicU32>);
//!
//! impl Origin for Counting {
//!     type Body = Full<Bytes>;
//!     type Error = Infallible;
//!
//!     async fn run(
//!         &self,
//!         _: Option<HeaderMap>,
//!         _: Instant,
//!     ) -> Result<Response<Self::Body>, Infallible> {
//!         let request = self.0.fetch_add(1, Ordering::Relaxed) + 1;
//!         let mut response = Response::new(Full::from(format!("request {request}")));
//!         let control = "public, max-age=60".parse().expect("a header's value");
//!         response.headers_mut().insert("cache-control", control);
//!         Ok(response)
//!     }
//!
//!     // A body in memory arrives whole: these two are for bodies that stream.
//!     fn rejoin(_: Bytes, rest: Self::Body) -> Self::Body {
//!         rest
//!     }
//!
//!     fn broken(&self) -> Infallible {
//!         unreachable!("a body in memory does not break off")
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let edge = Edge::new(Cache::new(CacheSettings::default())?);
//!     let (route, origin): (Arc<str>, _) = ("/clock".into(), Counting::default());
//!     let (head, ()) = Request::get("/clock").body(())?.into_parts();
//!     let deadline = Instant::now() + Duration::from_secs(1);
//!
//!     // The first answer says that answers of this route may be stored, the second one is.
//!     for _ in 0..2 {
//!         edge.answer(&route, &head, deadline, origin.clone()).await?;
//!     }
//!     let Served::Kept(response) = edge.answer(&route, &head, deadline, origin.clone()).await? else {
//!         return Err("it was not stored".into());
//!     };
//!     assert_eq!(response.body(), "request 2");
//!     assert!(response.headers().contains_key("age"));
//!     assert_eq!(origin.0.load(Ordering::Relaxed), 2);
//!     Ok(())
//! }
//! ```

mod answer;
pub mod directives;
mod fetch;
pub mod range;
mod read;
mod revalidate;
pub mod rules;
pub mod stored;

use self::answer::key;
use self::answer::key_beside;
use self::answer::tag;
use self::directives::Directives;
use self::read::Request;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Instant;
use trm_cache::Cache;

/// What answers where the cache does not: one request to one function, which can be repeated.
pub trait Origin: Clone + Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Fault>> + Send + Unpin + 'static;
    /// Why it has none.
    type Error: Send + 'static;
    /// Answers by the deadline, with these headers in place of the request's own.
    fn run(
        &self,
        headers: Option<HeaderMap>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
    /// A body whose beginning was read already.
    fn rejoin(read: Bytes, rest: Self::Body) -> Self::Body;
    /// The failure of an answer whose body did not arrive whole.
    fn broken(&self) -> Self::Error;
}

/// An answer: one that is kept, or the function's own.
#[derive(Debug)]
pub enum Served<B> {
    /// From a tier, or just stored.
    Kept(Response<Bytes>),
    /// As the function gave it.
    Passed(Response<B>),
}

/// What a request meets at the edge before anything is awaited.
#[derive(Debug)]
pub enum Met {
    /// Nothing, and nothing is looked up: the route of a read has given no answer yet that may be stored, or the
    /// client wants neither a stored answer nor its own stored.
    Nothing,
    /// A fresh answer in this host's memory.
    Fresh(Response<Bytes>),
    /// What only [`Edge::answer`] can tell.
    More,
}

/// Why a body broke off.
type Fault = Box<dyn std::error::Error + Send + Sync>;
type Outcome<O> = Result<Served<<O as Origin>::Body>, <O as Origin>::Error>;

/// The edge cache of a host.
pub struct Edge {
    cache: Cache,
    /// Routes that gave an answer which may be stored, each with the cache in which its answers have their
    /// own share. Nobody waits for another on any other route.
    routes: RwLock<HashMap<Arc<str>, Cache>>,
}

impl Edge {
    /// In the tiers of `cache`.
    pub fn new(cache: Cache) -> Self {
        Self {
            cache,
            routes: RwLock::default(),
        }
    }

    /// Answers a request of a route from the tiers, or through `origin`.
    pub async fn answer<O: Origin>(
        &self,
        route: &Arc<str>,
        head: &Parts,
        deadline: Instant,
        origin: O,
    ) -> Outcome<O> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return self.written(head, deadline, origin).await;
        }
        let Some(cache) = self.of_route(route) else {
            let response = origin.run(None, deadline).await?;
            self.learn(route, &head.method, response.status(), response.headers());
            return Ok(Served::Passed(response));
        };
        let request = Request {
            cache,
            head,
            asked: Directives::of(&head.headers),
            primary: key(head),
            deadline,
            origin,
        };
        read::read(request).await
    }

    /// What a request meets: most are settled by this, for which nothing is copied and nobody waits.
    pub fn meet(&self, route: &Arc<str>, head: &Parts) -> Met {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Met::More;
        }
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let Some(cache) = routes.get(route) else {
            return Met::Nothing;
        };
        let asked = Directives::of(&head.headers);
        if asked.refuse_stored() {
            return Met::Nothing;
        }
        read::at_once(cache, head, &asked).map_or(Met::More, Met::Fresh)
    }

    fn looks_up(&self, route: &Arc<str>) -> bool {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.contains_key(route)
    }

    fn of_route(&self, route: &Arc<str>) -> Option<Cache> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.get(route).cloned()
    }

    /// An answer that may be stored makes its route one that is looked up from now on.
    pub fn learn(&self, route: &Arc<str>, method: &Method, status: StatusCode, said: &HeaderMap) {
        let says = |name| said.contains_key(name);
        let storable = says(header::CACHE_CONTROL)
            || says(header::EXPIRES)
            || says(directives::SURROGATE_CONTROL);
        if storable
            && !self.looks_up(route)
            && rules::store(method, &HeaderMap::new(), status, said).is_ok()
        {
            let cache = self.cache.owned_by(&format!("edge {route}").into());
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            routes.insert(route.clone(), cache);
        }
    }

    /// A write that did not fail invalidates what is stored of its address, and of those on this host that
    /// its answer names: RFC 9111 section 4.4.
    async fn written<O: Origin>(&self, head: &Parts, deadline: Instant, origin: O) -> Outcome<O> {
        let response = origin.run(None, deadline).await?;
        let status = response.status();
        let safe = matches!(head.method, Method::OPTIONS | Method::TRACE);
        if !safe && (status.is_success() || status.is_redirection()) {
            let named = [header::LOCATION, header::CONTENT_LOCATION];
            let named = named.iter().filter_map(|name| {
                let address = response.headers().get(name)?;
                key_beside(head, address)
            });
            let mut written: Vec<String> = named.chain([key(head)]).collect();
            written.dedup();
            for address in written {
                let invalidated = self.cache.invalidate_tag(&tag(&address), deadline).await;
                if let Err(error) = invalidated {
                    tracing::error!("an address cannot be invalidated: {error}");
                }
            }
        }
        Ok(Served::Passed(response))
    }
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
