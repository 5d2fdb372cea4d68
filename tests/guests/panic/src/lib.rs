//! Panics where the path ends in /panic, floods its log where it ends in /flood, and answers otherwise.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    assert!(!request.path().ends_with("/panic"), "asked to panic");
    if request.path().ends_with("/flood") {
        for line in 0..100_000 {
            eprintln!("line {line} of a flood that nobody reads");
        }
    }
    Ok(response::json_bytes("\"calm\""))
}
