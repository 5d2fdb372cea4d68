//! `GET /api/invites/:code` tells whose invitation a code is; nothing more of the person than the name.

use serde_json::json;
use trm_market::collections::USERS;
use trm_sdk::view::view;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{cache, doc, response};

trm_sdk::function!(invites_by_code);

async fn invites_by_code(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => show(&request).await,
        _ => Err(Problem::method("GET, HEAD")),
    }
}

async fn show(request: &Request) -> Answer {
    request.query(&[])?;
    let code = request.parameter("code")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !(4..=40).contains(&code.len()) || !code.bytes().all(plain) {
        let detail = "a code is 4 to 40 letters, digits and hyphens";
        return Err(Problem::parameter("code", detail));
    }
    let options = cache::Options::tagged(["user:invites"]);
    let body = cache::get_or_set(&format!("user:invite:{code}"), options, async || {
        let filter = doc! {"referrerProfile.inviteCode": code};
        let found = USERS
            .find_one(filter, Some(doc! {"_id": 1, "name": 1}))
            .await?;
        let user = found.ok_or_else(|| Problem::not_found("there is no such invitation"))?;
        response::to_json(&json!({"code": code, "invitedBy": view(user)}))
    })
    .await?;
    Ok(response::public(body, &["user:invites"]))
}
