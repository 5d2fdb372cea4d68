//! One HTTP request to addresses that were checked already; asks no resolver, follows no redirect.

use super::Sent;
use futures::future::Either;
use futures::future::select;
use http::HeaderValue;
use http::Uri;
use http::uri::Scheme;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

static TLS: LazyLock<TlsConnector> = LazyLock::new(|| {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.into(),
    };
    let config = ClientConfig::builder().with_root_certificates(roots);
    TlsConnector::from(Arc::new(config.with_no_client_auth()))
});

/// Sends it to the first of the addresses that answers; the name is what the server must prove under TLS.
pub(super) async fn send(
    mut request: http::Request<WasiBody>,
    addresses: Vec<SocketAddr>,
    options: RequestOptions,
) -> Result<Sent, Error> {
    let uri = std::mem::take(request.uri_mut());
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    if !request.headers().contains_key(http::header::HOST) {
        let host = HeaderValue::from_str(authority.as_str());
        let host = host.map_err(|_| Error::HttpRequestUriInvalid)?;
        request.headers_mut().insert(http::header::HOST, host);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
    let connecting = TcpStream::connect(&addresses[..]);
    let plain = bounded(options.connect_timeout, connecting).await?;
    let plain = plain.map_err(Error::Connect)?;
    if uri.scheme() != Some(&Scheme::HTTPS) {
        return exchange(plain, request, options).await;
    }
    let securing = TLS.connect(server(&uri)?, plain);
    let tls = bounded(options.connect_timeout, securing).await?;
    exchange(tls.map_err(Error::Tls)?, request, options).await
}

fn server(uri: &Uri) -> Result<ServerName<'static>, Error> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host).map_err(Error::InvalidDnsNameError)?;
    Ok(name.to_owned())
}

async fn bounded<T>(most: Option<Duration>, doing: impl Future<Output = T>) -> Result<T, Error> {
    match most {
        Some(most) => tokio::time::timeout(most, doing)
            .await
            .map_err(|_| Error::ConnectionTimeout),
        None => Ok(doing.await),
    }
}

/// The head of the response, and what carries its body while that is read.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: http::Request<WasiBody>,
    options: RequestOptions,
) -> Result<Sent, Error> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut carrying = Some(Box::pin(connection));
    let answered = async {
        let sending = pin!(sender.send_request(request));
        match carrying.take() {
            Some(connection) => match select(sending, connection).await {
                Either::Left((response, connection)) => {
                    carrying = Some(connection);
                    Ok::<_, Error>(response?)
                }
                // It has carried all that it could: the answer is there, or never comes.
                Either::Right((ended, sending)) => {
                    ended?;
                    Ok(sending.await?)
                }
            },
            None => Ok(sending.await?),
        }
    };
    let response = bounded(options.first_byte_timeout, answered)
        .await
        .map_err(|_| Error::ConnectionReadTimeout)??;
    let rest = async move {
        match carrying {
            Some(connection) => Ok(connection.await?),
            None => Ok(()),
        }
    };
    let response = response.map(|body| body.map_err(Error::from).boxed_unsync());
    Ok((response, Box::new(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_given_address_is_asked_whatever_the_name_says() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = [0; 1024];
            let length = stream.read(&mut seen).await.unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&seen[..length]).into_owned()
        });
        let body = http_body_util::Empty::new().map_err(|never| match never {});
        // No resolver knows this name.
        let request = http::Request::get("http://no.such.host.invalid/a?b=c");
        let request = request.body(body.boxed_unsync()).unwrap();
        let (response, _carrying) = send(request, vec![address], RequestOptions::default())
            .await
            .unwrap();
        assert_eq!(response.status(), 204);
        let seen = serving.await.unwrap();
        assert!(seen.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("host: no.such.host.invalid\r\n"), "{seen}");
    }
}
