//! Waits as many milliseconds as its path ends in, else for a minute, longer than any deadline of a test.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let asked = request.path().rsplit('/').next();
    let wait = asked.and_then(|wait| wait.parse().ok()).unwrap_or(60_000);
    spin_sdk::time::sleep(std::time::Duration::from_millis(wait)).await;
    Ok(response::json_bytes("\"late\""))
}
