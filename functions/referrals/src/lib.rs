//! `GET /api/referrals` lists the caller's, `POST /api/referrals` refers a candidate; moves none.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::money::Money;
use trm_domain::referral::{self, NewReferral, Status, Terms};
use trm_domain::state::State;
use trm_market::collections::{JOBS, REFERRALS};
use trm_market::{Caller, Change, broken, read, write};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Document, deserialize_from_document};
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, revision, view};

trm_sdk::function!(referrals);

async fn referrals(request: Request) -> Answer {
    let caller = Caller::of(&request).await?;
    match *request.method() {
        Method::GET | Method::HEAD => list(&request, &caller).await,
        Method::POST => create(&request, &caller).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

/// What the caller has referred; for a company's program, what was referred to the company.
async fn list(request: &Request, caller: &Caller) -> Answer {
    caller.may(Action::ReferralRead)?;
    let query = request.query(&[&["status", "jobId"][..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &referral::SORTABLE, &referral::FIELDS, "-createdAt")?;
    let mut filter = match (caller.user_or_none(), caller.company()) {
        (Some(user), _) => doc! {"referrerId": user},
        (None, Some(company)) => doc! {"companyId": company},
        (None, None) => return Err(Problem::forbidden("the key belongs to no company")),
    };
    if let Some(status) = query.word("status", &Status::names())? {
        filter.insert("status", status);
    }
    if let Some(job) = query.id("jobId")? {
        filter.insert("jobId", job);
    }
    listing.answer(request, &query, REFERRALS, filter).await
}

async fn create(request: &Request, caller: &Caller) -> Answer {
    request.query(&[])?;
    caller.may(Action::ReferralCreate)?;
    let referrer = caller.user()?;
    let new: NewReferral = request.json()?;
    write::post(request, caller, async || {
        let job_id = new.check().map_err(broken)?;
        let found = JOBS
            .find_one::<Document>(doc! {"_id": job_id}, None)
            .await?;
        let job = found.ok_or_else(|| Problem::rule("/jobId", "/jobId names no job"))?;
        if read::text(&job, "status") != Some("active") {
            return Err(Problem::conflict("the job takes no referrals now"));
        }
        let email = new.candidate.email.trim().to_lowercase();
        let again = doc! {"jobId": job_id, "candidate.email": email};
        if REFERRALS.count(again).await? > 0 {
            return Err(twice());
        }
        let (mut change, id) = (Change::new(), ObjectId::new());
        let terms = terms(&job)?;
        let company = terms.company;
        let referral = new.into_document(id, job_id, referrer, terms, change.now());
        change.insert(REFERRALS, &referral);
        let data = doc! {"id": id, "jobId": job_id, "referrerId": referrer};
        let event = Event::new("referral.created", id, data)
            .users([referrer])
            .company(Some(company));
        change.event(event.tags([
            format!("referrals:job:{job_id}"),
            format!("network:{referrer}"),
        ]));
        let answer = response::created(&format!("/api/referrals/{id}"), &view::view(referral))?;
        Ok((change, revision::tagged(answer)))
    })
    .await
}

fn terms(job: &Document) -> Result<Terms, Problem> {
    let bonus = job.get_document("referralBonus").ok().cloned();
    let bonus = bonus.map(deserialize_from_document::<Money>).transpose();
    Ok(Terms {
        company: read::id(job, "companyId")
            .ok_or_else(|| Problem::internal("a job without company"))?,
        bonus: bonus.map_err(Problem::internal)?,
    })
}

fn twice() -> Problem {
    Problem::conflict("this candidate was referred for this job already")
}
