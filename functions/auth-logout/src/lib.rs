//! `POST /api/auth/logout` ends the caller's session on every host; ends no other one.

use trm_domain::access::Action;
use trm_market::{Caller, session};
use trm_sdk::response;
use trm_sdk::{Answer, Method, Problem, Request};

trm_sdk::function!(auth_logout);

async fn auth_logout(request: Request) -> Answer {
    match *request.method() {
        Method::POST => logout(&request).await,
        _ => Err(Problem::method("POST")),
    }
}

async fn logout(request: &Request) -> Answer {
    request.query(&[])?;
    let caller = Caller::of(request).await?;
    caller.may(Action::AccountUse)?;
    if let Some(id) = caller.session() {
        session::end(id).await?;
    }
    Ok(response::no_content())
}
