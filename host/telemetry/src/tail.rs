//! The last lines of the log, kept in memory for the console; writes none.

use super::redact::Redacting;
use super::request;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How many lines are kept, and how much of each.
const LINES: usize = 400;
const LENGTH: usize = 600;

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Counted from 1.
    pub number: u64,
    /// In milliseconds.
    pub at: u64,
    /// error, warn, info, debug or trace.
    pub level: &'static str,
    /// The function that it is of, where there is one.
    pub function: Option<String>,
    /// What was said.
    pub text: String,
}

static KEPT: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// The lines after a number, as far as they are kept.
pub fn after(number: u64) -> Vec<Line> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter()
        .filter(|line| line.number > number)
        .cloned()
        .collect()
}

/// Keeps what is logged.
pub struct Tail(pub Redacting);

impl<S: Subscriber> Layer<S> for Tail {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let function = said.function.or_else(|| {
            let request = request::current()?;
            request.function().map(|function| function.to_string())
        });
        let text = self.0.clean(&said.text).chars().take(LENGTH).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warn",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG => "debug",
            tracing::Level::TRACE => "trace",
        };
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.back().map_or(1, |line| line.number + 1);
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(Line {
            number,
            at: now.map_or(0, |now| now.as_millis() as u64),
            level,
            function,
            text,
        });
    }
}

#[derive(Default)]
struct Said {
    function: Option<String>,
    text: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.text.insert_str(0, &format!("{value:?}")),
            "function" => self.function = Some(format!("{value:?}")),
            name => self.text.push_str(&format!(" {name}={value:?}")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "function" => self.function = Some(value.to_owned()),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }
}
