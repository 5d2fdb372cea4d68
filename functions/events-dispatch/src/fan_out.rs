//! Events: each makes caches old, counts, and becomes a delivery for every webhook that asks for it; sends none.

use crate::{LEASE_MS, after};
use serde::Deserialize;
use serde_json::json;
use trm_market::collections::{DELIVERIES, EVENTS, WEBHOOKS};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{DateTime, Document};
use trm_sdk::documents::{self, Error, Find, FindAndUpdate, Write};
use trm_sdk::{Problem, cache, doc, metrics, time, view};

/// Webhooks of one event: a commit holds at most 100 writes.
const MOST: u32 = 90;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "_id")]
    id: ObjectId,
    #[serde(rename = "type")]
    kind: String,
    users: Vec<ObjectId>,
    company_id: Option<ObjectId>,
    tags: Vec<String>,
    data: Document,
    created_at: DateTime,
}

#[derive(Deserialize)]
struct Webhook {
    #[serde(rename = "_id")]
    id: ObjectId,
}

/// Until nothing is left, or the time is.
pub async fn all(end: DateTime) -> Result<(), Problem> {
    loop {
        let now = time::now();
        let due = doc! {"state": "new", "dueAt": {"$lte": now}};
        let lease = doc! {"$set": {"dueAt": after(now, LEASE_MS)}};
        let oldest = FindAndUpdate {
            sort: Some(doc! {"dueAt": 1}),
            ..FindAndUpdate::default()
        };
        let claimed = EVENTS
            .find_one_and_update::<Event>(due, lease, oldest)
            .await?;
        match claimed {
            Some(event) if now < end => hand_on(event).await?,
            _ => return Ok(()),
        }
    }
}

async fn hand_on(event: Event) -> Result<(), Problem> {
    // The function that wrote has done this already, unless its host died in between.
    for tag in &event.tags {
        cache::invalidate_tag(tag).await?;
    }
    let mut writes = deliveries(&event).await?;
    let filter = doc! {"_id": event.id, "state": "new"};
    let done = doc! {"$set": {"state": "done", "doneAt": time::now()}};
    writes.push(Write::update_one(EVENTS, filter, done).expecting(1));
    match documents::commit(writes).await {
        // Counted once it is settled: a host that dies here counts too little, never twice.
        Ok(_) => count(&event).await,
        // Another host was faster.
        Err(Error::Conflict(_) | Error::DuplicateKey(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn deliveries(event: &Event) -> Result<Vec<Write>, Problem> {
    let mut who = vec![
        doc! {"everything": true},
        doc! {"ownerId": {"$in": &event.users}},
    ];
    who.extend(event.company_id.map(|company| doc! {"companyId": company}));
    let asks = doc! {"active": true, "events": &event.kind, "$or": who};
    let find = Find {
        projection: Some(doc! {"_id": 1}),
        sort: Some(doc! {"_id": 1}),
        limit: MOST,
        ..Find::default()
    };
    let webhooks = WEBHOOKS.find::<Webhook>(asks, find).await?.documents;
    let now = time::now();
    let body = json!({
        "id": event.id.to_hex(), "type": event.kind, "data": view::view(event.data.clone()),
        "createdAt": event.created_at.try_to_rfc3339_string().unwrap_or_default(),
    })
    .to_string();
    let delivery = |webhook: Webhook| {
        let delivery = doc! {
            "_id": ObjectId::new(), "webhookId": webhook.id, "eventId": event.id, "type": &event.kind,
            "body": &body, "state": "due", "dueAt": now, "attempts": 0_i64, "createdAt": now,
        };
        Write::insert(DELIVERIES, &delivery)
    };
    Ok(webhooks.into_iter().map(delivery).collect())
}

async fn count(event: &Event) {
    metrics::increment(&event.kind, &[]).await;
    if event.kind == "payout.paid"
        && let Ok(took) = event.data.get_i64("tookMs")
    {
        metrics::timing("payout.processing_time", took as f64, &[]).await;
    }
}
