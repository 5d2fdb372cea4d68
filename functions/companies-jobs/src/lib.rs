//! `GET /api/companies/:id/jobs` lists one company's jobs; knows nothing else of companies.

use trm_domain::job::{self, Status};
use trm_sdk::documents::{Collection, collection};
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

const JOBS: Collection = collection("jobs");
const COMPANIES: Collection = collection("companies");

trm_sdk::function!(companies_jobs);

async fn companies_jobs(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn list(request: &Request) -> Answer {
    let company = request.id("id")?;
    let query = request.query(&[&["status"][..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &job::SORTABLE, &job::FIELDS, "-createdAt")?;
    let mut filter = doc! {"companyId": company};
    match query.get("status").unwrap_or("active") {
        "all" => {}
        status if Status::ALL.iter().any(|known| known.as_str() == status) => {
            filter.insert("status", status);
        }
        other => {
            let detail = format!("\"{other}\" is not draft, active, paused, closed or all");
            return Err(Problem::parameter("status", detail));
        }
    }
    let key = format!("jobs:company:{company}:{}", query.canonical());
    let tags = ["jobs:list".to_owned(), format!("company:{company}")];
    let body = cache::get_or_set(&key, cache::Options::tagged(tags), async || {
        if COMPANIES.count(doc! {"_id": company}).await? == 0 {
            return Err(Problem::not_found(format!("there is no company {company}")));
        }
        listing.fetch(JOBS, filter).await
    })
    .await?;
    Ok(response::json_bytes(body))
}
