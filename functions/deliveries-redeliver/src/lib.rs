//! `POST /api/deliveries/:id/redeliver` makes a delivery due again from its first attempt; sends nothing itself.

use trm_domain::access::Action;
use trm_market::collections::DELIVERIES;
use trm_market::{Caller, Change, read, webhook, write};
use trm_sdk::documents::Write;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, view};

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
    write::post(request, &caller, async || {
        let mut delivery = read::one(DELIVERIES, "delivery", id).await?;
        let webhook = read::id(&delivery, "webhookId");
        let webhook = webhook.ok_or_else(|| Problem::internal("a delivery without its webhook"))?;
        webhook::own(&caller, webhook).await?;
        let mut change = Change::new();
        // One that is due already, or under way, stays as it is; repeating this changes nothing more.
        if read::text(&delivery, "state") != Some("due") {
            let ended = doc! {"_id": id, "state": {"$in": ["dead", "delivered"]}};
            let set = doc! {"state": "due", "attempts": 0_i64, "dueAt": change.now()};
            change.write(Write::update_one(
                DELIVERIES,
                ended,
                doc! {"$set": set.clone()},
            ));
            delivery.extend(set);
        }
        delivery.remove("body");
        Ok((change, response::accepted(&view::view(delivery))?))
    })
    .await
}
