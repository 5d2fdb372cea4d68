//! Reads a field of a stored document.

use trm_sdk::bson::Document;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Problem, Request, doc, response};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let id = doc! {"_id": request.id("id")?};
    let found = JOBS.find_one::<Document>(id, None).await?;
    let found = found.ok_or(Problem::not_found("no such job"))?;
    response::json(&found.get_str("title").ok())
}
