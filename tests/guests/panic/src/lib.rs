//! Panics where the path ends in /panic, and answers otherwise.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    assert!(!request.path().ends_with("/panic"), "asked to panic");
    Ok(response::json_bytes("\"calm\""))
}
