//! `GET /api/jobs/:id/referrals` lists who was referred for a job, to its company; moves none.

use trm_domain::access::Action;
use trm_domain::referral::{self, Status};
use trm_domain::state::State;
use trm_market::collections::{JOBS, REFERRALS};
use trm_market::{Caller, read};
use trm_sdk::doc;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(jobs_referrals);

async fn jobs_referrals(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list(request: &Request) -> Answer {
    let id = request.id("id")?;
    let caller = Caller::of(request).await?;
    caller.may(Action::ReferralsOfJob)?;
    let query = request.query(&[&["status"][..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &referral::SORTABLE, &referral::FIELDS, "-createdAt")?;
    let job = read::one(JOBS, "job", id).await?;
    caller.over(Action::ReferralsOfJob, &[], read::id(&job, "companyId"))?;
    let mut filter = doc! {"jobId": id};
    if let Some(status) = query.word("status", &Status::names())? {
        filter.insert("status", status);
    }
    listing.answer(request, &query, REFERRALS, filter).await
}
