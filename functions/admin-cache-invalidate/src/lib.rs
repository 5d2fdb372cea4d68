//! `POST /api/admin/cache/invalidate` makes entries old by pattern or by tag, on every host; reads none.

use serde::Deserialize;
use trm_domain::access::Action;
use trm_domain::given;
use trm_market::Caller;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, response};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    #[serde(default, deserialize_with = "given")]
    pattern: Option<String>,
    #[serde(default, deserialize_with = "given")]
    tag: Option<String>,
}

trm_sdk::function!(admin_cache_invalidate);

async fn admin_cache_invalidate(request: Request) -> Answer {
    match *request.method() {
        Method::POST => invalidate(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn invalidate(request: &Request) -> Answer {
    request.query(&[])?;
    Caller::of(request).await?.may(Action::CacheManage)?;
    let done = match request.json()? {
        What {
            pattern: Some(pattern),
            tag: None,
        } => by_pattern(&pattern).await,
        What {
            pattern: None,
            tag: Some(tag),
        } => cache::invalidate_tag(&tag).await,
        _ => {
            return Err(Problem::rule(
                "",
                "give \"pattern\" or \"tag\", and not both",
            ));
        }
    };
    match done {
        Ok(()) => Ok(response::no_content()),
        Err(cache::Error::Invalid(why) | cache::Error::Denied(why)) => Err(Problem::rule("", why)),
        Err(error) => Err(error.into()),
    }
}

/// What the edge keeps was made of such entries, under keys of its own: it goes as well. A tag reaches both.
async fn by_pattern(pattern: &str) -> Result<(), cache::Error> {
    cache::invalidate_pattern(pattern).await?;
    cache::invalidate_pattern("api:*").await
}
