//! Runs by a schedule: says how many @things@ there are; serves nobody.

use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, metrics, response};

const KEPT: Collection = collection("@things@");

trm_sdk::function!(@function@);

async fn @function@(request: Request) -> Answer {
    match *request.method() {
        Method::POST => run().await,
        _ => Err(Problem::method("POST")),
    }
}

async fn run() -> Answer {
    let count = KEPT.count(doc! {}).await?;
    metrics::gauge(&metric("@things@"), count as f64, &[]).await;
    println!("there are {count} @things@");
    Ok(response::no_content())
}

/// Metrics are named by letters, digits and underscores.
fn metric(things: &str) -> String {
    format!("{}_count", things.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::metric;

    #[test]
    fn a_metric_has_no_hyphen() {
        assert_eq!(metric("old-notes"), "old_notes_count");
    }
}
