//! `GET /api/webhooks/:id/deliveries` lists a subscription's deliveries, the dead ones too; sends none.

use trm_domain::access::Action;
use trm_domain::webhook::{DELIVERY_FIELDS, STATES};
use trm_market::collections::DELIVERIES;
use trm_market::{Caller, webhook};
use trm_sdk::doc;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(webhooks_deliveries);

async fn webhooks_deliveries(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list(request: &Request) -> Answer {
    let id = request.id("id")?;
    let caller = Caller::of(request).await?;
    caller.may(Action::WebhookManage)?;
    let query = request.query(&[&["state"][..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &["createdAt"], &DELIVERY_FIELDS, "-createdAt")?
        .only(&DELIVERY_FIELDS);
    webhook::own(&caller, id).await?;
    let mut filter = doc! {"webhookId": id};
    if let Some(state) = query.word("state", &STATES)? {
        filter.insert("state", state);
    }
    listing.answer(request, &query, DELIVERIES, filter).await
}
