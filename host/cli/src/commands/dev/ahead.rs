//! Compiles what is built to machine code before the host starts, so that the terminal shows how much is left.

use crate::status;
use anyhow::Context;
use std::sync::Arc;
use std::time::Instant;
use trm_policy::manifest::Function;
use trm_runtime::artefact::{Artefacts, NATIVE, Origin};
use trm_runtime::engine;
use trm_server::config::Config;

/// Compiles what has no artefact yet; the host finds all of them then. Where a key is trusted nothing may be compiled.
pub(super) async fn compile(config: &Config, functions: &[Function]) -> anyhow::Result<()> {
    if config.trusted_key.is_some() {
        return Ok(());
    }
    let began = Instant::now();
    let compiler = engine::compiler()?;
    let artefacts = Arc::new(Artefacts::open(&compiler, NATIVE, &config.manifest));
    let (all, mut compiled) = (functions.len(), 0);
    for (at, function) in functions.iter().enumerate() {
        let (artefacts, source) = (artefacts.clone(), function.source.clone());
        let work = tokio::task::spawn_blocking(move || artefacts.find(&source));
        let what = format!(
            "compiled {at}/{all} functions ahead of time, now {}",
            function.name
        );
        let (_, origin) = status::during(&what, work)
            .await?
            .with_context(|| format!("component \"{}\"", function.name))?;
        if origin == Origin::Compiled {
            compiled += 1;
            status::progress(&format!(
                "compiled {}/{all} functions ahead of time",
                at + 1
            ));
        }
    }
    if compiled > 0 {
        let seconds = began.elapsed().as_secs_f64();
        status::say(&format!(
            "compiled {all}/{all} functions ahead of time in {seconds:.1} s, {compiled} of them new"
        ));
    }
    Ok(())
}
