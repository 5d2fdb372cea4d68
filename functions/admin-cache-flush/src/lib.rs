//! `POST /api/admin/cache/flush` makes every cached entry old, on every host; for emergencies.

use trm_domain::access::Action;
use trm_market::Caller;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, response};

trm_sdk::function!(admin_cache_flush);

async fn admin_cache_flush(request: Request) -> Answer {
    match *request.method() {
        Method::POST => flush(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn flush(request: &Request) -> Answer {
    request.query(&[])?;
    Caller::of(request).await?.may(Action::CacheManage)?;
    cache::invalidate_pattern("*").await?;
    Ok(response::no_content())
}
