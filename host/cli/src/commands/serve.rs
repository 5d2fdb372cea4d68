//! `trm serve`: loads, listens, drains on SIGTERM; builds nothing and loads no sample data.

use super::{indexes, reload};
use crate::settings::{Flags, groups};
use crate::status;
use anyhow::Context;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use trm_cores::Cores;
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_runtime::schedule;
use trm_server::config::{Config, Mode};
use trm_server::host::Host;
use trm_server::listener;
use trm_stores::Stores;
use trm_telemetry::otlp;

#[derive(clap::Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    settings: Flags<{ groups::SERVE }>,
}

/// How long each core may take for its first connection to the origin; nothing waits for it.
const REACH: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or ctrl-c.
pub(crate) async fn run(arguments: ServeArguments) -> anyhow::Result<()> {
    let config = arguments.settings.0.configure(Mode::Serve)?;
    let functions = manifest::load(&config.manifest)?;
    let nothing: Beside<'_> = Box::new(|_, _| Box::pin(std::future::pending()));
    serve(&config, &functions, nothing).await
}

/// What runs beside a host that answers requests. Boxed, so that `serve` is compiled once.
pub(super) type Beside<'a> =
    Box<dyn FnOnce(Arc<Host>, SocketAddr) -> BoxFuture<'a, anyhow::Result<()>> + 'a>;

/// A future on the heap.
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Loads the host and serves on both ports; `beside` runs once requests are answered, and ends with them.
pub(super) async fn serve(
    config: &Config,
    functions: &[Function],
    beside: Beside<'_>,
) -> anyhow::Result<()> {
    let exporter = config.otlp.clone().map(otlp::start);
    let stores = Arc::new(Stores::open(config.stores()).await?);
    let cores = Cores::start()?;
    // Each core has connections of its own to the origin, and makes them while the host is made.
    cores.each(|| reach(stores.clone()));
    let origin = stores.clone();
    let indexed = cores.spawn(async move { indexes::ensure(&origin.origin).await });
    let host = Arc::new(Host::over(stores, config, functions, None)?);
    indexed.await?;
    if config.mode == Mode::Dev {
        host.service.endpoints().show_index();
    }
    let listener = bind(config.listen, "--port or PORT").await?;
    let address = listener.local_addr()?;
    let (stop, stopping) = watch::channel(false);
    let drain = listener::Drain {
        delay: config.drain_delay,
        timeout: config.drain,
    };
    let stopped = || {
        let mut stopping = stopping.clone();
        // An error means that the sender is gone, which is a stop as well.
        async move { drop(stopping.wait_for(|stop| *stop).await) }
    };
    let answer = |listener: TcpListener| {
        listener::serve(
            listener,
            host.service.clone(),
            host.metrics.clone(),
            cores.clone(),
            stopped(),
            drain,
        )
    };
    let metrics = match config.metrics_listen {
        Some(listen) => Some(bind(listen, "--metrics-port or METRICS_PORT").await?),
        None => None,
    };
    let by_schedule = {
        let (host, metrics) = (host.clone(), host.metrics.clone());
        let run = schedule::run(async move || host.scheduled().await, metrics, stopped());
        let run = cores.spawn(run);
        async {
            if let Err(error) = run.await {
                tracing::error!("the schedule ended badly: {error}");
            }
        }
    };
    status::say(&format!("listening on http://{address}"));
    let main = answer(listener);
    let second = async {
        if let Some(listener) = metrics {
            answer(listener).await;
        }
    };
    let signalled = async {
        let outcome = until_signalled().await;
        tracing::info!("stopping: requests in flight may finish");
        stop.send_replace(true);
        outcome
    };
    let served = async { tokio::join!(main, second, by_schedule, signalled).3 };
    // Requests are answered meanwhile: each makes ready what it needs itself.
    let loaded = async {
        host.load_all().await?;
        std::future::pending::<anyhow::Result<()>>().await
    };
    let outcome = tokio::select! {
        outcome = served => outcome,
        outcome = loaded => outcome,
        outcome = reload::on_hangup(config, &host) => outcome,
        outcome = beside(host.clone(), address) => outcome,
    };
    if let Some(exporter) = exporter {
        exporter.stop().await;
    }
    outcome
}

async fn reach(stores: Arc<Stores>) {
    if let Err(error) = stores.origin.ping(Instant::now() + REACH).await {
        tracing::debug!("the origin is not reached yet: {error}");
    }
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; {setting} names a free one"))
}

async fn until_signalled() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
