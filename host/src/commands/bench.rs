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

use super::read_config;
use crate::config::Mode;
use crate::cores;
use crate::engine;
use crate::manifest;
use anyhow::{Context, bail};
use folder::Folder;
use phases::Phases;
use room::Room;
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::SystemTime;
use table::table;

const USAGE: &str = "trm bench [--out <folder>] [--json]";

/// Of each phase that needs no process of its own.
const SAMPLES: usize = 10_000;
/// The most hosts that are opened for them, of each kind: with few functions each gives few.
const HOSTS: usize = 300;
/// The instances of one function, which the histogram shows.
const MADE: &str = "instantiate";

/// Measures, with a line for each part on standard error, and prints a table to a terminal, one JSON object to
/// anything else or where it is asked for. With `--out` a page, plots and the object go into a folder as well.
pub async fn bench(arguments: &[&str]) -> anyhow::Result<()> {
    let Wish { out, json } = read(arguments)?;
    let folder = out.map(Folder::open).transpose()?;
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
    let density = instances::density(&room, &functions).await?;
    drop(room);
    let load = load::measure(&config, &functions).await?;
    let command = [&["trm", "bench"][..], arguments].concat().join(" ");
    let told = json!({
        "unit": "microseconds",
        "command": command,
        "when": httpdate::fmt_http_date(SystemTime::now()),
        "cores": cores::available()?,
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

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    out: Option<PathBuf>,
    json: bool,
}

fn read(arguments: &[&str]) -> anyhow::Result<Wish> {
    let mut wish = Wish::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--json" => wish.json = true,
            "--out" if wish.out.is_some() => bail!("one --out at a time: {USAGE}"),
            "--out" => {
                let named = |word: &&&str| !word.is_empty() && !word.starts_with("--");
                let folder = words.next().filter(named);
                let folder = folder.with_context(|| format!("--out wants a folder: {USAGE}"))?;
                wish.out = Some(folder.into());
            }
            other => bail!("there is no {other}: {USAGE}"),
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_order() {
        let wish = |out: Option<&str>, json| Wish {
            out: out.map(PathBuf::from),
            json,
        };
        assert_eq!(read(&[]).unwrap(), wish(None, false));
        assert_eq!(read(&["--json"]).unwrap(), wish(None, true));
        for words in [["--json", "--out", "a"], ["--out", "a", "--json"]] {
            assert_eq!(read(&words).unwrap(), wish(Some("a"), true));
        }
    }

    #[test]
    fn wrong_words_are_refused_with_what_to_mend() {
        for (words, fault) in [
            (&["--out"][..], "--out wants a folder"),
            (&["--out", ""][..], "--out wants a folder"),
            (&["--out", "--json"][..], "--out wants a folder"),
            (&["--out", "a", "--out", "b"][..], "one --out at a time"),
            (&["--svg"][..], "there is no --svg"),
            (&["results"][..], "there is no results"),
        ] {
            let said = read(words).unwrap_err().to_string();
            assert_eq!(said, format!("{fault}: {USAGE}"), "{words:?}");
        }
    }
}
