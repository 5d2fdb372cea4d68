//! `GET /api/jobs` lists jobs, `POST /api/jobs` posts one; changes none.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::job::{self, NewJob};
use trm_market::collections::{COMPANIES, JOBS};
use trm_market::{Caller, Change, broken, jobs, write};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Query, Request};
use trm_sdk::{cache, doc, response, revision, view};

const FILTERS: [&str; 7] = [
    "status",
    "companyId",
    "city",
    "country",
    "salaryMin",
    "salaryMax",
    "text",
];

trm_sdk::function!(jobs);

async fn jobs(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => list(&request).await,
        Method::POST => create(&request).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn list(request: &Request) -> Answer {
    let query = request.query(&[&FILTERS[..], &Listing::PARAMETERS].concat())?;
    let listing = Listing::read(&query, &job::SORTABLE, &job::FIELDS, "-createdAt")?;
    let mut filter = filter(&query)?;
    if !jobs::narrow(request, &query, &mut filter).await? {
        return listing.answer(request, &query, JOBS, filter).await;
    }
    let key = format!("jobs:list:{}", query.canonical());
    let mut tags = vec!["jobs:list".to_owned()];
    if let Ok(company) = filter.get_object_id("companyId") {
        tags.push(format!("company:{company}"));
    }
    let options = cache::Options::tagged(tags.clone());
    let fetched =
        cache::get_or_set(&key, options, async || listing.fetch(JOBS, filter).await).await?;
    Ok(Listing::linked(request, &query, fetched, |body| {
        response::public(body, &tags)
    }))
}

/// All but `status`.
fn filter(query: &Query) -> Result<Document, Problem> {
    let mut filter = Document::new();
    if let Some(company) = query.id("companyId")? {
        filter.insert("companyId", company);
    }
    for place in ["city", "country"] {
        if let Some(value) = query.get(place) {
            filter.insert(format!("location.{place}"), value);
        }
    }
    // Salaries that overlap the range that is asked for.
    for (name, field, compare) in [
        ("salaryMin", "salary.max", "$gte"),
        ("salaryMax", "salary.min", "$lte"),
    ] {
        if query.get(name).is_some() {
            let amount = query.number(name, 0_i64, 0, job::MOST_AMOUNT)?;
            filter.insert(field, doc! {compare: amount});
        }
    }
    if let Some(text) = query.get("text") {
        let words = job::words(text).map_err(|broken| Problem::unusable("text", broken.rule))?;
        filter.insert("$text", doc! {"$search": words});
    }
    Ok(filter)
}

async fn create(request: &Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::JobPost)?;
    let new: NewJob = request.json()?;
    write::post(request, &caller, async || {
        let company = new.check().map_err(broken)?;
        caller.over(Action::JobPost, &[], Some(company))?;
        if COMPANIES.count(doc! {"_id": company}).await? == 0 {
            return Err(Problem::rule("/companyId", "/companyId names no company"));
        }
        let (mut change, id) = (Change::new(), ObjectId::new());
        let job = new.into_document(id, company, change.now());
        change.insert(JOBS, &job);
        let data = doc! {"id": id, "companyId": company, "title": job.get("title")};
        let event = Event::new("job.created", id, data).company(Some(company));
        change.event(event.tags(["jobs:list"]));
        let answer = response::created(&format!("/api/jobs/{id}"), &view::view(job))?;
        Ok((change, revision::tagged(answer)))
    })
    .await
}
