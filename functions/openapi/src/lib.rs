//! `GET /api/openapi.yaml` serves the description of every route (OpenAPI 3.1); describes nothing itself.

use trm_sdk::response;
use trm_sdk::{Answer, Method, Problem, Request};

const TEXT: &str = include_str!("../../../shared/openapi.yaml");

trm_sdk::function!(openapi);

async fn openapi(request: Request) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => {
            request.query(&[])?;
            Ok(response::page("application/yaml", TEXT))
        }
        _ => Err(Problem::method("GET, HEAD")),
    }
}
