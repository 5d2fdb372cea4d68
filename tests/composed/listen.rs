//! HTTP/1.1 on the loopback, and the headers by which Spin tells a function its route; answers nothing itself but 404.

use crate::guest::Server;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until the process is ended.
pub async fn serve(port: u16, server: Server) -> anyhow::Result<()> {
    let mut paths = matchit::Router::new();
    for (place, route) in server.routes().enumerate() {
        let segments = route
            .split('/')
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) => format!("{{{name}}}"),
                None => segment.to_owned(),
            });
        paths.insert(segments.collect::<Vec<_>>().join("/"), place)?;
    }
    let shared = Arc::new((paths, server));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, client) = listener.accept().await?;
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(answer(&shared.0, &shared.1, client, request).await) }
            });
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

async fn answer(
    paths: &matchit::Router<usize>,
    server: &Server,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let Ok(found) = paths.at(&path) else {
        return plain(StatusCode::NOT_FOUND, "no component serves this path");
    };
    let (mut head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return plain(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let parameters = found.params.iter();
    let mut told: Vec<(String, String)> = parameters
        .map(|(name, value)| (format!("spin-path-match-{name}"), value.to_owned()))
        .collect();
    told.push(("spin-client-addr".to_owned(), client.to_string()));
    for (name, value) in told {
        if let (Ok(name), Ok(value)) = (
            name.parse::<http::HeaderName>(),
            HeaderValue::from_str(&value),
        ) {
            // Appended, as Spin does it: behind what the client may have sent under the same name.
            head.headers.append(name, value);
        }
    }
    let request = Request::from_parts(head, body);
    match server.answer(*found.value, request).await {
        Ok(response) => response.map(Full::new),
        Err(error) => {
            eprintln!("{path}: {error:?}");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the function failed")
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}
