//! Counts within a window.

use std::time::Duration;
use trm_sdk::{Answer, Request, counter, response};

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    counter::add("requests:a", 1, Duration::from_secs(60)).await?;
    Ok(response::no_content())
}
