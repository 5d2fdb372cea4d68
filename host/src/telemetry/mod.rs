//! What a host tells of itself beside metrics: logs, traces, StatsD; never decides how a request goes.

pub mod log;
pub mod otlp;
mod otlp_json;
pub mod redact;
pub mod request;
pub mod statsd;
pub mod tail;
mod tls;
mod traceparent;
pub mod upstream;
