//! `/api/jobs/:id`: shows, changes and deletes one job; posts none.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::job::{DRAFT, JobPatch};
use trm_market::collections::{JOBS, REFERRALS};
use trm_market::{Caller, Change, broken, names, read};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, http::StatusCode, response, revision};

trm_sdk::function!(jobs_by_id);

async fn jobs_by_id(request: Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => show(&request, id).await,
        Method::PATCH => change(&request, id).await,
        Method::DELETE => delete(&request, id).await,
        _ => Err(Problem::method("GET, HEAD, PATCH, DELETE")),
    }
}

async fn show(request: &Request, id: ObjectId) -> Answer {
    let shown = read::public(
        &names::of("jobs:item:", id),
        names::of("job:", id),
        async || {
            // What is cached is for anyone: a draft is no more there than a job that is not.
            let shown = doc! {"_id": id, "status": {"$ne": DRAFT}};
            let job = JOBS.find_one(shown, None).await?;
            job.ok_or_else(|| read::missing("job", id))
        },
    )
    .await;
    match shown {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => draft(request, id).await,
        shown => shown,
    }
}

/// A draft, for its company and for admins.
async fn draft(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    let missing = || read::missing("job", id);
    caller.may(Action::DraftRead).map_err(|_| missing())?;
    let job = read::one(JOBS, "job", id).await?;
    caller
        .over(Action::DraftRead, &[], read::id(&job, "companyId"))
        .map_err(|_| missing())?;
    read::private(job)
}

async fn change(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    caller.may(Action::JobChange)?;
    let patch: JobPatch = request.json()?;
    let mut change = Change::new();
    let set = patch.check(change.now()).map_err(broken)?;
    let job = own(request, &caller, id).await?;
    let after = change.revise(JOBS, &job, set);
    change.event(told("job.updated", id, &after));
    change.answer(request, after).await
}

async fn delete(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    caller.may(Action::JobChange)?;
    let job = own(request, &caller, id).await?;
    if REFERRALS.count(doc! {"jobId": id}).await? > 0 {
        return Err(Problem::conflict(
            "candidates were referred for this job; close it instead",
        ));
    }
    let mut change = Change::new();
    change.delete(JOBS, &job);
    change.event(told("job.deleted", id, &job));
    change.commit(request).await?;
    Ok(response::no_content())
}

/// The job, if it is the caller's and still as the client has seen it.
async fn own(request: &Request, caller: &Caller, id: ObjectId) -> Result<Document, Problem> {
    let job = read::one(JOBS, "job", id).await?;
    caller.over(Action::JobChange, &[], read::id(&job, "companyId"))?;
    revision::check(request, &job)?;
    Ok(job)
}

/// What was cached of the job is old, and so is every list that may hold it.
fn told(kind: &'static str, id: ObjectId, job: &Document) -> Event {
    let data = doc! {"id": id, "companyId": job.get("companyId"), "status": job.get("status")};
    Event::new(kind, id, data)
        .company(read::id(job, "companyId"))
        .tags([format!("job:{id}"), "jobs:list".to_owned()])
}
