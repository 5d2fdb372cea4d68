//! A connection of one client: HTTP/1.1 in clear or by TLS, and the kinds of faults that a client sees.

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::CONNECTION;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// As much of a body is looked at.
const KEPT: usize = 1 << 20;

/// Who a client talks to, and from where.
#[derive(Clone)]
pub struct Place {
    pub address: SocketAddr,
    /// Each client has an address of its own, where the place is on the loopback.
    pub source: Option<IpAddr>,
    pub tls: Option<TlsConnector>,
}

/// An answer, whose body was read to its end.
pub struct Answer {
    pub head: Response<()>,
    pub body: Vec<u8>,
}

/// A TLS client that trusts one certificate alone.
pub fn tls(certificate: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).context("the certificate")?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection that may serve another request.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// Sends a request on this connection, or on a new one where there is none, and leaves the connection there if it goes on.
    /// A connection that the server ends without a word before is a fault.
    pub async fn exchange(
        connection: &mut Option<Self>,
        place: &Place,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, String> {
        let ask = async {
            let mut own = match connection.take() {
                Some(own) => own,
                None => Self::open(place).await?,
            };
            let answer = own.ask(request).await?;
            let close = answer.head.headers().get(CONNECTION);
            if close.is_none_or(|words| !words.as_bytes().eq_ignore_ascii_case(b"close")) {
                *connection = Some(own);
            }
            Ok(answer)
        };
        let asked = tokio::time::timeout(PATIENCE, ask).await;
        asked.unwrap_or_else(|_| Err("timeout".to_owned()))
    }

    async fn open(place: &Place) -> Result<Self, String> {
        let stream = connect(place).await.map_err(|error| fault(&error))?;
        match &place.tls {
            None => Self::over(stream).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").map_err(|e| fault(&e))?;
                let stream = tls.connect(name, stream).await;
                Self::over(stream.map_err(|error| fault(&error))?).await
            }
        }
    }

    async fn over<S>(stream: S) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|e| fault(&e))?;
        // Its fault is also the fault of the request that is under way.
        tokio::spawn(async move { drop(driver.await) });
        Ok(Self(sender))
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        self.0.ready().await.map_err(|error| fault(&error))?;
        let answer = self.0.send_request(request).await;
        let (head, body) = answer.map_err(|error| fault(&error))?.into_parts();
        // Whatever ends it, the answer is not whole.
        let body = read(body).await.map_err(|_| "incomplete".to_owned())?;
        let head = Response::from_parts(head, ());
        Ok(Answer { head, body })
    }
}

async fn connect(place: &Place) -> io::Result<TcpStream> {
    let stream = match place.source {
        None => TcpStream::connect(place.address).await?,
        Some(source) => {
            let socket = TcpSocket::new_v4()?;
            socket.bind((source, 0).into())?;
            socket.connect(place.address).await?
        }
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads a body to its end, and keeps its beginning.
async fn read(mut body: Incoming) -> Result<Vec<u8>, hyper::Error> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            kept.extend_from_slice(&data[..data.len().min(KEPT - kept.len())]);
        }
    }
    Ok(kept)
}

/// The kind of a fault; its own words, where it is none of those that tests expect.
fn fault(error: &(dyn Error + 'static)) -> String {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let known = causes.find_map(kind);
    known.map_or_else(|| error.to_string(), str::to_owned)
}

fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset};
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match error.kind() {
            ConnectionRefused => Some("refused"),
            ConnectionReset | ConnectionAborted | BrokenPipe => Some("reset"),
            io::ErrorKind::UnexpectedEof => Some("closed"),
            _ => None,
        };
    }
    let error = error.downcast_ref::<hyper::Error>()?;
    if error.is_parse() {
        return Some("malformed");
    }
    let closed = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    closed.then_some("closed")
}
