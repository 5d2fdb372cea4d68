//! Runs by a schedule: hands each event on to caches, metrics and webhooks, and sends what is due; serves nobody.

mod deliver;
mod fan_out;

use trm_sdk::bson::DateTime;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{response, time};

/// How long one run claims new work; what is left is the next run's.
const RUN_MS: i64 = 3_000;
/// How long a claim holds: longer than a run may take, so that no two hosts do the same at one time.
const LEASE_MS: i64 = 30_000;

trm_sdk::function!(events_dispatch);

async fn events_dispatch(request: Request) -> Answer {
    match *request.method() {
        Method::POST => {
            let end = after(time::now(), RUN_MS);
            fan_out::all(end).await?;
            deliver::all(end).await?;
            Ok(response::no_content())
        }
        _ => Err(Problem::method("POST")),
    }
}

fn after(date: DateTime, milliseconds: i64) -> DateTime {
    DateTime::from_millis(date.timestamp_millis() + milliseconds)
}
