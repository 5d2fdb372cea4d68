//! Connections: accepted within a bound, each given to a core, drained at the end; answers nothing itself.

mod clock;
mod connection;
mod patient;

use crate::service::Service;
use connection::{converse, protocol};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use trm_cores::Cores;
use trm_telemetry::metrics::Metrics;

/// Open connections at one time; beyond it new ones wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 16_384;
/// How long after the last connection was taken its request may still be on the way.
const SETTLE: Duration = Duration::from_millis(300);

/// How a stop goes.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long new connections are still taken after the stop.
    pub delay: Duration,
    /// How long requests in flight may go on after that.
    pub timeout: Duration,
}

/// Serves until `stop` resolves, then drains; each connection stays on one of the cores. The listener is already
/// bound, so that a test may use port 0.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    cores: Cores,
    stop: impl Future<Output = ()>,
    drain: Drain,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let closing = watch::Sender::new(false);
    let http = protocol(cores.clone());
    let stopped = async {
        stop.await;
        service.stop();
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
        let client: Arc<str> = client.to_string().into();
        let (service, metrics, http) = (service.clone(), metrics.clone(), http.clone());
        let closed = closing.subscribe();
        cores.spawn(async move {
            metrics.connections.inc();
            // From one runtime to the other.
            match stream.into_std().and_then(TcpStream::from_std) {
                Ok(stream) => converse(stream, client, service, &http, closed).await,
                Err(error) => tracing::warn!(%client, "a connection was not taken over: {error}"),
            }
            metrics.connections.dec();
            drop(permit);
        });
    }
    drop(listener);
    // A connection that was just made has its first request on the way, and hyper ends idle ones at once.
    tokio::time::sleep(SETTLE).await;
    closing.send_replace(true);
    if tokio::time::timeout(drain.timeout, closing.closed())
        .await
        .is_err()
    {
        tracing::warn!(
            "requests were cut off: the drain took longer than {:?}",
            drain.timeout
        );
    }
}
