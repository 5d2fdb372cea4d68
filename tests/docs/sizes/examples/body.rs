//! Reads a JSON body into a type, and answers with it.

use sdk_sizes::Place;
use trm_sdk::{Answer, Request, response};

trm_sdk::function!(measured);

async fn measured(request: Request) -> Answer {
    let place: Place = request.json()?;
    response::created("/places/1", &place)
}
