//! `GET /api/referrals/:id` shows a referral to its referrer and its company; moves none.

use trm_domain::access::Action;
use trm_market::collections::REFERRALS;
use trm_market::{Caller, read};
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(referrals_by_id);

async fn referrals_by_id(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => show(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn show(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::ReferralRead)?;
    let referral = read::one(REFERRALS, "referral", id).await?;
    let (referrer, company) = (
        read::id(&referral, "referrerId"),
        read::id(&referral, "companyId"),
    );
    caller.over(Action::ReferralRead, &[referrer], company)?;
    read::private(referral)
}
