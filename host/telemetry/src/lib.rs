//! Logs, traces, metrics and StatsD of the TRM host, and the identity of the request that each line belongs to.
//!
//! Invariant: telemetry observes requests and never decides how one is answered. It depends on no store and not on Wasmtime.

pub mod business;
pub mod chance;
pub mod log;
pub mod metrics;
pub mod otlp;
mod otlp_json;
pub mod process_metrics;
pub mod redact;
pub mod request;
pub mod statsd;
pub mod tail;
mod tls;
pub mod traceparent;
pub mod upstream;
