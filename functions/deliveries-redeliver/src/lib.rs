//! `POST /api/deliveries/:id/redeliver` makes a delivery due again from its first attempt; sends nothing itself.

use trm_domain::access::Action;
use trm_market::collections::{DELIVERIES, WEBHOOKS};
use trm_market::{Caller, read};
use trm_sdk::bson::Document;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, time, view};

trm_sdk::function!(deliveries_redeliver);

async fn deliveries_redeliver(request: Request) -> Answer {
    match *request.method() {
        Method::POST => redeliver(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn redeliver(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::WebhookManage)?;
    let delivery = read::one(DELIVERIES, "delivery", id).await?;
    let webhook = read::id(&delivery, "webhookId");
    let webhook = webhook.ok_or_else(|| Problem::internal("a delivery without its webhook"))?;
    let webhook = read::one(WEBHOOKS, "webhook", webhook).await?;
    let owner = read::id(&webhook, "ownerId");
    let company = owner
        .is_none()
        .then(|| read::id(&webhook, "companyId"))
        .flatten();
    caller.over(Action::WebhookManage, &[owner], company)?;
    // One that is due already, or under way, stays as it is; repeating this changes nothing more.
    let ended = doc! {"_id": id, "state": {"$in": ["dead", "delivered"]}};
    let set = doc! {"state": "due", "attempts": 0_i64, "dueAt": time::now()};
    let due = DELIVERIES
        .update_one::<Document>(ended, doc! {"$set": set})
        .await?;
    let mut shown = due.unwrap_or(delivery);
    shown.remove("body");
    response::accepted(&view::view(shown))
}
