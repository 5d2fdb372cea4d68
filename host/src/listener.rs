//! Connections: accepted within a bound, spoken to in HTTP/1.1 or h2c, drained at the end; answers nothing itself.

mod clock;
mod patient;

use crate::metrics::Metrics;
use crate::service::Service;
use clock::{Bounds, Clock, Spoken, Turn};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use patient::Patient;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Open connections at one time; beyond it new ones wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 16_384;
/// How long a client may take for a whole request head, and how long it may stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an answer may wait for a client that reads nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The life of one connection.
const BOUNDS: Bounds = Bounds {
    silence: HEAD_TIMEOUT,
    age: Duration::from_secs(600),
    farewell: Duration::from_secs(60),
};
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
    let closing = watch::Sender::new(false);
    let http = protocol();
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
        let (service, metrics) = (service.clone(), metrics.clone());
        let client: Arc<str> = client.to_string().into();
        let named = client.clone();
        let spoken = Arc::new(Spoken::default());
        let heard = spoken.clone();
        let answer = service_fn(move |request: hyper::Request<_>| {
            heard.hears(request.version());
            let (service, client) = (service.clone(), named.clone());
            async move { Ok::<_, Infallible>(service.answer(request, client).await) }
        });
        let stream = TokioIo::new(Patient::new(stream, WRITE_TIMEOUT));
        let connection = http.serve_connection(stream, answer).into_owned();
        let mut closed = closing.subscribe();
        tokio::spawn(async move {
            metrics.connections.inc();
            let mut connection = pin!(connection);
            let (mut clock, mut ending) = (Clock::start(BOUNDS), false);
            loop {
                let turn = tokio::select! {
                    biased;
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(%client, "connection ended: {error}");
                        }
                        break;
                    }
                    // A sender that is gone has stopped as well.
                    _ = closed.wait_for(|closed| *closed), if !ending => Turn::Finish,
                    turn = clock.turn(&spoken) => turn,
                };
                match turn {
                    Turn::Finish => {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    Turn::Cut(why) => {
                        tracing::debug!(%client, "connection cut off: {why}");
                        break;
                    }
                }
            }
            metrics.connections.dec();
            drop((permit, closed));
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

fn protocol() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(true);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(64 << 10);
    http
}
