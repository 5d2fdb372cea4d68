//! `trm check`: whether every function would run here and under `spin up`, all complaints at once; serves and builds nothing.

mod components;
mod routes;
mod spin;

pub(super) use routes::taken;
pub(super) use spin::PLATFORM_LINES;
pub(super) use spin::is_kebab;

use super::read_config;
use crate::config::Mode;
use crate::manifest;
use crate::manifest::Fault;
use crate::manifest::Places;
use anyhow::bail;
use std::path::Path;

/// Prints a line for each complaint, with the file, the line and what to mend. With `--spin`, what only
/// this host would run is a complaint as well.
pub fn check(arguments: &[&str]) -> anyhow::Result<()> {
    let for_spin = match arguments {
        [] => false,
        ["--spin"] => true,
        _ => bail!("trm check | check --spin"),
    };
    let path = read_config(Mode::Serve)?.manifest;
    let file = path.display();
    let mut faults = Vec::new();
    let mut said = String::new();
    match manifest::text(&path) {
        Ok(text) => said = complain(&text, &path, for_spin, &mut faults)?,
        Err(fault) => faults.push(fault),
    }
    faults.sort();
    faults.dedup();
    for fault in &faults {
        println!("{file}:{}: {}", fault.line, fault.text);
    }
    match faults.len() {
        0 => println!("{file}: {said}"),
        1 => bail!("1 complaint"),
        many => bail!("{many} complaints"),
    }
    Ok(())
}

/// Gathers the complaints; returns what can be said where there are none.
fn complain(
    text: &str,
    path: &Path,
    for_spin: bool,
    faults: &mut Vec<Fault>,
) -> anyhow::Result<String> {
    let (functions, found) = manifest::read(text, path.parent().unwrap_or(Path::new(".")));
    faults.extend(found);
    let (Ok(places), Ok(table)) = (Places::of(text), toml::from_str(text)) else {
        return Ok(String::new());
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
    let under_spin = match here_alone {
        0 => "all of them also under `spin up`".to_owned(),
        some => format!("{some} of them not under `spin up` (--spin says why)"),
    };
    Ok(format!(
        "{} functions run here; {under_spin}",
        functions.len()
    ))
}
