//! `GET /api/users/:id` shows a user's public profile; never the mail address.

use trm_sdk::bson::Document;
use trm_sdk::documents::{Collection, collection};
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response, view};

const USERS: Collection = collection("users");

trm_sdk::function!(users_by_id);

async fn users_by_id(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => read(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn read(request: &Request) -> Answer {
    let id = request.id("id")?;
    request.query(&[])?;
    let options = cache::Options::tagged([format!("user:{id}")]);
    let body = cache::get_or_set(&format!("user:{id}"), options, async || {
        // What is not named here stays inside: a field added later is private until it is added here.
        let public = doc! {
            "name": 1, "headline": 1, "role": 1, "location": 1, "referrerProfile": 1, "createdAt": 1,
        };
        let user = USERS.find_one::<Document>(doc! {"_id": id}, Some(public)).await?;
        let user = user.ok_or_else(|| Problem::not_found(format!("there is no user {id}")))?;
        response::to_json(&view::view(user))
    })
    .await?;
    Ok(response::json_bytes(body))
}
