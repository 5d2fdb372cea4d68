//! `trm build`: compiles every function ahead of time, so that `trm serve` starts at once; runs none.

use super::configure;
use crate::artefact::Artefacts;
use crate::artefact::NATIVE;
use crate::artefact::Origin;
use crate::artefact::Signer;
use crate::config::Mode;
use crate::engine;
use crate::manifest;
use anyhow::Context;

/// Compiles for `cpu`, prints a line for each function, and removes artefacts of no function.
pub fn build(cpu: &str) -> anyhow::Result<()> {
    let config = configure(Mode::Serve)?;
    let functions = manifest::load(&config.manifest)?;
    let compiler = match cpu {
        NATIVE => engine::compiler()?,
        cpu => engine::for_cpu(cpu)?,
    };
    let signer = config.signing_seed.as_deref().map(Signer::new).transpose();
    let signer = signer.context("TRM_SIGNING_SEED cannot be used")?;
    if let Some(signer) = &signer {
        println!(
            "signed; TRM_TRUSTED_KEY={} serves nothing else",
            signer.public()
        );
    }
    let artefacts = Artefacts::open(&compiler, cpu, &config.manifest).signing(signer);
    for function in &functions {
        let (artefact, origin) = artefacts
            .find(&function.source)
            .with_context(|| format!("component \"{}\"", function.name))?;
        let about = artefact.about();
        let done = match origin {
            Origin::Kept => "is compiled already",
            Origin::Compiled => "compiled",
        };
        println!(
            "{:<24} {done} for {} ({} KiB, {} ms)",
            function.name,
            about.cpu,
            about.bytes >> 10,
            about.compile_ms
        );
    }
    artefacts.prune(functions.iter().map(|function| function.source.as_path()))
}
