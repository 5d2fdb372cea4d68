//! The program `harness`: starts hosts, servers and loads for tests in any language, and stops all of them when its input
//! ends. `harness with …` does it for a shell script.

mod cluster;
mod load;
mod orders;
mod servers;
mod with;

use anyhow::{Context, Result, anyhow};
use cluster::Cluster;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ended = match words.split_first() {
        None => converse(),
        Some((first, words)) if first == "with" => with::run(words),
        Some(_) => Err(anyhow!("usage: harness | harness {}", with::USAGE)),
    };
    ended.unwrap_or_else(|error| {
        // Not by its `Debug`, which may show a backtrace.
        eprintln!("harness: {error:#}");
        ExitCode::FAILURE
    })
}

/// Carries out each line of the input, and writes one line for each.
fn converse() -> Result<ExitCode> {
    let mut cluster = Cluster::new()?;
    let mut output = std::io::stdout().lock();
    let mut write = |answer: Value| writeln!(output, "{answer}").and_then(|()| output.flush());
    write(json!({"folder": cluster.folder()}))?;
    for line in std::io::stdin().lock().lines() {
        let order = serde_json::from_str(&line?).context("this is no order");
        let answer = order.and_then(|order| cluster.carry_out(order));
        write(answer.unwrap_or_else(|error| json!({"error": format!("{error:#}")})))?;
    }
    Ok(ExitCode::SUCCESS)
}
