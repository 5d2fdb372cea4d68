//! The two ways into a function, `wasi:http/handler` and `trm:platform/message`; decides no answer.

use crate::headers::Headers;
use crate::message;
use crate::problem::Problem;
use crate::request::Request;
use crate::response::{Answer, Response};
use crate::revision;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use spin_sdk::http::FullBody;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::wit_bindgen::block_on;

#[doc(hidden)]
pub use crate::bindings::exports::trm::platform::message::Guest;
#[doc(hidden)]
pub use crate::bindings::exports::trm::platform::messages::Guest as GuestOfSeveral;

/// The headers by which a host of `wasi:http` tells the named segments of the route, and the client.
const PARAMETER: &str = "spin-path-match-";
const CLIENT: &str = "spin-client-addr";

/// What the attribute `http_service` hands to a function.
pub type Incoming = spin_sdk::http::Request;

/// What it takes back.
pub type Outgoing = http::Response<FullBody<Bytes>>;

/// Exports an `async fn(Request) -> Answer` as the component's `wasi:http/handler`, which every host
/// of WASI 0.3 calls, and as its `trm:platform/message`, which TRM's host prefers.
#[macro_export]
macro_rules! function {
    ($route:path) => {
        #[::spin_sdk::http_service]
        async fn standard(incoming: $crate::handler::Incoming) -> $crate::handler::Outgoing {
            $crate::handler::standard(incoming, $route).await
        }

        struct Plain;

        impl $crate::handler::Guest for Plain {
            fn handle(request: ::std::vec::Vec<u8>) -> ::std::vec::Vec<u8> {
                $crate::handler::plain(request, $route)
            }
        }

        impl $crate::handler::GuestOfSeveral for Plain {
            async fn handle(request: ::std::vec::Vec<u8>) -> ::std::vec::Vec<u8> {
                $crate::handler::message(request, $route).await
            }
        }

        $crate::bindings::export_handler!(Plain with_types_in $crate::bindings);
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

/// Runs a function's own code on a message, and answers with one.
pub async fn message(request: Vec<u8>, route: impl AsyncFnOnce(Request) -> Answer) -> Vec<u8> {
    let answer = match message::read(request) {
        Ok(request) => answer(request, route).await,
        Err(problem) => problem.into_response(),
    };
    message::write(answer)
}

/// The same, for an instance that works for nobody else meanwhile.
pub fn plain<R>(request: Vec<u8>, route: R) -> Vec<u8>
where
    R: AsyncFnOnce(Request) -> Answer + 'static,
{
    // Capabilities are called synchronously, so the future seldom waits; outbound HTTP does.
    block_on(message(request, route))
}

/// Every failure is an answer too. A HEAD request gets the head alone.
async fn answer(request: Request, route: impl AsyncFnOnce(Request) -> Answer) -> Response {
    let head_only = request.method == Method::HEAD;
    // Headers are parsed for this only where the client has said it.
    let known = if request.headers.mention("if-none-match") {
        request.header(header::IF_NONE_MATCH).map(str::to_owned)
    } else {
        None
    };
    let response = route(request).await.unwrap_or_else(Problem::into_response);
    let mut response = revision::fresh(known.as_deref(), response);
    // What does not say that it may be shared is the caller's alone.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
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
    Ok(Request {
        parameters: parameters(&head.headers),
        client: told(&head.headers, CLIENT).unwrap_or_default(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        method: head.method,
        headers: Headers::from(head.headers),
        body,
    })
}

/// The named segments of the route.
fn parameters(headers: &HeaderMap) -> Vec<(String, String)> {
    let names = headers.keys().filter_map(|name| {
        let parameter = name.as_str().strip_prefix(PARAMETER)?;
        Some((parameter.to_owned(), told(headers, name.as_str())?))
    });
    names.collect()
}

/// What the host tells by a header. A client may send one of the same name, and Spin adds its own after that: the last
/// one is the host's, and where it cannot be read no other stands for it.
fn told(headers: &HeaderMap, name: &str) -> Option<String> {
    let last = headers.get_all(name).iter().next_back()?;
    last.to_str().map(str::to_owned).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_in_the_hosts_name_is_not_believed() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("spin-path-match-id", &b"forged"[..]),
            ("spin-client-addr", b"203.0.113.7:1"),
            ("spin-path-match-id", b"1"),
            ("spin-client-addr", b"127.0.0.1:2"),
            ("spin-path-match-code", b"forged"),
            ("spin-path-match-code", b"\xff"),
        ] {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        assert_eq!(parameters(&headers), [("id".to_owned(), "1".to_owned())]);
        assert_eq!(told(&headers, CLIENT).as_deref(), Some("127.0.0.1:2"));
    }
}
