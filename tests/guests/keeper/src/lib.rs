//! Does to the cache and to counters what its path says, to what its body names, and says what it was told; imports nothing else.

use std::fmt::Debug;
use std::time::Duration;
use trm_sdk::cache::Options;
use trm_sdk::{Answer, Problem, Request, cache, counter, response};

const WINDOW: Duration = Duration::from_secs(60);

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let name = String::from_utf8_lossy(request.body());
    let what = request.path().rsplit('/').next().unwrap_or_default();
    response::json(&told(what, &name).await?)
}

async fn told(what: &str, name: &str) -> Result<String, Problem> {
    Ok(match what {
        "cache-get" => said(cache::get(name).await.map(|found| found.is_some())),
        "cache-tag" => {
            let options = Options::tagged([name]);
            said(cache::set("notes:1", b"x".to_vec(), options).await)
        }
        "cache-fill" => said(fill(name, async || Ok(())).await),
        "cache-overtaken" => said(fill(name, async || cache::invalidate_tag(name).await).await),
        "cache-delete" => said(cache::delete(name).await),
        "invalidate-tag" => said(cache::invalidate_tag(name).await),
        "invalidate-pattern" => said(cache::invalidate_pattern(name).await),
        "counter-add" => said(counter::add(name, 1, WINDOW).await.map(drop)),
        "counter-value" => said(counter::get(name).await.map(|counted| counted.value)),
        "counter-reset" => said(counter::reset(name).await),
        other => return Err(Problem::not_found(other)),
    })
}

/// A value under a key and a tag of one name, with something done while it is computed.
async fn fill(
    name: &str,
    meanwhile: impl AsyncFnOnce() -> Result<(), cache::Error>,
) -> Result<(), cache::Error> {
    let computed = cache::get_or_set(name, Options::tagged([name]), async || {
        meanwhile().await?;
        Ok::<_, cache::Error>(b"x".to_vec())
    });
    computed.await.map(drop)
}

fn said(told: Result<impl Debug, impl Debug>) -> String {
    format!("{told:?}")
}
