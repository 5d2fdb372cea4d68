//! SIGHUP: the manifest and its components are read again and swapped in under running requests; stops nothing.

use crate::config::Config;
use crate::host::Host;
use crate::manifest;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

/// Reloads at each SIGHUP, for ever. An error is that the signal cannot be listened to.
pub(super) async fn on_hangup(config: &Config, host: &Host) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    while hangup.recv().await.is_some() {
        reload(config, host).await;
    }
    // The runtime ends; so does everything else.
    std::future::pending().await
}

/// One line says what happened. A version that cannot be loaded leaves the old ones in place.
pub(super) async fn reload(config: &Config, host: &Host) {
    let began = Instant::now();
    let changed = match manifest::load(&config.manifest) {
        Ok(functions) => host.reload(&functions).await,
        Err(error) => Err(error.into()),
    };
    let ms = began.elapsed().as_millis() as u64;
    match changed {
        Ok(changed) if changed.is_empty() => tracing::info!(ms, "reloaded: nothing has changed"),
        Ok(changed) => tracing::info!(ms, "reloaded: {}", changed.join(", ")),
        Err(error) => tracing::error!(ms, "not reloaded, the old versions serve on: {error:#}"),
    }
}
