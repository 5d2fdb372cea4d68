//! Reads a stored document into a type with serde.

use sdk_sizes::Job;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Problem, Request, doc, response};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let id = doc! {"_id": request.id("id")?};
    let found = JOBS.find_one::<Job>(id, None).await?;
    let found = found.ok_or(Problem::not_found("no such job"))?;
    response::json(&found.title)
}
