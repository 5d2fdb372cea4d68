//! Keeps accounts that only a commit changes, all of them by one each time; a part of a commit would show.

use serde_json::json;
use trm_sdk::bson::Document;
use trm_sdk::documents::{Collection, Find, Write, collection, commit};
use trm_sdk::{Answer, Problem, Request, doc, response};

const ACCOUNTS: Collection = collection("accounts");
const ENTRIES: Collection = collection("entries");
/// Writes of one commit, so many that a crash falls between two of them.
const COUNT: i32 = 60;

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    match request.path() {
        "/ledger/commit" => {
            let add = |account| {
                let (filter, update) = (doc! {"_id": account}, doc! {"$inc": {"n": 1}});
                Write::upsert_one(ACCOUNTS, filter, update)
            };
            let entry = Write::insert(ENTRIES, &doc! {"kind": "commit"});
            commit((0..COUNT).map(add).chain([entry])).await?;
            response::json(&json!({"committed": true}))
        }
        "/ledger/denied" => {
            let write = Write::delete_many(collection("others"), doc! {});
            let told = commit([Write::insert(ENTRIES, &doc! {}), write]).await;
            response::json(&json!({"told": format!("{told:?}")}))
        }
        "/ledger" => {
            let find = Find {
                limit: 1_000,
                ..Find::default()
            };
            let accounts = ACCOUNTS.find::<Document>(doc! {}, find).await?.documents;
            let mut values: Vec<i32> = Vec::new();
            for account in accounts {
                values.push(account.get_i32("n").map_err(Problem::internal)?);
            }
            // Of an empty filter MongoDB would count what a killed host's open transaction has inserted.
            let entries = ENTRIES.count(doc! {"kind": "commit"}).await?;
            response::json(&json!({"accounts": values, "entries": entries}))
        }
        other => Err(Problem::not_found(other)),
    }
}
