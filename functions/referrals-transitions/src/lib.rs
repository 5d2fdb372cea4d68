//! `POST /api/referrals/:id/transitions` moves a referral to its next state; completion makes the payouts.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::money::Money;
use trm_domain::payout;
use trm_domain::referral::Status;
use trm_domain::state::State;
use trm_market::collections::{PAYOUTS, REFERRALS, USERS};
use trm_market::write::{self, Transition};
use trm_market::{Caller, Change, read};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{Document, deserialize_from_document};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, revision};

trm_sdk::function!(referrals_transitions);

async fn referrals_transitions(request: Request) -> Answer {
    match *request.method() {
        Method::POST => transit(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn transit(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller
        .may(Action::ReferralMove)
        .or_else(|_| caller.may(Action::ReferralWithdraw))?;
    let Transition::<Status> { to } = request.json()?;
    write::post(request, &caller, async || {
        let referral = read::one(REFERRALS, "referral", id).await?;
        let referrer = read::id(&referral, "referrerId");
        let company = read::id(&referral, "companyId");
        match to {
            Status::Withdrawn => caller.over(Action::ReferralWithdraw, &[referrer], None)?,
            _ => caller.over(Action::ReferralMove, &[], company)?,
        }
        revision::check(request, &referral)?;
        let from = write::leaves("referral", &referral, to)?;
        let mut change = Change::new();
        let after = change.revise(REFERRALS, &referral, doc! {"status": to.as_str()});
        let data = doc! {"id": id, "jobId": referral.get("jobId"), "from": from.as_str(), "to": to.as_str()};
        let event = Event::new("referral.moved", id, data)
            .users(referrer)
            .company(company);
        let mut tags = vec!["referrals:leaderboard".to_owned()];
        tags.extend(read::id(&referral, "jobId").map(|job| format!("referrals:job:{job}")));
        tags.extend(referrer.map(|user| format!("network:{user}")));
        change.event(event.tags(tags));
        if let (Status::Completed, Some(referrer)) = (to, referrer) {
            pay(&mut change, id, &referral, referrer).await?;
        }
        Ok((change, read::private(after)?))
    })
    .await
}

/// The payouts are part of the same write as the completion: both are made, or neither.
async fn pay(
    change: &mut Change,
    id: ObjectId,
    referral: &Document,
    referrer: ObjectId,
) -> Result<(), Problem> {
    let Ok(bonus) = referral.get_document("bonus") else {
        return Ok(());
    };
    let bonus: Money = deserialize_from_document(bonus.clone()).map_err(Problem::internal)?;
    let fields = doc! {"referrerProfile": 1};
    let user = USERS
        .find_one::<Document>(doc! {"_id": referrer}, Some(fields))
        .await?;
    let profile = user.and_then(|user| user.get_document("referrerProfile").ok().cloned());
    let parent = profile.and_then(|profile| read::id(&profile, "parentReferrerId"));
    for part in payout::split(&bonus, referrer, parent) {
        let (payout, user, amount) = (ObjectId::new(), part.user, part.amount);
        let document = part.into_document(payout, id, &bonus.currency, change.now());
        change.insert(PAYOUTS, &document);
        let data =
            doc! {"id": payout, "referralId": id, "amount": amount, "currency": &bonus.currency};
        let event = Event::new("payout.created", payout, data).users([user]);
        change.event(event.tags([format!("payouts:{user}")]));
    }
    Ok(())
}
