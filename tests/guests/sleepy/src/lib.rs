//! Waits for a minute in a host call, longer than any deadline of a test.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(run);

async fn run(_: Request) -> Answer {
    spin_sdk::time::sleep(std::time::Duration::from_secs(60)).await;
    Ok(response::json_bytes("\"late\""))
}
