//! `/api/webhooks/:id`: one subscription with its secret, changed, deleted with its deliveries; sends nothing.

use serde_json::json;
use trm_domain::access::Action;
use trm_domain::webhook::WebhookPatch;
use trm_market::collections::{DELIVERIES, WEBHOOKS};
use trm_market::{Caller, Change, broken, keys, webhook};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, revision, view};

trm_sdk::function!(webhooks_by_id);

async fn webhooks_by_id(request: Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => show(&manager(&request).await?, id).await,
        Method::PATCH => change(&request, &manager(&request).await?, id).await,
        Method::DELETE => delete(&request, &manager(&request).await?, id).await,
        _ => Err(Problem::method("GET, HEAD, PATCH, DELETE")),
    }
}

/// Who asks, if they may manage webhooks.
async fn manager(request: &Request) -> Result<Caller, Problem> {
    let caller = Caller::of(request).await?;
    caller.may(Action::WebhookManage)?;
    Ok(caller)
}

async fn show(caller: &Caller, id: ObjectId) -> Answer {
    let mut shown = view::view(webhook::own(caller, id).await?);
    shown["secret"] = json!(keys::webhook_secret(&keys::partners().await?, id));
    Ok(revision::tagged(response::json(&shown)?))
}

async fn change(request: &Request, caller: &Caller, id: ObjectId) -> Answer {
    let patch: WebhookPatch = request.json()?;
    let set = patch.check().map_err(broken)?;
    let webhook = webhook::own(caller, id).await?;
    revision::check(request, &webhook)?;
    let mut change = Change::new();
    let after = change.revise(WEBHOOKS, &webhook, set);
    change.answer(request, after).await
}

async fn delete(request: &Request, caller: &Caller, id: ObjectId) -> Answer {
    let webhook = webhook::own(caller, id).await?;
    revision::check(request, &webhook)?;
    let mut change = Change::new();
    change.delete(WEBHOOKS, &webhook);
    change.commit(request).await?;
    // What is left of them if this fails is never sent: the subscription is gone.
    DELIVERIES.delete_many(doc! {"webhookId": id}).await?;
    Ok(response::no_content())
}
