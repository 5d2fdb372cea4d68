//! Inserts a document in a transaction.

use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::{self, Collection, Write, collection};
use trm_sdk::{Answer, Request, doc, response, time};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(_: Request) -> Answer {
    let job = doc! {"_id": ObjectId::new(), "createdAt": time::now()};
    documents::commit([Write::insert(JOBS, &job)]).await?;
    Ok(response::no_content())
}
