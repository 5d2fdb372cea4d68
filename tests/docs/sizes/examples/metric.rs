//! Records a business metric.

use trm_sdk::{Answer, Request, metrics, response};

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    metrics::increment("request.seen", &[("kind", "a")]).await;
    Ok(response::no_content())
}
