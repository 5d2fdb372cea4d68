//! Reads stored documents into two types with serde.

use sdk_sizes::{Job, Person};
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Problem, Request, doc, response};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let id = doc! {"_id": request.id("id")?};
    let job = JOBS.find_one::<Job>(id.clone(), None).await?;
    let person = JOBS.find_one::<Person>(id, None).await?;
    let (job, person) = job.zip(person).ok_or(Problem::not_found("no such job"))?;
    response::json(&(job.title, person.name))
}
