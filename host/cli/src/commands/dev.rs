//! `trm dev`: builds every function, loads sample data once, serves on loopback, prints what to try, and follows saves.

mod ahead;
mod compile;
mod examples;
mod eye;
mod greeting;
mod process;
mod sources;
mod watch;

pub(super) use compile::cargo_package;

use super::client;
use super::sample;
use super::serve::{Beside, serve};
use super::similar::did_you_mean;
use crate::settings::{Flags, UsageError, groups};
use crate::status;
use greeting::Greeting;
use std::path::Path;
use std::time::Instant;
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_resilience::chaos;
use trm_resilience::chaos::{Fault, Struck};
use trm_server::config::{Config, Mode};

/// Set where the functions are built already.
pub(super) const BUILT: &str = "TRM_BUILT";

#[derive(clap::Args)]
pub(crate) struct DevArguments {
    /// Make a store fail for these functions, or for all: redis|mongodb=dead|flapping|slow:MS[@FUNCTION,…]; may be
    /// repeated
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    chaos: Vec<Fault>,
    /// Print every route instead of examples
    #[arg(long)]
    routes: bool,
    #[command(flatten)]
    settings: Flags<{ groups::SERVE | groups::DEV }>,
}

fn fault(text: &str) -> Result<Fault, String> {
    Fault::read(text).map_err(|error| format!("{error:#}"))
}

/// Runs until ctrl-c.
pub(crate) async fn run(arguments: DevArguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let DevArguments { chaos, routes, .. } = arguments;
    let config = arguments.settings.0.configure(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    check(&chaos, &config, &functions)?;
    let folder = folder(&config);
    compile::add_target(folder).await?;
    compile::build(&functions, None, folder).await?;
    ahead::compile(&config, &functions).await?;
    let has_sample = sample::is_used_by(&functions)
        && status::during("loading sample data", sample::load_once(&config)).await?;
    let (config, functions) = (&config, &functions[..]);
    let beside: Beside<'_> = Box::new(move |host, address| {
        Box::pin(async move {
            // Only now: what is loaded before must get through.
            if !chaos.is_empty() {
                println!("{} faults strike from now on", chaos.len());
                chaos::begin(chaos)?;
            }
            // Polled first: what is saved from here on is noticed.
            let follow = watch::follow(config, folder, functions, &host);
            let greeting = Greeting {
                functions,
                address: client::reachable(address),
                began,
                has_sample,
            };
            let greet = greeting.print(routes);
            tokio::join!(biased; follow, greet).0
        })
    });
    serve(config, functions, beside).await
}

/// Builds these functions, as `trm dev` does after a save; nothing where TRM_BUILT says that it is done.
pub(super) async fn build_some(
    config: &Config,
    functions: &[Function],
    names: impl IntoIterator<Item = String>,
) -> anyhow::Result<()> {
    if std::env::var_os(BUILT).is_some() {
        return Ok(());
    }
    let folder = folder(config);
    compile::add_target(folder).await?;
    compile::build(functions, Some(&names.into_iter().collect()), folder).await
}

/// A fault that strikes nothing is wrong usage.
fn check(faults: &[Fault], config: &Config, functions: &[Function]) -> Result<(), UsageError> {
    let known = || functions.iter().map(|function| function.name.as_str());
    for fault in faults {
        if fault.store() == Struck::Redis && config.redis_url.is_none() {
            let text = "--chaos redis=… strikes nothing: REDIS_URL is not set";
            return Err(UsageError(text.to_owned()));
        }
        for name in fault.functions() {
            if !known().any(|known| known == name) {
                return Err(UsageError(format!(
                    "--chaos names {name}, and there is no [component.{name}] in {}{}",
                    config.manifest.display(),
                    did_you_mean(name, known())
                )));
            }
        }
    }
    Ok(())
}

/// Where the manifest is, and its build commands run.
pub(super) fn folder(config: &Config) -> &Path {
    match config.manifest.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
