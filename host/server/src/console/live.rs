//! The console's numbers and log as server-sent events, one each second; keeps nothing for who does not read.

use super::Console;
use super::samples::Numbers;
use super::seats::Seat;
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior};
use trm_telemetry::tail;
use wasmtime_wasi_http::{Error, WasiBody};

const PERIOD: Duration = Duration::from_secs(1);
/// Keys of L1 that are shown.
const HOTTEST: usize = 10;

/// What all pages show of one moment.
#[derive(Default)]
pub(super) struct Latest(Mutex<Option<(Instant, Arc<Value>)>>);

impl Console {
    /// All metrics are written and all of L1 is looked through for it, so once for all pages.
    fn sample(&self) -> Arc<Value> {
        let mut latest = self.latest.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, sample)) = &*latest
            && at.elapsed() < PERIOD / 2
        {
            return sample.clone();
        }
        let text = self.metrics.text().unwrap_or_else(|error| {
            tracing::error!("metrics cannot be written: {error}");
            String::new()
        });
        let sample = Arc::new(json!({
            "numbers": Numbers::read(&text, &self.functions.load()),
            "hottest": self.stores.cache.hottest(HOTTEST),
        }));
        *latest = Some((Instant::now(), sample.clone()));
        sample
    }
}

/// One page that is kept up to date.
struct Page {
    console: Arc<Console>,
    ticks: Interval,
    /// The last line of the log that it was sent.
    seen: u64,
    _seat: Seat,
}

/// An endless answer. The next event is made when the last has been taken, so a slow reader queues none.
pub(super) fn stream(console: Arc<Console>, seat: Seat) -> Response<WasiBody> {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let page = Page {
        console,
        ticks,
        seen: 0,
        _seat: seat,
    };
    let events = futures::stream::unfold(page, |mut page| async move {
        page.ticks.tick().await;
        if page.console.stopping.load(Relaxed) {
            return None;
        }
        let event = Bytes::from(format!("data: {}\n\n", page.event()));
        Some((Ok::<_, Error>(Frame::data(event)), page))
    });
    let mut response = Response::new(StreamBody::new(events).boxed_unsync());
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Page {
    fn event(&mut self) -> Value {
        let console = &self.console;
        let sample = console.sample();
        let lines = tail::after(self.seen);
        self.seen = lines.last().map_or(self.seen, |line| line.number);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptimeSeconds": console.began.elapsed().as_secs(),
            "origin": console.stores.origin.kind(),
            "numbers": sample["numbers"],
            "hottest": sample["hottest"],
            "log": lines,
        })
    }
}
