//! `GET /api/webhooks` lists the caller's subscriptions, `POST /api/webhooks` makes one; sends nothing.

use trm_domain::access::{Action, Reach};
use trm_domain::webhook::{MOST_WEBHOOKS, NewWebhook};
use trm_market::collections::WEBHOOKS;
use trm_market::{Caller, Change, broken, write};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, revision, view};

const FIELDS: [&str; 6] = ["id", "url", "events", "active", "revision", "createdAt"];

trm_sdk::function!(webhooks);

async fn webhooks(request: Request) -> Answer {
    let caller = Caller::of(&request).await?;
    match *request.method() {
        Method::GET | Method::HEAD => list(&request, &caller).await,
        Method::POST => create(&request, &caller).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list(request: &Request, caller: &Caller) -> Answer {
    let reach = caller.may(Action::WebhookManage)?;
    let query = request.query(&Listing::PARAMETERS)?;
    let listing = Listing::read(&query, &["createdAt"], &FIELDS, "-createdAt")?;
    let filter = match reach {
        Reach::All => doc! {},
        _ => mine(caller),
    };
    listing.answer(request, &query, WEBHOOKS, filter).await
}

async fn create(request: &Request, caller: &Caller) -> Answer {
    request.query(&[])?;
    let reach = caller.may(Action::WebhookManage)?;
    let new: NewWebhook = request.json()?;
    write::post(request, caller, async || {
        new.check().map_err(broken)?;
        if WEBHOOKS.count(mine(caller)).await? >= MOST_WEBHOOKS {
            let detail = format!("you have {MOST_WEBHOOKS} webhooks already; delete one first");
            return Err(Problem::conflict(detail));
        }
        let (mut change, id) = (Change::new(), ObjectId::new());
        let (user, company) = (caller.user_or_none(), caller.company());
        let webhook = new.into_document(id, user, company, reach == Reach::All, change.now());
        change.insert(WEBHOOKS, &webhook);
        // The secret is not part of this answer, which may be kept for its Idempotency-Key.
        let place = format!("/api/webhooks/{id}");
        let answer = response::created(&place, &view::view(webhook))?;
        Ok((change, revision::tagged(answer)))
    })
    .await
}

/// What the caller has made itself.
fn mine(caller: &Caller) -> Document {
    match caller.user_or_none() {
        Some(user) => doc! {"ownerId": user},
        None => doc! {"ownerId": null, "companyId": caller.company()},
    }
}
