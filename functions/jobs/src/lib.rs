//! `GET /api/jobs` lists jobs, `POST /api/jobs` posts one; changes none.

use trm_domain::Violation;
use trm_domain::job::{self, NewJob, Status};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Query, Request};
use trm_sdk::{cache, doc, metrics, response, time, view};

const JOBS: Collection = collection("jobs");
const COMPANIES: Collection = collection("companies");
const FILTERS: [&str; 4] = ["status", "companyId", "city", "country"];

trm_sdk::function!(jobs);

async fn jobs(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        Method::POST => create(request).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list(request: &Request) -> Answer {
    let query = request.query(&[&FILTERS[..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &job::SORTABLE, &job::FIELDS, "-createdAt")?;
    let filter = filter(&query)?;
    let key = format!("jobs:list:{}", query.canonical());
    let mut tags = vec!["jobs:list".to_owned()];
    if let Ok(company) = filter.get_object_id("companyId") {
        tags.push(format!("company:{company}"));
    }
    let body = cache::get_or_set(&key, cache::Options::tagged(tags), async || {
        listing.fetch(JOBS, filter).await
    })
    .await?;
    Ok(response::json_bytes(body))
}

/// Active jobs, where the client does not ask for another status or for `all`.
fn filter(query: &Query) -> Result<Document, Problem> {
    let mut filter = Document::new();
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
    if let Some(company) = query.get("companyId") {
        let company = ObjectId::parse_str(company).map_err(|_| {
            let detail = format!("\"{company}\" is not an identifier: 24 hexadecimal digits");
            Problem::parameter("companyId", detail)
        })?;
        filter.insert("companyId", company);
    }
    for place in ["city", "country"] {
        if let Some(value) = query.get(place) {
            filter.insert(format!("location.{place}"), value);
        }
    }
    Ok(filter)
}

async fn create(request: Request) -> Answer {
    let new: NewJob = request.json()?;
    let broken = |Violation { pointer, rule }| Problem::rule(&pointer, format!("{pointer} {rule}"));
    let company = new.check().map_err(broken)?;
    if COMPANIES.count(doc! {"_id": company}).await? == 0 {
        return Err(Problem::rule("/companyId", "/companyId names no company"));
    }
    let job = new.into_document(ObjectId::new(), company, time::now());
    JOBS.insert(&job).await?;
    cache::invalidate_tag("jobs:list").await?;
    metrics::increment("job.created", &[]).await;
    let job = view::view(job);
    let location = format!("/api/jobs/{}", job["id"].as_str().unwrap_or_default());
    response::created(&location, &job)
}
