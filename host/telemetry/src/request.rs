//! The request that the current task works for, for logs and traces; costs one branch where neither asks.

use super::otlp;
use super::traceparent;
use crate::chance::Chance;
use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt, TraceId, Tracer};
use opentelemetry::{Context, KeyValue};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Instant, SystemTime};
use tokio::task;

/// The client's or a proxy's own name of a request.
pub const REQUEST_ID: &str = "x-request-id";
/// A longer one is not taken over.
const MAX_ID: usize = 64;

/// One request, as logs and traces name it.
#[derive(Debug)]
pub struct Request {
    id: Option<Box<str>>,
    trace_id: TraceId,
    sampled: bool,
    function: OnceLock<Arc<str>>,
    span: Option<Context>,
}

/// A request where it is watched, else nothing.
pub type Watched = Option<Arc<Request>>;

static WATCHED: AtomicBool = AtomicBool::new(false);
/// Requests of tasks that drive instances: such a task outlives the request that it works for.
static WORKERS: LazyLock<Mutex<HashMap<task::Id, Arc<Request>>>> = LazyLock::new(Mutex::default);

tokio::task_local! { static CURRENT: Watched; }

/// From here on requests are followed. Called at start, by whoever needs it.
pub fn watch() {
    WATCHED.store(true, Relaxed);
}

/// A request that has begun.
pub fn begin(headers: &HeaderMap) -> Watched {
    if !WATCHED.load(Relaxed) {
        return None;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let parent = text(traceparent::HEADER).and_then(traceparent::read);
    let span = otlp::tracer().map(|tracer| {
        let caller = match &parent {
            Some(parent) => Context::new().with_remote_span_context(parent.clone()),
            None => Context::new(),
        };
        let span = tracer
            .span_builder("request")
            .with_kind(SpanKind::Server)
            .start_with_context(tracer, &caller);
        caller.with_span(span)
    });
    let own = span.as_ref().map(|span| span.span().span_context().clone());
    let context = own.as_ref().or(parent.as_ref());
    Some(Arc::new(Request {
        id: text(REQUEST_ID).filter(|id| is_id(id)).map(Box::from),
        trace_id: context.map_or_else(random_trace_id, SpanContext::trace_id),
        sampled: context.is_some_and(SpanContext::is_sampled),
        function: OnceLock::new(),
        span,
    }))
}

/// Runs a future for a request.
pub fn scope<F: Future>(request: Watched, future: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(request, future)
}

/// From here on the current task works for a request, until the guard is dropped.
pub fn enter(request: &Watched) -> Option<Entered> {
    let request = request.as_ref()?;
    // A task that is the request's own knows it already.
    if CURRENT.try_with(|_| ()).is_ok() {
        return None;
    }
    let id = task::try_id()?;
    let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    workers.insert(id, request.clone());
    Some(Entered(id))
}

/// Ends what `enter` began.
#[derive(Debug)]
pub struct Entered(task::Id);

impl Drop for Entered {
    fn drop(&mut self) {
        let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
        workers.remove(&self.0);
    }
}

/// The request that the current task works for.
pub fn current() -> Watched {
    if !WATCHED.load(Relaxed) {
        return None;
    }
    if let Ok(request) = CURRENT.try_with(Clone::clone) {
        return request;
    }
    let workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    workers.get(&task::try_id()?).cloned()
}

impl Request {
    /// What the client called it, else its trace.
    pub fn id(&self) -> String {
        match &self.id {
            Some(id) => id.to_string(),
            None => self.trace_id(),
        }
    }

    /// The trace, in hexadecimal.
    pub fn trace_id(&self) -> String {
        self.trace_id.to_string()
    }

    /// The trace, where somebody keeps it: what an exemplar names.
    pub fn sampled(&self) -> Option<String> {
        self.sampled.then(|| self.trace_id())
    }

    /// The function that answers it, once the router has named it.
    pub fn function(&self) -> Option<&Arc<str>> {
        self.function.get()
    }

    /// The router has named the function. The first name stays.
    pub fn named(&self, function: &Arc<str>) {
        self.function.get_or_init(|| function.clone());
    }

    /// One part of the request that began then and ends now.
    pub fn part(&self, name: &'static str, began: Instant) {
        if let (Some(span), Some(tracer)) = (&self.span, otlp::tracer()) {
            let part = tracer
                .span_builder(name)
                .with_kind(SpanKind::Internal)
                .with_start_time(SystemTime::now() - began.elapsed());
            // Dropping it ends it.
            drop(part.start_with_context(tracer, span));
        }
    }

    /// The request is answered.
    pub fn end(&self, function: &str, route: &str, method: &'static str, status: u16) {
        let Some(context) = &self.span else { return };
        let span = context.span();
        span.update_name(format!("{method} {route}"));
        span.set_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
            KeyValue::new("faas.name", function.to_string()),
        ]);
        if status >= 500 {
            span.set_status(Status::error(status.to_string()));
        }
        span.end();
    }

    /// Tells whoever is asked next which trace this is, and which request.
    pub fn propagate(&self, headers: &mut HeaderMap) {
        if let Some(span) = &self.span {
            let header = traceparent::write(span.span().span_context());
            if let Ok(value) = HeaderValue::from_str(&header) {
                headers.insert(traceparent::HEADER, value);
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(fits)
}

/// A number that no other request is likely to have: it names, it guards nothing.
fn random_trace_id() -> TraceId {
    thread_local!(static CHANCE: Cell<Chance> = Cell::new(Chance::new(RandomState::new().build_hasher().finish())));
    let mut chance = CHANCE.get();
    let (high, low) = (chance.number(), chance.number());
    CHANCE.set(chance);
    TraceId::from((u128::from(high) << 64) | u128::from(low) | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_knows_its_request_and_forgets_it() {
        watch();
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("abc-1"));
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert("traceparent", HeaderValue::from_static(header));
        let request = begin(&headers);
        let seen = scope(request.clone(), async { current().unwrap() }).await;
        assert_eq!(seen.id(), "abc-1");
        assert_eq!(seen.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(seen.sampled(), Some(seen.trace_id()));
        let worker = async move {
            let entered = enter(&request);
            assert_eq!(current().unwrap().id(), "abc-1");
            drop(entered);
            assert!(current().is_none());
        };
        tokio::spawn(worker).await.unwrap();
    }

    #[test]
    fn a_request_without_a_name_has_one_of_its_own() {
        watch();
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("a line\tbreaks"));
        let (one, other) = (begin(&headers).unwrap(), begin(&headers).unwrap());
        assert_eq!(one.id().len(), 32);
        assert_ne!(one.id(), other.id());
        assert_eq!(one.sampled(), None);
    }
}
