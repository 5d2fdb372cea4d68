//! Reads a variable.

use trm_sdk::{Answer, Request, response, variables};

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    response::json(&variables::get("greeting").await?)
}
