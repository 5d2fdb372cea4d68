//! `GET /api/jobs/search` finds active jobs by their words, the most relevant first; filters by nothing else.

use trm_domain::job;
use trm_market::collections::JOBS;
use trm_sdk::list::Listing;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

const TAGS: [&str; 1] = ["jobs:list"];

trm_sdk::function!(jobs_search);

async fn jobs_search(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => search(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn search(request: &Request) -> Answer {
    let query = request.query(&[&["q"], &Listing::RANKED[..]].concat())?;
    let Some(words) = query.get("q") else {
        return Err(Problem::parameter(
            "q",
            "\"q\" must name the words to look for",
        ));
    };
    let words = job::words(words).map_err(|broken| Problem::unusable("q", broken.rule))?;
    let listing = Listing::ranked(&query, &job::FIELDS)?;
    let key = format!("jobs:search:{}", query.canonical());
    let fetched = cache::get_or_set(&key, cache::Options::tagged(TAGS), async || {
        let filter = doc! {"status": "active", "$text": {"$search": &words}};
        listing.fetch(JOBS, filter).await
    })
    .await?;
    Ok(Listing::linked(request, &query, fetched, |body| {
        response::public(body, &TAGS)
    }))
}
