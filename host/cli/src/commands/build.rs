//! `trm build`: compiles every function ahead of time, so that `trm serve` starts at once; runs none.

use crate::settings::{Flags, groups};
use anyhow::Context;
use serde_json::{Value, json};
use trm_policy::manifest;
use trm_runtime::artefact::{Artefacts, NATIVE, Origin, Signer};
use trm_runtime::engine;
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct BuildArguments {
    /// The processors that the code runs on: this one, or any of a level
    #[arg(long, default_value = NATIVE, value_parser = [NATIVE, "x86-64", "x86-64-v2", "x86-64-v3"])]
    cpu: String,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST | groups::LOG | groups::SIGNING }>,
}

/// Compiles, prints a line for each function, and removes artefacts of no function.
pub(crate) fn run(arguments: BuildArguments) -> anyhow::Result<()> {
    let BuildArguments { cpu, json, .. } = arguments;
    let config = arguments.settings.0.configure(Mode::Serve)?;
    let functions = manifest::load(&config.manifest)?;
    let compiler = match cpu.as_str() {
        NATIVE => engine::compiler()?,
        cpu => engine::for_cpu(cpu)?,
    };
    let signer = config.signing_seed.as_deref().map(Signer::new).transpose();
    let signer = signer.context("TRM_SIGNING_SEED cannot be used")?;
    let key = signer.as_ref().map(Signer::public);
    if let (Some(key), false) = (&key, json) {
        println!("signed; TRM_TRUSTED_KEY={key} serves nothing else");
    }
    let artefacts = Artefacts::open(&compiler, &cpu, &config.manifest).signing(signer);
    let mut built = Vec::new();
    for function in &functions {
        let (artefact, origin) = artefacts
            .find(&function.source)
            .with_context(|| format!("component \"{}\"", function.name))?;
        let about = artefact.about();
        let done = match origin {
            Origin::Kept => "is compiled already",
            Origin::Compiled => "compiled",
        };
        if json {
            built.push(json!({
                "function": function.name,
                "compiled": origin == Origin::Compiled,
                "cpu": about.cpu,
                "bytes": about.bytes,
                "compileMs": about.compile_ms,
            }));
            continue;
        }
        println!(
            "{:<24} {done} for {} ({} KiB, {} ms)",
            function.name,
            about.cpu,
            about.bytes >> 10,
            about.compile_ms
        );
    }
    artefacts.prune(functions.iter().map(|function| function.source.as_path()))?;
    if json {
        let built = Value::Array(built);
        println!("{}", json!({"functions": built, "trustedKey": key}));
    }
    Ok(())
}
