//! `GET /api/payouts` lists the caller's payouts; an admin sees everyone's; decides none.

use trm_domain::access::{Action, Reach};
use trm_domain::payout::{self, Status};
use trm_domain::state::State;
use trm_market::Caller;
use trm_market::collections::PAYOUTS;
use trm_sdk::doc;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};

const FILTERS: [&str; 3] = ["status", "userId", "referralId"];

trm_sdk::function!(payouts);

async fn payouts(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list(request: &Request) -> Answer {
    let caller = Caller::of(request).await?;
    let reach = caller.may(Action::PayoutRead)?;
    let query = request.query(&[&FILTERS[..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &payout::SORTABLE, &payout::FIELDS, "-createdAt")?;
    let mut filter = doc! {};
    match (query.id("userId")?, reach) {
        (Some(user), _) => {
            caller.over(Action::PayoutRead, &[Some(user)], None)?;
            filter.insert("userId", user);
        }
        (None, Reach::All) => {}
        (None, _) => drop(filter.insert("userId", caller.user()?)),
    }
    if let Some(referral) = query.id("referralId")? {
        filter.insert("referralId", referral);
    }
    if let Some(status) = query.word("status", &Status::names())? {
        filter.insert("status", status);
    }
    listing.answer(request, &query, PAYOUTS, filter).await
}
