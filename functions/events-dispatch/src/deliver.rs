//! Deliveries: what is due is claimed, signed and sent; what fails is tried again later, then given up.

use crate::{LEASE_MS, after};
use serde::Deserialize;
use std::time::Duration;
use trm_domain::webhook::{MOST_ATTEMPTS, backoff};
use trm_market::collections::{DELIVERIES, WEBHOOKS};
use trm_market::keys;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::bson::{DateTime, Document};
use trm_sdk::documents::FindAndUpdate;
use trm_sdk::signing::{Secrets, signature};
use trm_sdk::{Problem, doc, metrics, outbound, random, time};

/// Sent at one time.
const TOGETHER: usize = 16;
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    #[serde(rename = "_id")]
    id: ObjectId,
    webhook_id: ObjectId,
    #[serde(rename = "type")]
    kind: String,
    body: String,
    attempts: i64,
}

#[derive(Deserialize)]
struct Webhook {
    url: String,
}

/// Until nothing is due, or the time is over.
pub async fn all(end: DateTime) -> Result<(), Problem> {
    let secrets = keys::partners().await?;
    while time::now() < end {
        let mut claimed = Vec::new();
        while claimed.len() < TOGETHER {
            match claim().await? {
                Some(delivery) => claimed.push(delivery),
                None => break,
            }
        }
        if claimed.is_empty() {
            return Ok(());
        }
        let sent = claimed.into_iter().map(|delivery| send(delivery, &secrets));
        futures::future::try_join_all(sent).await?;
    }
    Ok(())
}

/// The attempt is counted before it is made: one that is never heard of again has been made.
async fn claim() -> Result<Option<Delivery>, Problem> {
    let now = time::now();
    let due = doc! {"state": "due", "dueAt": {"$lte": now}};
    let lease = doc! {"$set": {"dueAt": after(now, LEASE_MS)}, "$inc": {"attempts": 1_i64}};
    let oldest = FindAndUpdate {
        sort: Some(doc! {"dueAt": 1}),
        ..FindAndUpdate::default()
    };
    Ok(DELIVERIES.find_one_and_update(due, lease, oldest).await?)
}

async fn send(delivery: Delivery, secrets: &Secrets) -> Result<(), Problem> {
    let active = doc! {"_id": delivery.webhook_id, "active": true};
    let Some(webhook) = WEBHOOKS.find_one::<Webhook>(active, None).await? else {
        return settle(
            &delivery,
            doc! {"state": "dead", "lastError": "the webhook is not active"},
        )
        .await;
    };
    let at = (time::now().timestamp_millis() / 1_000).to_string();
    let secret = keys::webhook_secret(secrets, delivery.webhook_id);
    let body = delivery.body.as_bytes();
    let signed = signature(&secret, &[at.as_bytes(), b".", body]);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("trm-event", delivery.kind.clone()),
        ("trm-delivery", delivery.id.to_hex()),
        ("trm-signature", format!("t={at},v1={signed}")),
    ];
    let outcome = outbound::post(&webhook.url, &headers, delivery.body.clone(), PATIENCE).await;
    let (result, mut set) = match outcome {
        Ok(status) if (200..300).contains(&status) => (
            "delivered",
            doc! {"state": "delivered", "lastStatus": i32::from(status), "deliveredAt": time::now()},
        ),
        Ok(status) => (
            "refused",
            doc! {"lastStatus": i32::from(status), "lastError": format!("it answered {status}")},
        ),
        Err(why) => ("unreachable", doc! {"lastError": why}),
    };
    metrics::increment("webhook.deliveries", &[("outcome", result)]).await;
    if result != "delivered" {
        if delivery.attempts >= MOST_ATTEMPTS {
            set.insert("state", "dead");
        } else {
            let [chance] = random::bytes::<1>()?;
            set.insert(
                "dueAt",
                after(time::now(), backoff(delivery.attempts, chance)),
            );
        }
    }
    settle(&delivery, set).await
}

/// Only while the claim still holds: a later attempt's outcome is not overwritten.
async fn settle(delivery: &Delivery, set: Document) -> Result<(), Problem> {
    let claimed = doc! {"_id": delivery.id, "attempts": delivery.attempts};
    DELIVERIES
        .update_one::<Document>(claimed, doc! {"$set": set})
        .await?;
    Ok(())
}
