//! `GET /api/companies/:id/jobs` lists one company's jobs; knows nothing else of companies.

use trm_domain::job;
use trm_market::collections::{COMPANIES, JOBS};
use trm_market::{jobs, read};
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

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
    if !jobs::narrow(request, &query, &mut filter).await? {
        return listing.answer(request, &query, JOBS, filter).await;
    }
    let key = format!("jobs:company:{company}:{}", query.canonical());
    let tags = ["jobs:list".to_owned(), format!("company:{company}")];
    let options = cache::Options::tagged(tags.clone());
    let fetched = cache::get_or_set(&key, options, async || {
        if COMPANIES.count(doc! {"_id": company}).await? == 0 {
            return Err(read::missing("company", company));
        }
        listing.fetch(JOBS, filter).await
    })
    .await?;
    Ok(Listing::linked(request, &query, fetched, |body| {
        response::public(body, &tags)
    }))
}
