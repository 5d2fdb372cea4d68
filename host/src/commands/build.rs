//! `trm build`: compiles every function ahead of time, so that `trm serve` starts at once; runs none.

use super::configure;
use crate::artefact;
use crate::config::Mode;
use crate::engine;
use crate::manifest;
use anyhow::Context;
use std::time::Instant;

/// Compiles and prints a line for each function.
pub fn build() -> anyhow::Result<()> {
    let config = configure(Mode::Serve)?;
    let functions = manifest::load(&config.manifest)?;
    let engine = engine::new()?;
    let folder = artefact::folder(&config.manifest);
    for function in &functions {
        let began = Instant::now();
        let (_, origin) = artefact::Source::read(&function.source)
            .and_then(|source| artefact::load(&engine, &source, &folder))
            .with_context(|| format!("component \"{}\"", function.name))?;
        let done = match origin {
            artefact::Origin::Loaded => "is compiled already",
            artefact::Origin::Compiled => "compiled",
            artefact::Origin::Replaced => "compiled again: its artefact was not what was written",
        };
        println!(
            "{:<24} {done} ({} ms)",
            function.name,
            began.elapsed().as_millis()
        );
    }
    Ok(())
}
