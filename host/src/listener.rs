//! Connections: accepted within a bound, spoken to in HTTP/1.1 or h2c, drained at the end; answers nothing itself.

use crate::metrics::Metrics;
use crate::service::Service;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Open connections at one time; beyond it new ones wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 16_384;
/// How long a client may take for a whole request head, and how long it may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How often an idle HTTP/2 connection is asked whether it is there, and how long it may take.
const PING: Duration = Duration::from_secs(20);
/// How long after the last connection was taken its request may still be on the way.
const SETTLE: Duration = Duration::from_millis(300);
/// HTTP/2 streams at one time in one connection.
const MAX_STREAMS: u32 = 200;

/// How a stop goes.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long new connections are still taken after the stop.
    pub delay: Duration,
    /// How long requests in flight may go on after that.
    pub timeout: Duration,
}

/// Serves until `stop` resolves, then drains. The listener is already bound, so that a test may use port 0.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
    drain: Drain,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let http = protocol();
    let stopped = async {
        stop.await;
        service.endpoints().stop();
        tokio::time::sleep(drain.delay).await;
    };
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = async {
            let permit = permits.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        // First what the kernel has taken in already: closing the listener would break it off.
        let (permit, accepted) = tokio::select! {
            biased;
            accepted = accepted => accepted,
            () = &mut stopped => break,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, say: others will close; spinning would not help them.
                tracing::warn!("a connection was not accepted: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("TCP_NODELAY was not set: {error}");
        }
        let (service, metrics) = (service.clone(), metrics.clone());
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.answer(request, client).await) }
        });
        let connection = graceful.watch(
            http.serve_connection(TokioIo::new(stream), answer)
                .into_owned(),
        );
        tokio::spawn(async move {
            metrics.connections.inc();
            if let Err(error) = connection.await {
                tracing::debug!(%client, "connection ended: {error}");
            }
            metrics.connections.dec();
            drop(permit);
        });
    }
    drop(listener);
    // A connection that was just made has its first request on the way, and hyper ends idle ones at once.
    tokio::time::sleep(SETTLE).await;
    if tokio::time::timeout(drain.timeout, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were cut off: the drain took longer than {:?}",
            drain.timeout
        );
    }
}

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .pipeline_flush(true)
        .keep_alive(true);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(64 << 10);
    http
}
