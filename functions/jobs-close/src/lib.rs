//! `POST /api/jobs/:id/close` ends a job: it takes no more referrals; what was referred goes on.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::job::Status;
use trm_market::collections::JOBS;
use trm_market::{Caller, Change, read, write};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, revision};

trm_sdk::function!(jobs_close);

async fn jobs_close(request: Request) -> Answer {
    match *request.method() {
        Method::POST => close(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn close(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::JobChange)?;
    write::post(request, &caller, async || {
        let job = read::one(JOBS, "job", id).await?;
        let company = read::id(&job, "companyId");
        caller.over(Action::JobChange, &[], company)?;
        revision::check(request, &job)?;
        let closed = Status::Closed.as_str();
        if read::text(&job, "status") == Some(closed) {
            return Err(Problem::conflict("the job is closed already"));
        }
        let mut change = Change::new();
        let after = change.revise(JOBS, &job, doc! {"status": closed});
        let event = Event::new("job.closed", id, doc! {"id": id, "companyId": company});
        let tags = [format!("job:{id}"), "jobs:list".to_owned()];
        change.event(event.company(company).tags(tags));
        Ok((change, read::private(after)?))
    })
    .await
}
