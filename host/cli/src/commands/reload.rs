//! SIGHUP, `trm admin reload` or the console's button: the manifest and its components are read again and swapped in under running requests; stops nothing.

use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_server::config::Config;
use trm_server::host::Host;
use trm_server::reloads::Outcome;

/// Reloads at each SIGHUP and each wish, for ever. An error is that the signal cannot be listened to.
pub(super) async fn on_hangup(config: &Config, host: &Arc<Host>) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            Some(()) = hangup.recv() => drop(reload(config, host).await),
            Some(wish) = host.reloads.next() => {
                // Who wished may have gone; the log says what came of it all the same.
                drop(wish.send(reload(config, host).await));
            }
        }
    }
}

/// One line says what happened. A version that cannot be loaded leaves the old ones in place.
async fn reload(config: &Config, host: &Arc<Host>) -> Outcome {
    let began = Instant::now();
    let changed = match manifest::load(&config.manifest) {
        Ok(functions) => swap(host, functions).await,
        Err(error) => Err(error.into()),
    };
    let ms = began.elapsed().as_millis() as u64;
    match &changed {
        Ok(changed) if changed.is_empty() => tracing::info!(ms, "reloaded: nothing has changed"),
        Ok(changed) => tracing::info!(ms, "reloaded: {}", changed.join(", ")),
        Err(error) => tracing::error!(ms, "not reloaded, the old versions serve on: {error:#}"),
    }
    changed.map_err(|error| format!("{error:#}"))
}

/// Serves these functions from now on: the names of those that are new, changed or gone. They are compiled in
/// a task of their own, so that requests go on being accepted.
pub(super) async fn swap(
    host: &Arc<Host>,
    functions: Vec<Function>,
) -> anyhow::Result<Vec<String>> {
    let host = host.clone();
    tokio::spawn(async move { host.reload(&functions).await }).await?
}
