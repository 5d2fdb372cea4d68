//! `POST /api/auth/register` makes an account; never tells whether the address had one before.

use serde_json::json;
use trm_domain::event::Event;
use trm_domain::user::{self, NewUser};
use trm_market::collections::USERS;
use trm_market::{Change, broken, throttle};
use trm_sdk::bson::oid::ObjectId;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{bson::Document, doc, password, random, response};

trm_sdk::function!(auth_register);

async fn auth_register(request: Request) -> Answer {
    match *request.method() {
        Method::POST => register(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn register(request: &Request) -> Answer {
    request.query(&[])?;
    let new: NewUser = request.json()?;
    new.check().map_err(broken)?;
    throttle::address(request).await?;
    let parent = match &new.invite_code {
        Some(code) => Some(inviter(code).await?),
        None => None,
    };
    let hash = password::hash(&new.password)?;
    let id = ObjectId::new();
    let mut change = Change::new();
    let code = user::invite_code(random::bytes()?);
    let user = new.into_document(id, hash, code, parent, change.now());
    let data = doc! {"id": id, "role": user.get("role"), "invitedBy": parent};
    let event = Event::new("user.registered", id, data).users(parent).tags([
        // The inviter's network has grown.
        format!("network:{}", parent.unwrap_or(id)),
    ]);
    change.insert(USERS, &user);
    change.event(event);
    // An address that has an account is answered like a new one; its owner still has the password.
    change.commit_new().await?;
    response::accepted(&json!({
        "status": "accepted",
        "next": "sign in at /api/auth/login with this address and password",
    }))
}

async fn inviter(code: &str) -> Result<ObjectId, Problem> {
    let filter = doc! {"referrerProfile.inviteCode": code};
    let found = USERS
        .find_one::<Document>(filter, Some(doc! {"_id": 1}))
        .await?;
    let id = found.and_then(|user| user.get_object_id("_id").ok());
    id.ok_or_else(|| Problem::rule("/inviteCode", "/inviteCode names no invitation"))
}
