//! `GET /api/jobs/search` finds active jobs by their words, the most relevant first; filters by nothing else.

use serde_json::json;
use trm_domain::job;
use trm_market::collections::JOBS;
use trm_market::read;
use trm_sdk::bson::Document;
use trm_sdk::documents::Find;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, view};

const TAGS: [&str; 1] = ["jobs:list"];

trm_sdk::function!(jobs_search);

async fn jobs_search(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => search(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn search(request: &Request) -> Answer {
    let query = request.query(&["q", "page", "limit"])?;
    let Some(words) = query.get("q") else {
        return Err(Problem::parameter(
            "q",
            "\"q\" must name the words to look for",
        ));
    };
    let words = job::words(words).map_err(|broken| Problem::unusable("q", broken.rule))?;
    let (page, limit) = (
        query.number("page", 1_u32, 1, 1_000)?,
        query.number("limit", 20_u32, 1, 100)?,
    );
    let key = format!("jobs:search:{}", query.canonical());
    let body = cache::get_or_set(&key, cache::Options::tagged(TAGS), async || {
        let filter = doc! {"status": "active", "$text": {"$search": &words}};
        let score = doc! {"score": {"$meta": "textScore"}};
        let mut fields = read::fields(&job::FIELDS);
        fields.extend(score.clone());
        let find = Find {
            projection: Some(fields),
            sort: Some(score),
            skip: (page - 1) * limit,
            limit,
            cursor: None,
        };
        let total = JOBS.count(filter.clone()).await?;
        let found = JOBS.find::<Document>(filter, find).await?;
        let data: Vec<_> = found.documents.into_iter().map(view::view).collect();
        response::to_json(&json!({
            "data": data, "page": page, "limit": limit, "total": total, "next": null,
        }))
    })
    .await?;
    Ok(response::public(body, &TAGS))
}
