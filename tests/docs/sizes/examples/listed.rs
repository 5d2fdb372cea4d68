//! Answers a list with paging, sorting and fields.

use trm_sdk::documents::{Collection, collection};
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Request, doc};

const JOBS: Collection = collection("jobs");

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let query = request.query(&Listing::PARAMETERS)?;
    let listing = Listing::read(&query, &["title"], &["title"], "title")?;
    listing.answer(&request, &query, JOBS, doc! {}).await
}
