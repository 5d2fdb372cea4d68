//! `trm dev`: builds every function, loads sample data once, serves on loopback, says what to try, and follows saves.

mod compile;
mod eye;
mod sources;
mod watch;

pub(super) use compile::cargo_package;

use super::configure;
use super::sample;
use super::serve;
use crate::chaos;
use crate::chaos::Fault;
use crate::chaos::Struck;
use crate::config::Config;
use crate::config::Mode;
use crate::manifest;
use crate::manifest::Function;
use anyhow::{bail, ensure};
use std::net::SocketAddr;
use std::path::Path;

/// Whoever has built the functions says so by it.
pub(super) const BUILT: &str = "TRM_BUILT";

/// Runs until ctrl-c.
pub async fn dev(arguments: &[&str]) -> anyhow::Result<()> {
    let faults = faults(arguments)?;
    let config = configure(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    check(&faults, &config, &functions)?;
    let folder = folder(&config);
    compile::add_target(folder).await?;
    compile::build(&functions, None, folder).await?;
    sample::load_once(&config).await?;
    serve::run(&config, &functions, async |host, address| {
        print_routes(&functions, address);
        // Only now: what is loaded before must get through.
        if !faults.is_empty() {
            println!("{} faults strike from now on", faults.len());
            chaos::begin(faults)?;
        }
        watch::follow(&config, folder, &functions, host).await
    })
    .await
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

/// `--chaos` may be given more than once.
fn faults(arguments: &[&str]) -> anyhow::Result<Vec<Fault>> {
    let pairs = arguments.chunks(2).map(|pair| match pair {
        ["--chaos", fault] => Fault::read(fault),
        other => bail!("`{}`: trm dev [--chaos <fault>]…", other.join(" ")),
    });
    pairs.collect()
}

/// A fault that strikes nothing is a mistake.
fn check(faults: &[Fault], config: &Config, functions: &[Function]) -> anyhow::Result<()> {
    for fault in faults {
        ensure!(
            fault.store() != Struck::Redis || config.redis_url.is_some(),
            "--chaos redis=… strikes nothing: REDIS_URL is not set"
        );
        for name in fault.functions() {
            ensure!(
                functions.iter().any(|function| function.name == *name),
                "--chaos names {name}, and there is no [component.{name}] in {}",
                config.manifest.display()
            );
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

fn print_routes(functions: &[Function], address: SocketAddr) {
    println!();
    for function in functions {
        for route in &function.routes {
            println!(
                "  {route:<28} {:<24} {}",
                function.name,
                curl(route, address)
            );
        }
    }
    println!(
        "  {:<28} {:<24} curl http://{address}/api/health",
        "/api/health", "(host)"
    );
    println!("\nSign in with the password {} as", sample::PASSWORD);
    for (email, role) in sample::DEMO {
        println!("  {email:<28} {role}");
    }
    println!(
        "  curl -s http://{address}/api/auth/login --json '{{\"email\":\"{}\",\"password\":\"{}\"}}'",
        sample::DEMO[0].0,
        sample::PASSWORD
    );
    println!(
        "\nEvery route is described at http://{address}/docs, and what is going on is shown at http://{address}/console; what is saved is built and served at once; ctrl-c stops it."
    );
}

/// A line to try. Sample identifiers stand in for parameters, so that it answers with data.
fn curl(route: &str, address: SocketAddr) -> String {
    let path: Vec<String> = route
        .split('/')
        .scan("", |before, segment| {
            let shown = match segment {
                ":id" => sample::example_id(before),
                "..." => String::new(),
                plain => plain.to_owned(),
            };
            *before = segment;
            Some(shown)
        })
        .collect();
    format!("curl http://{address}{}", path.join("/"))
}
