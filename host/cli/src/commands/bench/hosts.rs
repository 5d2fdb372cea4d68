//! Whole hosts, opened as `trm serve` opens them, and each function's first requests; looks inside none.

use super::phases::Phases;
use super::room::incoming;
use anyhow::anyhow;
use std::time::Instant;
use trm_policy::manifest::Function;
use trm_server::config::Config;
use trm_server::host::Host;

/// A first request that has to load its function, as the histogram of cold starts shows it.
pub const COLD: &str = "first request, nothing loaded";
/// One whose function is loaded.
pub const LOADED: &str = "first request after loading";

/// Opens a host and asks each of its functions twice. Where `loaded`, the loading task has gone through all
/// of them before the first request.
pub async fn open(
    config: &Config,
    functions: &[Function],
    loaded: bool,
    phases: &mut Phases,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let host = Host::open(config, functions).await?;
    phases.took("open a host", began);
    if loaded {
        let began = Instant::now();
        host.load_all().await?;
        phases.took("load all functions", began);
    }
    let first = if loaded { LOADED } else { COLD };
    for route in host.service.router().routes() {
        for phase in [first, "second request"] {
            let incoming = incoming(&route.pattern)?;
            let began = Instant::now();
            // What it answers is the function's matter; that it answers is the host's.
            let answer = route.pool.run(incoming).await;
            phases.took(phase, began);
            answer.map_err(|error| anyhow!("{} does not answer: {error:?}", route.pattern))?;
        }
    }
    Ok(())
}
