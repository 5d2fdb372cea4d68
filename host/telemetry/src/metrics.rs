//! Every metric that the host exports, by its exported name; never decides anything.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// One answered request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// The component's name, or `host`.
    pub function: Arc<str>,
    /// The route's pattern, never the raw path.
    pub route: Arc<str>,
    /// The method, `OTHER` where it is not a standard one.
    pub method: &'static str,
    /// The status code.
    pub status: u16,
}

/// The series of one function.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct FunctionLabels {
    /// The component's name.
    pub function: Arc<str>,
}

/// Why an instance ended before its time.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct TrapLabels {
    /// The component's name.
    pub function: Arc<str>,
    /// `deadline`, `memory` or `trap`.
    pub kind: &'static str,
}

/// The trace of one observation.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct TraceLabels {
    /// In hexadecimal.
    pub trace_id: String,
}

/// Durations, each bucket with the trace of its newest.
pub type Traced = HistogramWithExemplars<TraceLabels>;

/// The host's metrics and the registry that they stand in.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// http_requests_total
    pub requests: Family<RequestLabels, Counter>,
    /// http_request_duration_seconds, with the trace of a slow one
    pub duration: Family<RequestLabels, Traced, fn() -> Traced>,
    /// trm_queue_wait_seconds
    pub queue: Family<FunctionLabels, Histogram, fn() -> Histogram>,
    /// trm_guest_duration_seconds
    pub guest: Family<FunctionLabels, Histogram, fn() -> Histogram>,
    /// trm_function_memory_bytes
    pub memory: Family<FunctionLabels, Gauge>,
    /// trm_function_table_elements
    pub elements: Family<FunctionLabels, Gauge>,
    /// trm_function_handles
    pub handles: Family<FunctionLabels, Gauge>,
    /// trm_function_body_bytes
    pub bodies: Family<FunctionLabels, Gauge>,
    /// trm_concurrency_limit
    pub limit: Family<FunctionLabels, Gauge>,
    /// trm_guest_log_dropped_total
    pub log_dropped: Family<FunctionLabels, Counter>,
    /// trm_requests_in_flight
    pub in_flight: Family<FunctionLabels, Gauge>,
    /// trm_requests_shed_total
    pub shed: Family<FunctionLabels, Counter>,
    /// trm_instances
    pub instances: Family<FunctionLabels, Gauge>,
    /// trm_instances_evicted_total
    pub evicted: Family<FunctionLabels, Counter>,
    /// trm_load_duration_seconds
    pub load: Family<FunctionLabels, Histogram, fn() -> Histogram>,
    /// trm_instantiate_duration_seconds
    pub instantiate: Family<FunctionLabels, Histogram, fn() -> Histogram>,
    /// trm_traps_total
    pub traps: Family<TrapLabels, Counter>,
    /// trm_connections
    pub connections: Gauge,
    /// trm_console_pages
    pub pages: Gauge,
}

/// 100 µs to 13 s, twice as long each.
fn edges() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(0.0001), |edge| Some(edge * 2.0)).take(18)
}

/// 100 µs to 13 s, twice as long each.
pub fn seconds() -> Histogram {
    Histogram::new(edges())
}

fn traced_seconds() -> Traced {
    Traced::new(edges())
}

/// 1 µs to 1 s, four times as long each.
fn instantiate_seconds() -> Histogram {
    Histogram::new(std::iter::successors(Some(0.000_001), |edge| Some(edge * 4.0)).take(11))
}

/// Answers with the same labels.
pub struct Series {
    requests: Counter,
    duration: Traced,
}

impl Series {
    /// Counts one answered request, with its trace where somebody keeps that.
    pub fn answered(&self, took: Duration, trace: Option<String>) {
        let trace = trace.map(|trace_id| TraceLabels { trace_id });
        self.duration.observe(took.as_secs_f64(), trace, None);
        self.requests.inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let duration: Family<_, _, fn() -> Traced> = Family::new_with_constructor(traced_seconds);
        let queue: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(seconds);
        let guest: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(seconds);
        let (memory, limit, log_dropped) =
            (Family::default(), Family::default(), Family::default());
        let (elements, handles, bodies) = (Family::default(), Family::default(), Family::default());
        let load: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(seconds);
        let instantiate: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(instantiate_seconds);
        let (in_flight, shed) = (Family::default(), Family::default());
        let (instances, evicted) = (Family::default(), Family::default());
        let (traps, connections, pages) = (Family::default(), Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From the whole request to the head of the response",
            duration.clone(),
        );
        registry.register(
            "trm_queue_wait_seconds",
            "From the whole request to the guest's first step",
            queue.clone(),
        );
        registry.register(
            "trm_guest_duration_seconds",
            "From the guest's first step to the head of its response",
            guest.clone(),
        );
        registry.register(
            "trm_function_memory_bytes",
            "Linear memory of a function's instances",
            memory.clone(),
        );
        registry.register(
            "trm_function_table_elements",
            "Elements of the tables of a function's instances",
            elements.clone(),
        );
        registry.register(
            "trm_function_handles",
            "Resources that a function's instances held after the last request of each",
            handles.clone(),
        );
        registry.register(
            "trm_function_body_bytes",
            "Bytes of whole request and response bodies that the host holds for a function",
            bodies.clone(),
        );
        registry.register(
            "trm_concurrency_limit",
            "Requests that a function may handle at one time",
            limit.clone(),
        );
        registry.register(
            "trm_guest_log_dropped",
            "Lines of a function that its rate limit kept out of the log",
            log_dropped.clone(),
        );
        registry.register(
            "trm_requests_in_flight",
            "Requests in flight",
            in_flight.clone(),
        );
        registry.register(
            "trm_requests_shed",
            "Requests refused at a bound",
            shed.clone(),
        );
        registry.register("trm_instances", "Live instances", instances.clone());
        registry.register(
            "trm_instances_evicted",
            "Idle instances that ended to make room in a full host",
            evicted.clone(),
        );
        registry.register(
            "trm_load_duration_seconds",
            "Time to verify and map a function's code and to make its first instance",
            load.clone(),
        );
        registry.register(
            "trm_instantiate_duration_seconds",
            "Time to make one instance",
            instantiate.clone(),
        );
        registry.register(
            "trm_traps",
            "Instances that ended before their time",
            traps.clone(),
        );
        registry.register(
            "trm_connections",
            "Open client connections",
            connections.clone(),
        );
        registry.register(
            "trm_console_pages",
            "Pages of the console that are kept up to date",
            pages.clone(),
        );
        registry.register(
            "trm_build",
            "The running build",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        Self {
            registry: Mutex::new(registry),
            requests,
            duration,
            queue,
            guest,
            memory,
            elements,
            handles,
            bodies,
            limit,
            log_dropped,
            in_flight,
            shed,
            instances,
            evicted,
            load,
            instantiate,
            traps,
            connections,
            pages,
        }
    }
}

impl Metrics {
    /// Adds metrics that another module keeps.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The series of answers with these labels.
    pub fn series(&self, labels: &RequestLabels) -> Series {
        Series {
            requests: self.requests.get_or_create_owned(labels),
            duration: self.duration.get_or_create_owned(labels),
        }
    }

    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(
            &mut text,
            &self.registry.lock().unwrap_or_else(PoisonError::into_inner),
        )?;
        Ok(text)
    }
}

/// A method as a label; unknown ones share a label, so that a client cannot make series.
pub fn method_label(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
