//! Reads through the cache.

use trm_sdk::cache::{self, Options};
use trm_sdk::{Answer, Problem, Request, response};

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let body = cache::get_or_set("jobs:a", Options::tagged(["jobs:list"]), async || {
        Ok::<_, Problem>(request.body().to_vec())
    });
    Ok(response::json_bytes(body.await?))
}
