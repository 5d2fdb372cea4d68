//! `POST /api/payouts/:id/transitions` approves, pays or cancels a payout, for an admin; makes none.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::payout::Status;
use trm_domain::state::State;
use trm_market::collections::PAYOUTS;
use trm_market::write::{self, Transition};
use trm_market::{Caller, Change, read};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, revision};

trm_sdk::function!(payouts_transitions);

async fn payouts_transitions(request: Request) -> Answer {
    match *request.method() {
        Method::POST => transit(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn transit(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::PayoutDecide)?;
    let Transition::<Status> { to } = request.json()?;
    write::post(request, &caller, async || {
        let payout = read::one(PAYOUTS, "payout", id).await?;
        revision::check(request, &payout)?;
        let from = write::leaves("payout", &payout, to)?;
        let kind = match to {
            Status::Approved => "payout.approved",
            Status::Paid => "payout.paid",
            _ => "payout.cancelled",
        };
        let mut change = Change::new();
        let set = doc! {"status": to.as_str(), "decidedBy": caller.user()?};
        let after = change.revise(PAYOUTS, &payout, set);
        let user = read::id(&payout, "userId");
        let made = payout
            .get_datetime("createdAt")
            .copied()
            .unwrap_or(change.now());
        let data = doc! {
            "id": id, "amount": payout.get("amount"), "currency": payout.get("currency"),
            "from": from.as_str(), "to": to.as_str(),
            "tookMs": change.now().timestamp_millis() - made.timestamp_millis(),
        };
        let event = Event::new(kind, id, data).users(user);
        change.event(event.tags(user.map(|user| format!("payouts:{user}"))));
        Ok((change, read::private(after)?))
    })
    .await
}
