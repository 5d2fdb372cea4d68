//! `trm test`: builds functions and runs the tests that stand beside them; holds no test itself.

use super::dev::{BUILT, build_some, cargo_package, folder};
use super::similar::did_you_mean;
use crate::settings::{Flags, groups};
use anyhow::{Context, bail, ensure};
use std::process::Command;
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct TestArguments {
    /// The functions by their names in the manifest; all where none is given
    functions: Vec<String>,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST }>,
}

/// Builds and tests these functions, or all. Tests find this program by `TRM`.
pub(crate) async fn run(arguments: TestArguments) -> anyhow::Result<()> {
    let names = arguments.functions;
    let config = arguments.settings.0.config(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let known = || functions.iter().map(|function| function.name.as_str());
    for name in &names {
        ensure!(
            known().any(|known| known == name),
            "there is no [component.{name}] in {}{}",
            config.manifest.display(),
            did_you_mean(name, known())
        );
    }
    let chosen = |function: &&Function| names.is_empty() || names.contains(&function.name);
    let chosen: Vec<&Function> = functions.iter().filter(chosen).collect();
    let built = chosen.iter().map(|function| function.name.clone());
    build_some(&config, &functions, built).await?;

    let commands = chosen.iter().filter_map(|function| function.build.as_ref());
    let mut cargo = vec!["test", "--release", "--quiet"];
    let mut others = Vec::new();
    for build in commands {
        if let Some(package) = cargo_package(&build.command) {
            cargo.extend(["-p", package]);
            continue;
        }
        let words: Vec<&str> = build.command.split(' ').collect();
        match words.as_slice() {
            // The folder of a language has `test` beside `build`.
            [builder, folder, _] if builder.ends_with("/build") => {
                let tester = builder.trim_end_matches("build").to_owned() + "test";
                others.push((tester, *folder));
            }
            _ => println!("`{}` tells of no tests", build.command),
        }
    }
    let folder = folder(&config);
    let mut failed = Vec::new();
    let mut run = |program: &str, arguments: &[&str]| -> anyhow::Result<()> {
        let status = Command::new(program)
            .args(arguments)
            .env("TRM", std::env::current_exe()?)
            .env(BUILT, "1")
            .current_dir(folder)
            .status()
            .with_context(|| format!("{program} cannot be run"))?;
        if !status.success() {
            failed.push(format!("{program} {}", arguments.join(" ")));
        }
        Ok(())
    };
    if cargo.contains(&"-p") {
        run("cargo", &cargo)?;
    }
    for (tester, folder) in &others {
        run(tester, &[folder])?;
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => bail!("failed: {}", failed.join("; ")),
    }
}
