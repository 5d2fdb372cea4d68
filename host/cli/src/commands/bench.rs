//! `trm bench`: what a cold start is made of, phase by phase, how many instances a gigabyte holds, and latency against load; serves nobody.

mod axis;
mod cold;
mod folder;
mod hosts;
mod instances;
mod line;
mod load;
mod phases;
mod plots;
mod report;
mod room;
mod table;

use crate::settings::{Flags, groups};
use anyhow::Context;
use folder::Folder;
use phases::Phases;
use room::Room;
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use table::table;
use trm_policy::manifest;
use trm_runtime::engine;
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct BenchArguments {
    /// Write RESULTS.md, raw.json and plots into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON object; so it is as well where the output is no terminal
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::HOST }>,
}

/// Of each phase that needs no process of its own.
const SAMPLES: usize = 10_000;
/// The most hosts that are opened for them, of each kind: with few functions each gives few.
const HOSTS: usize = 300;
/// The instances of one function, which the histogram shows.
const MADE: &str = "instantiate";

/// Measures, with a line for each part on standard error, and prints a table to a terminal, one JSON object to
/// anything else or where it is asked for. With `--out` a page, plots and the object go into a folder as well.
pub(crate) async fn run(arguments: BenchArguments) -> anyhow::Result<()> {
    let BenchArguments { out, json, .. } = arguments;
    let command = command(out.as_deref(), json);
    let folder = out.map(Folder::open).transpose()?;
    let config = arguments.settings.0.config(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let one = functions.first().context("the manifest has no function")?;
    let mut phases = Phases::default();
    let routes: usize = functions.iter().map(|function| function.routes.len()).sum();
    let rounds = SAMPLES.div_ceil(routes.max(1)).min(HOSTS);
    for loaded in [false, true] {
        let how = if loaded { "loaded" } else { "not loaded" };
        eprintln!("opening {rounds} hosts, functions {how} …");
        for _ in 0..rounds {
            hosts::open(&config, &functions, loaded, &mut phases).await?;
        }
    }
    let engine = engine::new(config.max_instances)?;
    let room = Room::new(&config, &functions, engine).await?;
    eprintln!("taking {SAMPLES} cold requests apart …");
    cold::requests(&room, &functions, &mut phases).await?;
    eprintln!("compiling {} components …", functions.len());
    cold::compilations(&room, &functions, &mut phases)?;
    eprintln!(
        "making {SAMPLES} instances of {} by each allocator …",
        one.name
    );
    let names = [MADE, "a request in a fresh instance"];
    instances::make(&room, one, names, &mut phases).await?;
    drop(room);
    let names = [
        "instantiate, on-demand allocator",
        "a request in a fresh instance, on-demand allocator",
    ];
    let room = Room::new(&config, &functions, room::on_demand()?).await?;
    instances::make(&room, one, names, &mut phases).await?;
    drop(room);
    eprintln!("counting the instances of a gigabyte …");
    let room = Room::new(&config, &functions, engine::new(instances::MOST)?).await?;
    let density = instances::density(&room, &functions).await?;
    drop(room);
    let load = load::measure(&config, &functions).await?;
    let told = json!({
        "unit": "microseconds",
        "command": command,
        "when": httpdate::fmt_http_date(SystemTime::now()),
        "cores": trm_cores::available()?,
        "functions": functions.len(),
        "phases": phases.report(),
        "samples": phases.samples(&[MADE, hosts::COLD, cold::ALL]),
        "density": density,
        "load": load,
    });
    if json || !std::io::stdout().is_terminal() {
        println!("{told}");
    } else {
        print!("{}", table(&told));
    }
    match folder {
        Some(folder) => folder.write(report::files(&told)),
        None => Ok(()),
    }
}

/// How it was called, for the report. Settings are left out: they may be secrets.
fn command(out: Option<&Path>, json: bool) -> String {
    let out = out.map(|folder| format!(" --out {}", folder.display()));
    let json = if json { " --json" } else { "" };
    format!("trm bench{}{json}", out.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_the_command() {
        assert_eq!(command(None, false), "trm bench");
        let both = command(Some(Path::new("a")), true);
        assert_eq!(both, "trm bench --out a --json");
    }
}
