//! `POST /api/auth/login` begins a session for an address and its password; tells no other fault apart.

use serde::Deserialize;
use trm_market::collections::USERS;
use trm_market::{read, session, throttle};
use trm_sdk::bson::Document;
use trm_sdk::{Answer, Method, Problem, Request};
use trm_sdk::{doc, password, response};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    password: String,
}

trm_sdk::function!(auth_login);

async fn auth_login(request: Request) -> Answer {
    match *request.method() {
        Method::POST => login(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn login(request: &Request) -> Answer {
    request.query(&[])?;
    let given: Login = request.json()?;
    // No address holds NUL, and not every store can look for it.
    let email = given.email.trim().to_lowercase().replace('\0', "");
    throttle::address(request).await?;
    throttle::account(&email).await?;
    let fields = doc! {"passwordHash": 1};
    let user: Option<Document> = USERS.find_one(doc! {"email": &email}, Some(fields)).await?;
    let hash = user
        .as_ref()
        .and_then(|user| read::text(user, "passwordHash"));
    // Longer passwords cannot have been registered; hashing them would only cost time.
    let plausible = given.password.len() <= 800;
    // A hash is computed in any case: the time does not tell whether there is such a user.
    let fits = password::fits(if plausible { &given.password } else { "" }, hash)?;
    match user {
        Some(user) if fits && plausible => {
            throttle::forget(&email).await?;
            let id = user.get_object_id("_id").map_err(Problem::internal)?;
            response::json(&session::begin(id).await?)
        }
        _ => Err(Problem::unauthorized(
            "the address or the password is wrong",
        )),
    }
}
