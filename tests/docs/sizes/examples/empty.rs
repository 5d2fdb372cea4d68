//! A function that answers 204 and uses nothing else.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    Ok(response::no_content())
}
