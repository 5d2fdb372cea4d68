//! Runs by a schedule: removes what has expired and says how many users are active; serves nobody.

use trm_market::collections::{DELIVERIES, EVENTS, SESSIONS};
use trm_sdk::bson::DateTime;
use trm_sdk::idempotency::RECORDS;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{bson::oid::ObjectId, doc, metrics, response, time};

/// Who has signed in or renewed a token within this time is active: tokens live a quarter of an hour.
const ACTIVE_MS: i64 = 20 * 60_000;
/// How long settled events and deliveries are kept.
const KEPT_MS: i64 = 14 * 86_400_000;

trm_sdk::function!(housekeeping);

async fn housekeeping(request: Request) -> Answer {
    match *request.method() {
        Method::POST => keep_house().await,
        _ => Err(Problem::method("POST")),
    }
}

async fn keep_house() -> Answer {
    let now = time::now();
    let before = |milliseconds| DateTime::from_millis(now.timestamp_millis() - milliseconds);
    SESSIONS
        .delete_many(doc! {"expiresAt": {"$lte": now}})
        .await?;
    RECORDS
        .delete_many(doc! {"expiresAt": {"$lte": now}})
        .await?;
    let old = doc! {"$lte": before(KEPT_MS)};
    EVENTS
        .delete_many(doc! {"state": "done", "dueAt": old.clone()})
        .await?;
    let ended = doc! {"state": {"$in": ["delivered", "dead"]}, "dueAt": old};
    DELIVERIES.delete_many(ended).await?;
    let active = doc! {"seenAt": {"$gt": before(ACTIVE_MS)}};
    let users: Vec<ObjectId> = SESSIONS.distinct("userId", active).await?;
    metrics::gauge("active_users", users.len() as f64, &[]).await;
    Ok(response::no_content())
}
