//! `trm bench`: what a cold start is made of, phase by phase, and how many instances a gigabyte holds; serves nobody.

mod cold;
mod hosts;
mod instances;
mod phases;
mod room;
mod table;

use super::read_config;
use crate::config::Mode;
use crate::engine;
use crate::manifest;
use anyhow::Context;
use phases::Phases;
use room::Room;
use serde_json::json;
use std::io::IsTerminal;
use table::table;

/// Of each phase that needs no process of its own.
const SAMPLES: usize = 10_000;
/// The most hosts that are opened for them, of each kind: with few functions each gives few.
const HOSTS: usize = 300;
/// The instances of one function, which the histogram shows.
const MADE: &str = "instantiate";

/// Measures, with a line for each part on standard error, and prints a table to a terminal, one JSON object to
/// anything else.
pub async fn bench() -> anyhow::Result<()> {
    let config = read_config(Mode::Dev)?;
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
    let told = json!({
        "unit": "microseconds",
        "functions": functions.len(),
        "phases": phases.report(),
        "samples": phases.samples(&[MADE, hosts::COLD, cold::ALL]),
        "density": instances::density(&room, &functions).await?,
    });
    if std::io::stdout().is_terminal() {
        print!("{}", table(&told));
    } else {
        println!("{told}");
    }
    Ok(())
}
