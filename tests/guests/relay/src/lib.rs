//! Hands each request to the origin that the variable `origin` names, and its answer back; keeps neither.

use bytes::Bytes;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, HeaderMap, Request, Response, send};
use spin_sdk::http_service;
use spin_sdk::variables;

/// Fields of one connection: RFC 9110, section 7.6.1.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[http_service]
async fn run(request: Request) -> Response<FullBody<Bytes>> {
    match relay(request).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = Response::new(FullBody::new(Bytes::from(error)));
            *response.status_mut() = spin_sdk::http::StatusCode::BAD_GATEWAY;
            response
        }
    }
}

async fn relay(request: Request) -> Result<Response<FullBody<Bytes>>, String> {
    let origin = variables::get("origin")
        .await
        .map_err(|error| format!("{error:?}"))?;
    let (head, body) = request.into_parts();
    let body = body.bytes().await.map_err(|error| error.to_string())?;
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut asked = http::Request::new(FullBody::new(body));
    *asked.uri_mut() = format!("{origin}{target}")
        .parse()
        .map_err(|error| format!("{error}"))?;
    *asked.method_mut() = head.method;
    *asked.headers_mut() = end_to_end(&head.headers);
    let answer = send(asked).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let body = body.bytes().await.map_err(|error| error.to_string())?;
    let mut response = Response::new(FullBody::new(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = end_to_end(&head.headers);
    Ok(response)
}

/// All but the fields of one connection, the ones that `Connection` lists among them.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let listed: Vec<String> = headers
        .get_all("connection")
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        if !OF_CONNECTION.contains(&name.as_str())
            && !listed.iter().any(|listed| listed == name.as_str())
        {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}
