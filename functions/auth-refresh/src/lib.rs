//! `POST /api/auth/refresh` trades a refresh token for new tokens, once; a second use ends the session.

use serde::Deserialize;
use trm_market::{session, throttle};
use trm_sdk::response;
use trm_sdk::{Answer, Method, Problem, Request};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

trm_sdk::function!(auth_refresh);

async fn auth_refresh(request: Request) -> Answer {
    match *request.method() {
        Method::POST => refresh(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn refresh(request: &Request) -> Answer {
    request.query(&[])?;
    let given: Refresh = request.json()?;
    throttle::address(request).await?;
    response::json(&session::renew(&given.refresh_token).await?)
}
