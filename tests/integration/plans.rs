//! What the functions really ask MongoDB for, seen by its profiler: each query uses an index, there and in SQLite.

use crate::documents::{raw, soon};
use bson::{Document, doc};
use harness::host::{Host, Setup};
use harness::{eventually, folder, given, number};
use mongodb::{Client, Database};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use trm_document_stores::{IndexSpec, Origin};

const COMPANY: &str = "650000000100000000000001";
const JOB: &str = "650000000300000000000001";

/// One query as the profiler keeps it.
#[derive(Debug)]
struct Asked {
    of: String,
    filter: Document,
    sort: Option<Document>,
    plan: String,
}

/// Every way in which the API lists, counts, ranks or adds up.
fn ask_everything(host: &Host) {
    let client = |role: &str| host.client.demo(role);
    let (admin, recruiter, referrer) = (client("admin"), client("recruiter"), client("referrer"));
    let me = referrer.get("/api/users/me").json();
    let me = me["id"].as_str().unwrap().to_owned();
    let code = referrer.get("/api/users/me/referrer-profile").json();
    let code = code["inviteCode"].as_str().unwrap().to_owned();
    let hook = json!({"url": "https://hooks.example/in", "events": ["job.created"]});
    let hook = admin.post("/api/webhooks", &hook).json();
    let hook = hook["id"].as_str().unwrap().to_owned();
    let key =
        json!({"name": "Plans", "companyId": COMPANY, "scopes": trm_domain::access::scopes()});
    let key = admin.post("/api/admin/keys", &key).json();
    let partner = host.client.with("x-api-key", key["key"].as_str().unwrap());
    let lists = |client: &harness::client::Client, paths: &[&str]| {
        for path in paths {
            let path = path.replace("{company}", COMPANY).replace("{job}", JOB);
            let path = path
                .replace("{me}", &me)
                .replace("{hook}", &hook)
                .replace("{code}", &code);
            let answer = client.get(&path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    };
    lists(
        &host.client,
        &[
            "/api/companies",
            "/api/companies?sort=-createdAt",
            "/api/companies?city=Berlin&country=DE",
            "/api/companies?country=DE",
            "/api/companies/{company}/jobs",
            "/api/companies/{company}/jobs?status=all",
            "/api/jobs",
            "/api/jobs?page=2",
            "/api/jobs?status=all",
            "/api/jobs?status=closed&sort=title",
            "/api/jobs?companyId={company}",
            "/api/jobs?city=Berlin&country=DE",
            "/api/jobs?country=DE",
            "/api/jobs?salaryMin=1000&salaryMax=9000000",
            "/api/jobs?text=engineer",
            "/api/jobs/search?q=engineer",
            "/api/referrals/leaderboard",
            "/api/invites/{code}",
        ],
    );
    lists(
        &recruiter,
        &[
            "/api/jobs?status=draft",
            "/api/companies/{company}/jobs?status=draft",
            "/api/webhooks",
        ],
    );
    lists(&partner, &["/api/referrals", "/api/webhooks"]);
    lists(
        &referrer,
        &[
            "/api/referrals",
            "/api/referrals?status=hired",
            "/api/referrals?jobId={job}",
            "/api/users/{me}/referrals",
            "/api/users/{me}/network",
            "/api/payouts",
            "/api/payouts?status=pending",
            "/api/payouts/totals",
        ],
    );
    lists(
        &admin,
        &[
            "/api/jobs?status=draft",
            "/api/jobs/{job}/referrals",
            "/api/jobs/{job}/referrals?status=submitted",
            "/api/jobs/{job}/referral-counts",
            "/api/payouts",
            "/api/payouts?sort=-amount&status=paid",
            "/api/payouts?status=pending",
            "/api/payouts?userId={me}",
            "/api/payouts?referralId={job}",
            "/api/payouts/totals",
            "/api/payouts/totals?userId={me}",
            "/api/webhooks",
            "/api/webhooks/{hook}/deliveries",
            "/api/webhooks/{hook}/deliveries?state=dead",
            "/api/admin/keys",
        ],
    );
}

async fn asked(database: &Database) -> Vec<Asked> {
    let profile = database.collection::<Document>("system.profile");
    let ours = doc! {"op": {"$in": ["query", "command"]}, "planSummary": {"$exists": true}};
    let mut found = profile.find(ours).await.unwrap();
    let mut all = Vec::new();
    while found.advance().await.unwrap() {
        let entry = found.deserialize_current().unwrap();
        let command = entry.get_document("command").unwrap().clone();
        let text = |name: &str| command.get_str(name).ok().map(str::to_owned);
        let part = |name: &str| command.get_document(name).ok().cloned();
        let kinds = ["find", "aggregate", "findAndModify", "findandmodify"];
        let Some(of) = kinds.iter().find_map(|kind| text(kind)) else {
            continue;
        };
        if of == "system.profile" {
            continue;
        }
        let first = command
            .get_array("pipeline")
            .ok()
            .and_then(|all| all.first());
        let matched = first.and_then(|stage| stage.as_document()?.get_document("$match").ok());
        let filter = part("filter").or_else(|| part("query"));
        let filter = filter.or_else(|| matched.cloned());
        all.push(Asked {
            of,
            filter: filter.unwrap_or_default(),
            sort: part("sort"),
            plan: entry.get_str("planSummary").unwrap().to_owned(),
        });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_functions_uses_an_index() {
    let uri = given("TEST_MONGODB_URI");
    let name = format!("trm_plans_{}_{}", std::process::id(), number());
    let (address, options) = uri.split_once('?').unwrap_or((&uri, ""));
    let server = address
        .trim_start_matches("mongodb://")
        .split('/')
        .next()
        .unwrap();
    let uri = format!("mongodb://{server}/{name}?{options}");
    let database = Client::with_uri_str(&uri).await.unwrap().database(&name);
    let host = Setup::embedded().env("MONGODB_URI", &uri).ready();
    // Room for all of it: the usual profile holds a megabyte.
    let room = doc! {"create": "system.profile", "capped": true, "size": 64 << 20};
    database.run_command(room).await.unwrap();
    database.run_command(doc! {"profile": 2}).await.unwrap();
    tokio::task::block_in_place(|| ask_everything(&host));
    // What no request asks for: the dispatcher's claims, the sweep of what has expired.
    let seen = async || -> BTreeSet<String> {
        asked(&database)
            .await
            .into_iter()
            .map(|one| one.of)
            .collect()
    };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        eventually("events are dispatched", Duration::from_secs(20), || {
            runtime.block_on(seen()).contains("events")
        });
    });
    database.run_command(doc! {"profile": 0}).await.unwrap();
    let all = asked(&database).await;
    let of: BTreeSet<&str> = all.iter().map(|one| one.of.as_str()).collect();
    for collection in [
        "apikeys",
        "companies",
        "deliveries",
        "events",
        "jobs",
        "payouts",
        "referrals",
        "sessions",
        "users",
        "webhooks",
    ] {
        assert!(
            of.contains(collection),
            "{collection} is not asked for: {of:?}"
        );
    }
    let mut kinds = BTreeSet::new();
    let sqlite = Origin::sqlite(&folder("plans")).unwrap();
    for index in trm_domain::schema::INDEXES {
        let (keys, unique) = (index.keys, index.unique);
        let (sparse, text) = (index.sparse, index.text);
        let spec = IndexSpec {
            keys,
            unique,
            sparse,
            text,
        };
        sqlite
            .create_index(index.collection, spec, soon())
            .await
            .unwrap();
    }
    for one in &all {
        assert!(!one.plan.contains("COLLSCAN"), "{one:#?}");
        let sort = one.sort.as_ref().map(raw);
        let plan = sqlite
            .explain(&one.of, raw(&one.filter), sort, soon())
            .await
            .unwrap();
        let scans = plan.lines().any(|step| {
            step.starts_with(&format!("SCAN c_{}", one.of)) && !step.contains("USING INDEX")
        });
        // Everything of a collection is read in any case.
        let whole = one.filter.is_empty();
        assert!(!scans || whole, "{one:#?}\n{plan}");
        kinds.insert(format!(
            "{} {} {:?}",
            one.of,
            one.filter.keys().cloned().collect::<Vec<_>>().join(","),
            one.sort
        ));
    }
    assert!(kinds.len() > 40, "{}: {kinds:#?}", kinds.len());
    database.drop().await.unwrap();
}
