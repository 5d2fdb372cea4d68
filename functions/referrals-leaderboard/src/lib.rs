//! `GET /api/referrals/leaderboard` ranks users by completed referrals; counts nothing else.

use serde_json::json;
use std::collections::HashMap;
use trm_market::collections::{REFERRALS, USERS};
use trm_market::read;
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::Find;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

const TAGS: [&str; 1] = ["referrals:leaderboard"];

trm_sdk::function!(referrals_leaderboard);

async fn referrals_leaderboard(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => rank(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn rank(request: &Request) -> Answer {
    let limit = request.query(&["limit"])?.number("limit", 10, 1, 100)?;
    let key = format!("referrals:leaderboard:{limit}");
    let options = cache::Options::tagged(TAGS);
    let body = cache::get_or_set(&key, options, async || compute(limit).await).await?;
    Ok(response::public(body, &TAGS))
}

async fn compute(limit: u32) -> Result<Vec<u8>, Problem> {
    let rows: Vec<Document> = REFERRALS
        .aggregate(&[
            doc! {"$match": {"status": "completed"}},
            doc! {"$group": {"_id": "$referrerId", "count": {"$sum": 1}}},
            doc! {"$sort": {"count": -1, "_id": 1}},
            doc! {"$limit": limit},
        ])
        .await?;
    let ids: Vec<ObjectId> = rows.iter().filter_map(|row| read::id(row, "_id")).collect();
    let find = Find {
        projection: Some(doc! {"name": 1}),
        limit: 1_000,
        ..Find::default()
    };
    let users = USERS
        .find::<Document>(doc! {"_id": {"$in": ids}}, find)
        .await?
        .documents;
    let named = users
        .iter()
        .filter_map(|user| Some((read::id(user, "_id")?, read::text(user, "name")?)));
    let names: HashMap<ObjectId, &str> = named.collect();
    let data: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let referrer = row.get_object_id("_id").map_err(Problem::internal)?;
            Ok(json!({
                "rank": at + 1,
                "referrerId": referrer.to_hex(),
                // A user who has left keeps the place, without a name.
                "name": names.get(&referrer),
                "count": read::whole(row, "count"),
            }))
        })
        .collect::<Result<_, Problem>>()?;
    let body = json!({
        "data": data, "page": 1, "limit": limit, "total": rows.len(), "next": null,
    });
    response::to_json(&body)
}
