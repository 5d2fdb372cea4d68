//! Shows a stored document from its bytes.

use trm_sdk::bson::RawDocumentBuf;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Problem, Request, doc, response, view};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let id = doc! {"_id": request.id("id")?};
    let found = JOBS.find_one::<RawDocumentBuf>(id, None).await?;
    let found = found.ok_or(Problem::not_found("no such job"))?;
    Ok(response::json_bytes(view::one(&found)?))
}
