//! Reads a query parameter.

use trm_sdk::{Answer, Request, response};

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let query = request.query(&["city"])?;
    response::json(&query.get("city"))
}
