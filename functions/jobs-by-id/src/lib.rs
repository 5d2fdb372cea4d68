//! `/api/jobs/:id`: reads, changes and deletes one job; posts none.

use trm_domain::Violation;
use trm_domain::job::JobPatch;
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, time, view};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(jobs_by_id);

async fn jobs_by_id(request: Request) -> Answer {
    let id = request.id("id")?;
    match *request.method() {
        Method::GET | Method::HEAD => read(&request, id).await,
        Method::PATCH => change(request, id).await,
        Method::DELETE => delete(id).await,
        _ => Err(Problem::method("GET, HEAD, PATCH, DELETE")),
    }
}

async fn read(request: &Request, id: ObjectId) -> Answer {
    request.query(&[])?;
    let options = cache::Options::tagged([format!("job:{id}")]);
    let body = cache::get_or_set(&format!("jobs:item:{id}"), options, async || {
        let job = JOBS.find_one::<Document>(doc! {"_id": id}, None).await?;
        response::to_json(&view::view(job.ok_or_else(|| missing(id))?))
    })
    .await?;
    Ok(response::json_bytes(body))
}

async fn change(request: Request, id: ObjectId) -> Answer {
    let patch: JobPatch = request.json()?;
    let set = patch
        .check(time::now())
        .map_err(|Violation { pointer, rule }| {
            Problem::rule(
                &pointer,
                format!("{pointer} {rule}").trim_start().to_owned(),
            )
        })?;
    let changed = JOBS
        .update_one::<Document>(doc! {"_id": id}, doc! {"$set": set})
        .await?;
    let job = changed.ok_or_else(|| missing(id))?;
    invalidate(id).await?;
    response::json(&view::view(job))
}

async fn delete(id: ObjectId) -> Answer {
    if !JOBS.delete_one(doc! {"_id": id}).await? {
        return Err(missing(id));
    }
    invalidate(id).await?;
    Ok(response::no_content())
}

/// After the write is acknowledged: what was cached of the job, and every list that may hold it.
async fn invalidate(id: ObjectId) -> Result<(), Problem> {
    cache::invalidate_tag(&format!("job:{id}")).await?;
    cache::invalidate_tag("jobs:list").await?;
    Ok(())
}

fn missing(id: ObjectId) -> Problem {
    Problem::not_found(format!("there is no job {id}"))
}
