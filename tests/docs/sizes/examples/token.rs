//! Signs a token.

use trm_sdk::signing::Secrets;
use trm_sdk::{Answer, Request, response};

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let secrets = Secrets::new("secret", request.path().to_owned(), None)?;
    response::json(&secrets.token(1, 60)?)
}
