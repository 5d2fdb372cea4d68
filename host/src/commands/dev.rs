//! `trm dev`: builds every function, loads sample data once, serves on loopback, and says what to try.

use super::configure;
use super::sample;
use super::serve;
use crate::config::Mode;
use crate::manifest;
use crate::manifest::Function;
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use tokio::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// Runs until ctrl-c.
pub async fn dev() -> anyhow::Result<()> {
    let config = configure(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let folder = match config.manifest.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    add_target(folder).await?;
    build(&functions, folder).await?;
    sample::load_once(&config).await?;
    serve::run(&config, &functions, |host, address| {
        print_routes(&functions, address);
        drop(host.stores.clone());
    })
    .await
}

/// Adds the guests' target to the toolchain, where it is missing.
async fn add_target(folder: &Path) -> anyhow::Result<()> {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .current_dir(folder)
        .output()
        .await;
    let installed = match installed {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        // A toolchain that rustup does not manage: cargo itself will say if the target is missing.
        Err(_) => return Ok(()),
    };
    if installed.lines().any(|line| line == TARGET) {
        return Ok(());
    }
    println!("adding the target {TARGET} …");
    run(Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder))
    .await
}

/// Runs each build command once. Plain cargo builds of packages become one cargo call, which shares
/// what they have in common.
async fn build(functions: &[Function], folder: &Path) -> anyhow::Result<()> {
    let mut packages = BTreeSet::new();
    let mut others = BTreeSet::new();
    for command in functions
        .iter()
        .filter_map(|function| function.build.as_deref())
    {
        match cargo_package(command) {
            Some(package) => packages.insert(package),
            None => others.insert(command),
        };
    }
    if !packages.is_empty() {
        println!("building {} functions …", packages.len());
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--target", TARGET])
            .current_dir(folder);
        for package in packages {
            cargo.args(["-p", package]);
        }
        run(&mut cargo).await?;
    }
    for command in others {
        println!("building: {command}");
        run(Command::new("sh").args(["-c", command]).current_dir(folder)).await?;
    }
    Ok(())
}

fn cargo_package(command: &str) -> Option<&str> {
    command
        .strip_prefix("cargo build --release --target wasm32-wasip2 -p ")
        .filter(|package| !package.contains(' '))
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{:?}", command.as_std());
    let status = command
        .status()
        .await
        .with_context(|| format!("{shown} cannot be run"))?;
    ensure!(status.success(), "{shown} failed; its output is above");
    Ok(())
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
    println!("\nEvery route is described at http://{address}/docs; ctrl-c stops it.");
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

#[cfg(test)]
mod tests {
    use super::cargo_package;

    #[test]
    fn only_the_plain_command_is_gathered() {
        let plain = "cargo build --release --target wasm32-wasip2 -p fn-jobs";
        assert_eq!(cargo_package(plain), Some("fn-jobs"));
        assert_eq!(cargo_package(&format!("{plain} --features x")), None);
        assert_eq!(cargo_package("make"), None);
    }
}
