//! `GET /api/jobs/:id/referral-counts` counts a job's referrals by status, for its company; lists none.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trm_domain::access::Action;
use trm_domain::referral::Status;
use trm_domain::state::State;
use trm_market::collections::{JOBS, REFERRALS};
use trm_market::{Caller, names, read};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    status: String,
    count: i64,
}

trm_sdk::function!(jobs_referral_counts);

async fn jobs_referral_counts(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => count(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn count(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::ReferralsOfJob)?;
    let job = read::one(JOBS, "job", id).await?;
    caller.over(Action::ReferralsOfJob, &[], read::id(&job, "companyId"))?;
    let options = cache::Options::tagged([names::of("referrals:job:", id)]);
    let body = cache::get_or_set(&names::of("referrals:counts:", id), options, async || {
        let rows: Vec<Row> = REFERRALS
            .aggregate(&[
                doc! {"$match": {"jobId": id}},
                doc! {"$group": {"_id": "$status", "count": {"$sum": 1}}},
            ])
            .await?;
        let of = |status: &str| {
            rows.iter()
                .find(|row| row.status == status)
                .map_or(0, |row| row.count)
        };
        let counts: Map<String, Value> = Status::names()
            .into_iter()
            .map(|status| (status.to_owned(), json!(of(status))))
            .collect();
        let total: i64 = rows.iter().map(|row| row.count).sum();
        response::to_json(&json!({"jobId": id.to_hex(), "total": total, "counts": counts}))
    })
    .await?;
    Ok(response::json_bytes(body))
}
