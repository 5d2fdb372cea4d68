//! The life of one connection: spoken to in HTTP/1.1 or h2c, ended within its bounds; accepts none, answers nothing itself.

use super::clock::{Bounds, Clock, Spoken, Turn};
use super::patient::Patient;
use crate::service::Service;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use trm_cores::Cores;

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
/// HTTP/2 streams at one time in one connection.
const MAX_STREAMS: u32 = 200;

/// Runs the tasks of an HTTP/2 connection: each stream is a task of its own.
#[derive(Clone, Debug)]
pub(super) struct OnCores(pub(super) Cores);

impl<F> hyper::rt::Executor<F> for OnCores
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, work: F) {
        self.0.spawn(work);
    }
}

/// What is spoken. The requests of one HTTP/2 connection are spread over the cores.
pub(super) fn protocol(cores: Cores) -> auto::Builder<OnCores> {
    let mut http = auto::Builder::new(OnCores(cores));
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

/// Answers a client until it goes, a bound is reached, or all connections are `closed` and its requests are answered.
pub(super) async fn converse(
    stream: TcpStream,
    client: Arc<str>,
    service: Arc<Service>,
    http: &auto::Builder<OnCores>,
    mut closed: watch::Receiver<bool>,
) {
    let named = client.clone();
    let spoken = Arc::new(Spoken::default());
    let heard = spoken.clone();
    let answer = service_fn(move |request: hyper::Request<_>| {
        heard.hears(request.version());
        let (service, client) = (service.clone(), named.clone());
        async move { Ok::<_, Infallible>(service.answer(request, client).await) }
    });
    let stream = TokioIo::new(Patient::new(stream, WRITE_TIMEOUT));
    let mut connection = pin!(http.serve_connection(stream, answer));
    let (mut clock, mut ending) = (Clock::start(BOUNDS), false);
    loop {
        let turn = tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%client, "connection ended: {error}");
                }
                return;
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
                return;
            }
        }
    }
}
