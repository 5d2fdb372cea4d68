//! `GET /api/users/:id/referrals` lists what a user has referred, to that user and to admins; moves none.

use trm_domain::access::Action;
use trm_domain::referral::{self, Status};
use trm_domain::state::State;
use trm_market::Caller;
use trm_market::collections::REFERRALS;
use trm_sdk::doc;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(users_referrals);

async fn users_referrals(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list(request: &Request) -> Answer {
    let id = request.id("id")?;
    let caller = Caller::of(request).await?;
    caller.over(Action::ReferralRead, &[Some(id)], None)?;
    let query = request.query(&[&["status"][..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &referral::SORTABLE, &referral::FIELDS, "-createdAt")?;
    let mut filter = doc! {"referrerId": id};
    if let Some(status) = query.word("status", &Status::names())? {
        filter.insert("status", status);
    }
    listing.answer(request, &query, REFERRALS, filter).await
}
