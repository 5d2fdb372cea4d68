//! `/api/users/me/referrer-profile`: the caller's invite code, shown and made; changes no network.

use trm_domain::access::Action;
use trm_domain::event::Event;
use trm_domain::user;
use trm_market::collections::USERS;
use trm_market::{Caller, Change, account, write};
use trm_sdk::bson::Document;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, random, response, view};

const PATH: &str = "/api/users/me/referrer-profile";

trm_sdk::function!(referrer_profile);

async fn referrer_profile(request: Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(&request).await?;
    match *request.method() {
        Method::GET | Method::HEAD => show(&caller).await,
        Method::POST => make(&request, &caller).await,
        _ => Err(Problem::method("GET, HEAD, POST")),
    }
}

async fn show(caller: &Caller) -> Answer {
    caller.may(Action::AccountUse)?;
    match profile(&own(caller).await?) {
        Some(profile) => response::json(&view::view(profile)),
        None => Err(Problem::not_found(
            "you have no referrer profile; POST here makes one",
        )),
    }
}

async fn make(request: &Request, caller: &Caller) -> Answer {
    caller.may(Action::AccountUse)?;
    write::post(request, caller, async || {
        let user = own(caller).await?;
        if profile(&user).is_some() {
            return Err(Problem::conflict("you have a referrer profile already"));
        }
        let made = user::profile(user::invite_code(random::bytes()?), None);
        let mut change = Change::new();
        change.revise(USERS, &user, doc! {"referrerProfile": made.clone()});
        let id = caller.user()?;
        let event = Event::new("user.updated", id, doc! {"id": id}).users([id]);
        change.event(event.tags([format!("user:{id}")]));
        Ok((change, response::created(PATH, &view::view(made))?))
    })
    .await
}

async fn own(caller: &Caller) -> Result<Document, Problem> {
    account::of(caller.user()?, &["referrerProfile", "revision"]).await
}

fn profile(user: &Document) -> Option<Document> {
    user.get_document("referrerProfile").ok().cloned()
}
