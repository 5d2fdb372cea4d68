//! `GET /api/jobs/:id` as functions/jobs-by-id answers it to anyone, on WASI 0.2 alone: no SDK, no spin-sdk; changes none.

mod answer;
mod job;

use answer::Answer;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

mod bindings {
    wit_bindgen::generate!({
        // A function of WASI 0.2 may not wait for an `async func`.
        path: "../../../shared/wit/plain",
        world: "trm:platform/capabilities",
    });
}

struct Jobs;

wasip2::http::proxy::export!(Jobs);

impl Guest for Jobs {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        answer(&request).send(out, matches!(request.method(), Method::Head));
    }
}

fn answer(request: &IncomingRequest) -> Answer {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return Answer::problem(405, "this resource answers GET, HEAD only")
            .with("allow", "GET, HEAD");
    }
    // The host of `wasi:http` tells the route's named segments by headers.
    let told = request.headers().get("spin-path-match-id");
    let id = told
        .first()
        .map(|id| String::from_utf8_lossy(id).into_owned());
    job::show(&id.unwrap_or_default()).unwrap_or_else(|problem| problem)
}
