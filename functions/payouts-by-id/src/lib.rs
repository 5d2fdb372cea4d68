//! `GET /api/payouts/:id` shows a payout to whom it is for, and to admins; decides none.

use trm_domain::access::Action;
use trm_market::collections::PAYOUTS;
use trm_market::{Caller, read};
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(payouts_by_id);

async fn payouts_by_id(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => show(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn show(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::PayoutRead)?;
    let payout = read::one(PAYOUTS, "payout", id).await?;
    caller.over(Action::PayoutRead, &[read::id(&payout, "userId")], None)?;
    read::private(payout)
}
