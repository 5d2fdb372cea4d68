//! The way into a function: `wasi:http/handler` to a [`Request`] and back; decides no answer.

use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Answer, Response};
use bytes::Bytes;
use http::Method;
use spin_sdk::http::FullBody;
use spin_sdk::http::body::IncomingBodyExt;

/// The headers by which the host tells the named segments of the route.
const PARAMETER: &str = "spin-path-match-";

/// What the attribute `http_service` hands to a function.
pub type Incoming = spin_sdk::http::Request;

/// What it takes back.
pub type Outgoing = http::Response<FullBody<Bytes>>;

/// Exports an `async fn(Request) -> Answer` as the component's `wasi:http/handler`.
#[macro_export]
macro_rules! function {
    ($route:path) => {
        #[::spin_sdk::http_service]
        async fn standard_door(incoming: $crate::door::Incoming) -> $crate::door::Outgoing {
            $crate::door::standard(incoming, $route).await
        }
    };
}

/// Runs a function's own code on a request of `wasi:http`, and turns whatever it returns into the response.
pub async fn standard(incoming: Incoming, route: impl AsyncFnOnce(Request) -> Answer) -> Outgoing {
    let answer = match read(incoming).await {
        Ok(request) => answer(request, route).await,
        Err(problem) => problem.into_response(),
    };
    answer.map(FullBody::new)
}

/// Every failure is an answer too. A HEAD request gets the head alone.
async fn answer(request: Request, route: impl AsyncFnOnce(Request) -> Answer) -> Response {
    let head_only = request.method == Method::HEAD;
    let mut response = route(request).await.unwrap_or_else(Problem::into_response);
    if head_only {
        *response.body_mut() = Bytes::new();
    }
    response
}

async fn read(incoming: Incoming) -> Result<Request, Problem> {
    let (head, body) = incoming.into_parts();
    // Most requests have no body: a stream that would only end costs a round trip to the host.
    let body = match head.method {
        Method::GET | Method::HEAD => Bytes::new(),
        _ => body.bytes().await.map_err(|error| {
            Problem::bad_request(format!("the body did not arrive whole: {error}"))
        })?,
    };
    let parameters = head
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(PARAMETER)?;
            Some((name.to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    Ok(Request {
        parameters,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        method: head.method,
        headers: head.headers,
        body,
    })
}
