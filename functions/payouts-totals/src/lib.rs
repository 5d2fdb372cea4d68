//! `GET /api/payouts/totals` adds payouts up by month, currency and status; lists none.

use serde::Deserialize;
use serde_json::json;
use trm_domain::access::{Action, Reach};
use trm_market::Caller;
use trm_market::collections::PAYOUTS;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response};

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    group: Group,
    amount: i64,
    count: i64,
}

#[derive(Deserialize)]
struct Group {
    month: String,
    currency: String,
    status: String,
}

trm_sdk::function!(payouts_totals);

async fn payouts_totals(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => add_up(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

/// The caller's own; an admin's are everyone's, or those of the user that is named.
async fn add_up(request: &Request) -> Answer {
    let caller = Caller::of(request).await?;
    let reach = caller.may(Action::PayoutRead)?;
    let query = request.query(&["userId"])?;
    let filter = match (query.id("userId")?, reach) {
        (Some(user), _) => {
            caller.over(Action::PayoutRead, &[Some(user)], None)?;
            doc! {"userId": user}
        }
        // Every payout has a month; the index that begins with it holds all that is added up.
        (None, Reach::All) => doc! {"month": {"$gt": ""}},
        (None, _) => doc! {"userId": caller.user()?},
    };
    let group = doc! {"month": "$month", "currency": "$currency", "status": "$status"};
    let rows: Vec<Row> = PAYOUTS
        .aggregate(&[
            doc! {"$match": filter},
            doc! {"$group": {"_id": group, "amount": {"$sum": "$amount"}, "count": {"$sum": 1_i64}}},
            doc! {"$sort": {"_id.month": -1, "_id.currency": 1, "_id.status": 1}},
            doc! {"$limit": 1_000},
        ])
        .await?;
    let data: Vec<_> = rows
        .iter()
        .map(
            |Row {
                 group,
                 amount,
                 count,
             }| {
                json!({
                    "month": group.month, "currency": group.currency, "status": group.status,
                    "amount": amount, "count": count,
                })
            },
        )
        .collect();
    let total = data.len();
    response::json(&json!({
        "data": data, "page": 1, "limit": 1_000, "total": total, "next": null,
    }))
}
