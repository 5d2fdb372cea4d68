//! `/api/users/me`: the caller's own account, shown and changed; shows no one else's.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::user::{ACCOUNT, PUBLIC, UserPatch};
use trm_market::collections::USERS;
use trm_market::{Caller, Change, broken, read};
use trm_sdk::bson::Document;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, response, revision, view};

trm_sdk::function!(users_me);

async fn users_me(request: Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(&request).await?;
    match *request.method() {
        Method::GET | Method::HEAD => show(&caller).await,
        Method::PATCH => change(&request, &caller).await,
        _ => Err(Problem::method("GET, HEAD, PATCH")),
    }
}

async fn show(caller: &Caller) -> Answer {
    caller.may(Action::AccountUse)?;
    Ok(revision::tagged(response::json(&view::view(
        account(caller).await?,
    ))?))
}

async fn change(request: &Request, caller: &Caller) -> Answer {
    caller.may(Action::AccountUse)?;
    let patch: UserPatch = request.json()?;
    if patch.needs_admin() {
        caller.may(Action::KeyManage)?;
    }
    let mut change = Change::new();
    let set = patch.check(change.now()).map_err(broken)?;
    let user = account(caller).await?;
    revision::check(request, &user)?;
    let after = change.revise(USERS, &user, set);
    let id = caller.user()?;
    let event = Event::new("user.updated", id, doc! {"id": id}).users([id]);
    change.event(event.tags([format!("user:{id}")]));
    change.commit(request).await?;
    Ok(revision::tagged(response::json(&view::view(after))?))
}

/// The fields that the account shows; the password's hash is not among them.
async fn account(caller: &Caller) -> Result<Document, Problem> {
    let id = caller.user()?;
    let fields = read::fields(&[&PUBLIC[..], &ACCOUNT].concat());
    let found = USERS.find_one(doc! {"_id": id}, Some(fields)).await?;
    found.ok_or_else(|| read::missing("user", id))
}
