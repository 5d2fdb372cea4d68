//! `trm inspect`: what a function is made of, what it asks for and what it is granted; runs nothing.

use super::similar::did_you_mean;
use crate::settings::{Flags, groups};
use anyhow::Context;
use serde_json::json;
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_runtime::artefact::{Artefact, Artefacts, NATIVE};
use trm_runtime::capabilities::check_imports;
use trm_runtime::engine;
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct InspectArguments {
    /// The function's name in the manifest
    function: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST }>,
}

/// Prints what there is to know of the function. It is compiled where it is not yet.
pub(crate) fn run(arguments: InspectArguments) -> anyhow::Result<()> {
    let name = arguments.function.as_str();
    let config = arguments.settings.0.config(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let function = functions.iter().find(|function| function.name == name);
    let function = function.with_context(|| {
        let names = functions.iter().map(|one| one.name.as_str());
        let names: Vec<_> = names.collect();
        format!(
            "there is no function \"{name}\"; choose {}{}",
            names.join(", "),
            did_you_mean(name, names.iter().copied())
        )
    })?;
    let compiler = engine::compiler()?;
    let artefacts = Artefacts::open(&compiler, NATIVE, &config.manifest);
    let (artefact, _) = artefacts.find(&function.source)?;
    match arguments.json {
        true => print_json(function, &artefact),
        false => print_lines(function, &artefact),
    }
    Ok(())
}

fn is_granted(function: &Function, import: &str) -> bool {
    check_imports(&function.name, &function.grants, [import].into_iter()).is_ok()
}

fn print_json(function: &Function, artefact: &Artefact) {
    let (about, limits) = (artefact.about(), &function.limits);
    let imports: Vec<_> = about
        .imports
        .iter()
        .map(|import| json!({"name": import, "granted": is_granted(function, import)}))
        .collect();
    let grants = function.grants.to_string();
    let told = json!({
        "function": function.name,
        "routes": function.routes,
        "component": {"path": function.source, "sha256": about.sha256},
        "artefact": {
            "file": about.file,
            "bytes": about.bytes,
            "cpu": about.cpu,
            "compileMs": about.compile_ms,
            "blake3": about.code_blake3,
        },
        "limits": {
            "timeoutMs": limits.timeout.as_millis() as u64,
            "memoryMb": limits.memory_mb,
            "concurrency": limits.concurrency,
            "maxBodyBytes": limits.max_body,
            "isolation": format!("{:?}", limits.isolation).to_lowercase(),
        },
        "exports": about.exports,
        "imports": imports,
        "grants": grants.lines().collect::<Vec<_>>(),
    });
    println!("{told}");
}

fn print_lines(function: &Function, artefact: &Artefact) {
    let (about, limits) = (artefact.about(), &function.limits);
    println!("{}", function.name);
    println!("  routes     {}", function.routes.join(", "));
    println!("  component  {}", function.source.display());
    println!("             sha256 {}", about.sha256);
    println!(
        "  artefact   {}, {} KiB for {}, compiled in {} ms",
        about.file,
        about.bytes >> 10,
        about.cpu,
        about.compile_ms
    );
    println!("             blake3 {}", about.code_blake3);
    println!(
        "  limits     {} ms, {} MiB, {} requests at one time, bodies of {} bytes, {:?}",
        limits.timeout.as_millis(),
        limits.memory_mb,
        limits.concurrency,
        limits.max_body,
        limits.isolation
    );
    println!("  exports    {}", about.exports.join("\n             "));
    for (at, import) in about.imports.iter().enumerate() {
        let label = if at == 0 { "imports" } else { "" };
        let mark = match is_granted(function, import) {
            true => "",
            false => "  (not granted)",
        };
        println!("  {label:<10} {import}{mark}");
    }
    for (at, grant) in function.grants.to_string().lines().enumerate() {
        let label = if at == 0 { "grants" } else { "" };
        println!("  {label:<10} {grant}");
    }
}
