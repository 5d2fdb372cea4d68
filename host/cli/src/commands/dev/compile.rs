//! The build commands of functions, run as the manifest writes them; decides not what is to be built.

use super::process;
use crate::status;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::process::Command;
use trm_policy::manifest::Function;

const TARGET: &str = "wasm32-wasip2";

/// Adds the guests' target to the toolchain, where it is missing.
pub(super) async fn add_target(folder: &Path) -> anyhow::Result<()> {
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
    status::say(&format!("adding the target {TARGET} (rustup) …"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(folder);
    process::run(&mut rustup).await
}

/// Runs each build command once, where its `workdir` says. Plain cargo builds of packages become one
/// cargo call, which shares what they have in common.
///
/// With `only`, other commands than these functions' are not run; cargo is told of all packages all the
/// same: told of fewer, it would choose other features for what they share, and compile that again.
pub(super) async fn build(
    functions: &[Function],
    only: Option<&BTreeSet<String>>,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut packages = BTreeSet::new();
    let mut others = BTreeSet::new();
    for function in functions {
        let Some(build) = &function.build else {
            continue;
        };
        match cargo_package(&build.command) {
            Some(package) if build.workdir.is_none() => drop(packages.insert(package)),
            _ if only.is_none_or(|only| only.contains(&function.name)) => {
                others.insert((&build.command, &build.workdir));
            }
            _ => {}
        }
    }
    if !packages.is_empty() {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--target", TARGET])
            .current_dir(folder);
        // A small change to a function is then a small build. Whoever has set it is obeyed.
        if std::env::var_os("CARGO_INCREMENTAL").is_none() {
            cargo.env("CARGO_INCREMENTAL", "1");
        }
        if only.is_none() {
            status::say(&format!("building {} functions (cargo) …", packages.len()));
        } else {
            cargo.arg("--quiet");
        }
        for package in packages {
            cargo.args(["-p", package]);
        }
        process::run(&mut cargo).await?;
    }
    let all = others.len();
    for (at, (command, workdir)) in others.into_iter().enumerate() {
        let what = format!("building {}/{all}: {command}", at + 1);
        if only.is_none() {
            status::say(&what);
        }
        let workdir = workdir.as_deref().unwrap_or(Path::new(""));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(folder.join(workdir));
        process::run_shown(&what, &mut shell)
            .await
            .with_context(|| format!("`{command}`"))?;
    }
    Ok(())
}

/// The package of a plain cargo build.
pub(in crate::commands) fn cargo_package(command: &str) -> Option<&str> {
    command
        .strip_prefix("cargo build --release --target wasm32-wasip2 -p ")
        .filter(|package| !package.contains(' '))
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
