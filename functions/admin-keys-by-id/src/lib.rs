//! `DELETE /api/admin/keys/:id` takes a partner's key back, on every host at once; shows none.

use trm_domain::access::Action;
use trm_market::collections::KEYS;
use trm_market::{Caller, keys, read};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

trm_sdk::function!(admin_keys_by_id);

async fn admin_keys_by_id(request: Request) -> Answer {
    match *request.method() {
        Method::DELETE => revoke(&request).await,
        _ => Err(Problem::method("DELETE")),
    }
}

async fn revoke(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    Caller::of(request).await?.may(Action::KeyManage)?;
    if !KEYS.delete_one(doc! {"_id": id}).await? {
        return Err(read::missing("key", id));
    }
    cache::delete(&keys::entry(id)).await?;
    Ok(response::no_content())
}
