//! `GET /api/users/:id/network` shows whom a user has brought, and whom they have: a tree with totals.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use trm_domain::access::Action;
use trm_market::Caller;
use trm_market::collections::{REFERRALS, USERS};
use trm_market::read;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

/// The most people of one answer; a larger network is cut, and says so.
const MOST: usize = 900;

#[derive(Deserialize)]
struct Network {
    members: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    #[serde(rename = "_id")]
    id: ObjectId,
    name: String,
    depth: i64,
    referrer_profile: Profile,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    parent_referrer_id: ObjectId,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_id")]
    referrer: ObjectId,
    count: i64,
}

trm_sdk::function!(users_network);

async fn users_network(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => show(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn show(request: &Request) -> Answer {
    let id = request.id("id")?;
    let caller = Caller::of(request).await?;
    caller.over(Action::NetworkRead, &[Some(id)], None)?;
    let depth = request.query(&["depth"])?.number("depth", 3_i64, 1, 5)?;
    let options =
        cache::Options::tagged([format!("network:{id}")]).ttl(std::time::Duration::from_secs(30));
    let body = cache::get_or_set(&format!("network:{id}:{depth}"), options, async || {
        tree(id, depth).await
    })
    .await?;
    Ok(response::json_bytes(body))
}

async fn tree(id: ObjectId, depth: i64) -> Result<Vec<u8>, Problem> {
    let found: Vec<Network> = USERS
        .aggregate(&[
            doc! {"$match": {"_id": id}},
            doc! {"$graphLookup": {
                "from": "users", "startWith": "$_id", "connectFromField": "_id",
                "connectToField": "referrerProfile.parentReferrerId",
                "maxDepth": depth - 1, "depthField": "depth", "as": "members",
            }},
            doc! {"$project": {
                "members._id": 1, "members.name": 1, "members.depth": 1,
                "members.referrerProfile.parentReferrerId": 1,
            }},
        ])
        .await?;
    let network = found.into_iter().next();
    let mut members = network.ok_or_else(|| read::missing("user", id))?.members;
    // The nearest first, so that what is cut is far.
    members.sort_by_key(|member| (member.depth, member.id));
    let total = members.len();
    members.truncate(MOST);
    let counts = completed(&members).await?;
    let mut children: HashMap<ObjectId, Vec<&Member>> = HashMap::new();
    for member in &members {
        children
            .entry(member.referrer_profile.parent_referrer_id)
            .or_default()
            .push(member);
    }
    let levels: Vec<usize> = (0..depth)
        .map(|level| {
            members
                .iter()
                .filter(|member| member.depth == level)
                .count()
        })
        .collect();
    response::to_json(&json!({
        "userId": id.to_hex(),
        "children": branch(id, &children, &counts),
        "totals": {
            "members": total, "byLevel": levels, "truncated": total > MOST,
            "completedReferrals": counts.values().sum::<i64>(),
        },
    }))
}

/// A member's own parent came before it, so there is no circle; the lookup's depth bounds it in any case.
fn branch(
    of: ObjectId,
    children: &HashMap<ObjectId, Vec<&Member>>,
    counts: &HashMap<ObjectId, i64>,
) -> Vec<Value> {
    let below = children.get(&of).map(Vec::as_slice).unwrap_or_default();
    let shown = |member: &&Member| {
        json!({
            "id": member.id.to_hex(), "name": member.name, "level": member.depth + 1,
            "completedReferrals": counts.get(&member.id).copied().unwrap_or(0),
            "children": branch(member.id, children, counts),
        })
    };
    below.iter().map(shown).collect()
}

async fn completed(members: &[Member]) -> Result<HashMap<ObjectId, i64>, Problem> {
    let ids: Vec<ObjectId> = members.iter().map(|member| member.id).collect();
    let rows: Vec<Row> = REFERRALS
        .aggregate(&[
            doc! {"$match": {"referrerId": {"$in": ids}, "status": "completed"}},
            doc! {"$group": {"_id": "$referrerId", "count": {"$sum": 1_i64}}},
        ])
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.referrer, row.count))
        .collect())
}
