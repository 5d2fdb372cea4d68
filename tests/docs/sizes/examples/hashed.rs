//! Hashes a password.

use trm_sdk::{Answer, Request, password, response};

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    response::json(&password::hash(request.path())?)
}
