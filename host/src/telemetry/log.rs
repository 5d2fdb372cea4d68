//! The log: readable lines on a terminal, JSON in production, each with its request; keeps no file.

use super::redact::Redacting;
use super::request;
use super::tail::Tail;
use crate::config::Config;
use crate::config::Mode;
use serde_json::{Map, Value};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log as the configuration says.
pub fn init(config: &Config) {
    let filter = EnvFilter::new(format!("warn,trm_host={0},guest={0}", config.log_level));
    let redacting = Redacting::new(&config.secrets);
    // Only a console shows the last lines again.
    let shown = config.console_token.is_some() || config.mode == Mode::Dev;
    let tail = shown.then(|| Tail(redacting.clone()));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(redacting);
    if config.log_json {
        request::watch();
        log.event_format(Json).finish().with(tail).init();
    } else {
        log.compact().finish().with(tail).init();
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
