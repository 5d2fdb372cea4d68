//! `/api/users/:id`: one user's public profile, shown; changed by the user or an admin; never shows the mail address.

use trm_domain::access::Action;
use trm_domain::user::PUBLIC;
use trm_market::{Caller, account, names, read};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(users_by_id);

async fn users_by_id(request: Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    match *request.method() {
        Method::GET | Method::HEAD => show(id).await,
        Method::PATCH => change(&request, id).await,
        _ => Err(Problem::method("GET, HEAD, PATCH")),
    }
}

/// What is not named in `PUBLIC` stays inside.
async fn show(id: ObjectId) -> Answer {
    let tag = names::of("user:", id);
    read::public(&tag.clone(), tag, async || account::of(id, &PUBLIC).await).await
}

async fn change(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    caller.over(Action::AccountChange, &[Some(id)], None)?;
    account::change(request, &caller, id, &PUBLIC).await
}
