//! `/api/users/:id`: a user's public profile, changed by an admin; never shows the mail address.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::user::{PUBLIC, UserPatch};
use trm_market::collections::{COMPANIES, USERS};
use trm_market::{Caller, Change, broken, read};
use trm_sdk::bson::Document;
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, revision, view};

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

async fn show(id: ObjectId) -> Answer {
    let tags = [format!("user:{id}")];
    let options = cache::Options::tagged(tags.clone());
    let body = cache::get_or_set(&format!("user:{id}"), options, async || {
        response::to_json(&view::view(profile(id).await?))
    })
    .await?;
    Ok(revision::tagged(response::public(body, &tags)))
}

async fn change(request: &Request, id: ObjectId) -> Answer {
    let caller = Caller::of(request).await?;
    caller.over(Action::AccountChange, &[Some(id)], None)?;
    let patch: UserPatch = request.json()?;
    if patch.needs_admin() {
        caller.may(Action::KeyManage)?;
    }
    let mut change = Change::new();
    let set = patch.check(change.now()).map_err(broken)?;
    if let Some(company) = read::id(&set, "companyId")
        && COMPANIES.count(doc! {"_id": company}).await? == 0
    {
        return Err(Problem::rule("/companyId", "/companyId names no company"));
    }
    let user = profile(id).await?;
    revision::check(request, &user)?;
    let after = change.revise(USERS, &user, set);
    let event = Event::new("user.updated", id, doc! {"id": id}).users([id]);
    change.event(event.tags([format!("user:{id}")]));
    change.commit(request).await?;
    Ok(revision::tagged(response::json(&view::view(after))?))
}

/// What is not named in `PUBLIC` stays inside.
async fn profile(id: ObjectId) -> Result<Document, Problem> {
    let found = USERS
        .find_one(doc! {"_id": id}, Some(read::fields(&PUBLIC)))
        .await?;
    found.ok_or_else(|| read::missing("user", id))
}
