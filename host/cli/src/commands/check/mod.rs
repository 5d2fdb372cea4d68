//! `trm check`: whether every function would run here and under `spin up`, all complaints at once; serves and builds nothing.

mod components;
mod routes;
mod spin;

pub(super) use routes::taken;
pub(super) use spin::PLATFORM_LINES;
pub(super) use spin::is_kebab;

use crate::settings::{Flags, groups};
use anyhow::bail;
use serde_json::json;
use std::path::Path;
use trm_policy::manifest;
use trm_policy::manifest::{Fault, Places};
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct CheckArguments {
    /// Count what only this host would run as a complaint as well
    #[arg(long)]
    spin: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST }>,
}

/// How many functions of the manifest run where.
#[derive(Default)]
struct Counts {
    functions: usize,
    /// Those that this host runs and `spin up` does not.
    here_alone: usize,
}

/// Prints a line for each complaint, with the file, the line and what to mend.
pub(crate) fn run(arguments: CheckArguments) -> anyhow::Result<()> {
    let path = arguments.settings.0.config(Mode::Serve)?.manifest;
    let mut faults = Vec::new();
    let mut counts = Counts::default();
    match manifest::text(&path) {
        Ok(text) => counts = complain(&text, &path, arguments.spin, &mut faults)?,
        Err(fault) => faults.push(fault),
    }
    faults.sort();
    faults.dedup();
    match arguments.json {
        true => print_json(&path, &faults, &counts),
        false => print_lines(&path, &faults, &counts),
    }
    match faults.len() {
        0 => Ok(()),
        1 => bail!("1 complaint"),
        many => bail!("{many} complaints"),
    }
}

fn print_lines(path: &Path, faults: &[Fault], counts: &Counts) {
    let file = path.display();
    for fault in faults {
        println!("{file}:{}: {}", fault.line, fault.text);
    }
    let under_spin = match counts.here_alone {
        0 => "all of them also under `spin up`".to_owned(),
        some => format!("{some} of them not under `spin up` (--spin says why)"),
    };
    if faults.is_empty() {
        let functions = counts.functions;
        println!("{file}: {functions} functions run here; {under_spin}");
    }
}

fn print_json(path: &Path, faults: &[Fault], counts: &Counts) {
    let complaints: Vec<_> = faults
        .iter()
        .map(|fault| json!({"line": fault.line, "text": fault.text}))
        .collect();
    let told = json!({
        "manifest": path.display().to_string(),
        "functions": counts.functions,
        "notUnderSpin": counts.here_alone,
        "complaints": complaints,
    });
    println!("{told}");
}

/// Gathers the complaints.
fn complain(
    text: &str,
    path: &Path,
    for_spin: bool,
    faults: &mut Vec<Fault>,
) -> anyhow::Result<Counts> {
    let (functions, found) = manifest::read(text, path.parent().unwrap_or(Path::new(".")));
    faults.extend(found);
    let (Ok(places), Ok(table)) = (Places::of(text), toml::from_str(text)) else {
        return Ok(Counts::default());
    };
    faults.extend(spin::complain(&table, &places));
    faults.extend(routes::complain(&table, &places));
    let mut here_alone = 0;
    let mut bench = components::Bench::new(path)?;
    for function in &functions {
        let uses = bench.complain(function, &places, faults);
        let refused = match uses.platform {
            Some(true) => spin::lacks(&table, &function.name),
            Some(false) => spin::idles(&table, &function.name),
            None => None,
        };
        if let Some(what) = refused {
            here_alone += 1;
            if for_spin {
                faults.push(Fault {
                    line: places.line(&["component", &function.name]),
                    text: format!("\"{}\" imports {what}", function.name),
                });
            }
        }
    }
    Ok(Counts {
        functions: functions.len(),
        here_alone,
    })
}
