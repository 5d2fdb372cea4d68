//! Calls functions by the schedule of the manifest, with nobody asking; a run that is late is not made up for.

use crate::error::json_response;
use crate::handler::Incoming;
use crate::pool::Pool;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use trm_telemetry::metrics::Metrics;
use trm_telemetry::metrics::RequestLabels;

/// What such a request is for, in place of a path.
const TARGET: &str = "/scheduled";
/// How often what is due is looked for: no schedule is finer.
const TICK: Duration = Duration::from_secs(1);

/// One function and how often it is called.
pub struct Scheduled {
    /// The function's workers.
    pub pool: Arc<Pool>,
    /// From the begin of one run to the begin of the next.
    pub period: Duration,
}

/// Runs what is scheduled until `stopped`; runs in flight may then end. Runs of one function on one
/// host do not overlap; those of several hosts do, so a function claims what it works on.
pub async fn run(
    current: impl AsyncFn() -> Vec<Scheduled>,
    metrics: Arc<Metrics>,
    stopped: impl Future<Output = ()>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopped = std::pin::pin!(stopped);
    let mut runs: HashMap<Arc<str>, (Instant, JoinHandle<()>)> = HashMap::new();
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        for Scheduled { pool, period } in current().await {
            let name = pool.function().clone();
            let due = runs
                .get(&name)
                .is_none_or(|(began, run)| run.is_finished() && began.elapsed() >= period);
            if due {
                let run = tokio::spawn(call(pool, metrics.clone()));
                runs.insert(name, (Instant::now(), run));
            }
        }
    }
    for (name, (_, run)) in runs {
        if let Err(error) = run.await {
            tracing::error!(function = %name, "a scheduled run ended badly: {error}");
        }
    }
}

async fn call(pool: Arc<Pool>, metrics: Arc<Metrics>) {
    let began = Instant::now();
    let mut head = Request::new(()).into_parts().0;
    head.method = Method::POST;
    head.uri = http::Uri::from_static(TARGET);
    let incoming = Incoming {
        head,
        body: Bytes::new(),
        client: "127.0.0.1:0".into(),
        route: TARGET.into(),
        parameters: Vec::new(),
        rest: String::new(),
    };
    let response = match pool.run(incoming).await {
        Ok(response) => response,
        Err(error) => {
            let status = error.status();
            json_response(status, "text/plain", error.to_string())
        }
    };
    let status = response.status();
    let labels = RequestLabels {
        function: pool.function().clone(),
        route: TARGET.into(),
        method: "POST",
        status: status.as_u16(),
    };
    metrics.series(&labels).answered(began.elapsed(), None);
    if status >= StatusCode::BAD_REQUEST {
        let body = response.into_body().collect().await;
        let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        tracing::warn!(function = %pool.function(), %status, "a scheduled run failed: {}", text.unwrap_or_default());
    }
}
