//! Spans sent to a collector over OTLP/HTTP, in batches, from a thread of their own; off without an endpoint.

use super::otlp_json;
use super::request;
use super::tls;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// How long one batch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The tracer, where an endpoint is set.
pub fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// The exporter of one process; ends with it.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

/// Starts to export. The SDK's own variables choose the sampling and the size of batches.
pub fn start(endpoint: Uri) -> Exporter {
    let collector = Collector {
        endpoint,
        runtime: Handle::current(),
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(collector)
        .build();
    // A second host in one process goes on with the first one's tracer.
    TRACER.get_or_init(|| provider.tracer("trm"));
    request::watch();
    Exporter(provider)
}

impl Exporter {
    /// Sends what is left.
    pub async fn stop(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(TIMEOUT));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the last spans were not sent: {error}"),
            Err(error) => tracing::warn!("the last spans were not sent: {error}"),
        }
    }
}

/// Where spans go. The SDK's thread has no runtime, so that each batch is sent by the host's.
#[derive(Debug)]
struct Collector {
    endpoint: Uri,
    runtime: Handle,
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (endpoint, body) = (self.endpoint.clone(), otlp_json::request(&batch));
        let sending = async move { tokio::time::timeout(TIMEOUT, send(&endpoint, body)).await };
        let failed = match self.runtime.spawn(sending).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => format!("no answer within {TIMEOUT:?}"),
            Err(error) => error.to_string(),
        };
        tracing::warn!("{} spans were not sent: {failed}", batch.len());
        Err(OTelSdkError::InternalFailure(failed))
    }
}

async fn send(endpoint: &Uri, body: String) -> anyhow::Result<()> {
    let host = endpoint.host().unwrap_or_default();
    let stream = TcpStream::connect((host, endpoint.port_u16().unwrap_or(4318))).await?;
    if endpoint.scheme_str() == Some("https") {
        post(tls::over(stream, host).await?, endpoint, body).await
    } else {
        post(stream, endpoint, body).await
    }
}

async fn post(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    endpoint: &Uri,
    body: String,
) -> anyhow::Result<()> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; its errors are the sender's as well.
    let driven = tokio::spawn(connection);
    let request = Request::post(format!(
        "{}/v1/traces",
        endpoint.path().trim_end_matches('/')
    ))
    .header(
        http::header::HOST,
        endpoint.authority().map_or("", |at| at.as_str()),
    )
    .header(http::header::CONTENT_TYPE, "application/json")
    .body(Full::new(Bytes::from(body)))?;
    let status = sender.send_request(request).await?.status();
    driven.abort();
    anyhow::ensure!(status == StatusCode::OK, "the collector answered {status}");
    Ok(())
}
