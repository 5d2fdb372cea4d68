//! Does whatever its request's bytes say to all that the host offers, and says what it was told; means nothing by it.

mod bytes;
mod calls;

use crate::bytes::Choices;
use trm_sdk::http::{HeaderName, HeaderValue, StatusCode};
use trm_sdk::{Answer, Bytes, Request, Response, response};

/// The most calls of one request.
const MOST: usize = 24;

trm_sdk::function!(run);

async fn run(request: Request) -> Answer {
    let mut choices = Choices(request.body());
    if request.path().ends_with("/answer") {
        return Ok(answer(&mut choices));
    }
    let receiver = request.header(HeaderName::from_static("x-receiver"));
    let receiver = receiver.unwrap_or_default();
    let (mut told, mut held) = (Vec::new(), Vec::new());
    while told.len() < MOST && !choices.is_over() {
        told.push(calls::call(&mut choices, &mut held, receiver).await);
    }
    drop(held);
    response::json(&told)
}

/// An answer that only a host can put right: any status, headers of the connection, lengths that are not.
fn answer(choices: &mut Choices<'_>) -> Response {
    let mut answer = Response::new(Bytes::from(choices.value()));
    let status = *choices.one(&[200, 100, 101, 199, 404, 418, 599, 600, 999]);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let names = [
        "connection",
        "transfer-encoding",
        "content-length",
        "upgrade",
        "set-cookie",
        "cache-control",
        "vary",
        "surrogate-key",
        "x-odd",
    ];
    for _ in 0..choices.byte() % 16 {
        let &name = choices.one(&names);
        let name = HeaderName::from_static(name);
        let value = match choices.byte() % 3 {
            0 => HeaderValue::from_bytes(&choices.raw()),
            1 => HeaderValue::from_bytes(choices.name().as_bytes()),
            _ => Ok(HeaderValue::from(choices.number())),
        };
        if let Ok(value) = value {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}
