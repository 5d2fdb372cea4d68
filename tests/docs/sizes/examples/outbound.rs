//! Sends a request to another host.

use std::time::Duration;
use trm_sdk::{Answer, Request, outbound, response};

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    let patience = Duration::from_secs(1);
    let status = outbound::post("http://a.example/", &[], String::new(), patience).await;
    response::json(&status.ok())
}
