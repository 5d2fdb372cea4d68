//! The log: readable lines on a terminal, JSON in production, each with its request; keeps no file.

use super::redact::Redacting;
use super::request;
use super::tail::Tail;
use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// How the log is written.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// error, warn, info, debug or trace.
    pub level: String,
    /// JSON lines instead of readable ones.
    pub json: bool,
    /// Escape sequences for a terminal.
    pub color: bool,
    /// Keeps the last lines for a console.
    pub keep_tail: bool,
    /// What no line shows.
    pub secrets: Vec<String>,
}

/// Starts the log of this process.
pub fn init(settings: &LogSettings) {
    let level = settings.level.parse().unwrap_or(LevelFilter::INFO);
    // The host's crates begin with `trm_`, and a target covers every one that begins with it.
    let filter = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("trm_", level)
        .with_target("guest", level);
    let redacting = Redacting::new(&settings.secrets);
    let tail = settings.keep_tail.then(|| Tail(redacting.clone()));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(settings.color)
        .with_writer(redacting);
    let log = tracing_subscriber::registry().with(filter).with(tail);
    if settings.json {
        request::watch();
        log.with(lines.event_format(Json)).init();
    } else {
        log.with(lines.compact()).init();
    }
}

/// One object a line: the time, the level, where from, what was said, and for which request.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Fields(Map::new());
        line.0.insert("timestamp".to_owned(), time.into());
        let level = event.metadata().level().as_str();
        line.0.insert("level".to_owned(), level.into());
        let target = event.metadata().target();
        line.0.insert("target".to_owned(), target.into());
        if let Some(request) = request::current() {
            line.0.insert("request_id".to_owned(), request.id().into());
            let trace = request.trace_id();
            line.0.insert("trace_id".to_owned(), trace.into());
            if let Some(function) = request.function() {
                line.0.insert("function".to_owned(), (&**function).into());
            }
        }
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}").into();
        self.0.insert(field.name().to_owned(), text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
