//! `trm inspect`: what a function is made of, what it asks for and what it is granted; runs nothing.

use super::read_config;
use crate::artefact::Artefacts;
use crate::artefact::NATIVE;
use crate::capabilities::check_imports;
use crate::config::Mode;
use crate::engine;
use crate::manifest;
use anyhow::Context;

/// Prints what there is to know of the function called `name`. It is compiled where it is not yet.
pub fn inspect(name: &str) -> anyhow::Result<()> {
    let config = read_config(Mode::Dev)?;
    let functions = manifest::load(&config.manifest)?;
    let function = functions
        .iter()
        .find(|function| function.name == name)
        .with_context(|| {
            let names: Vec<_> = functions.iter().map(|one| one.name.as_str()).collect();
            format!(
                "there is no function \"{name}\"; choose {}",
                names.join(", ")
            )
        })?;
    let compiler = engine::compiler()?;
    let artefacts = Artefacts::open(&compiler, NATIVE, &config.manifest);
    let (artefact, _) = artefacts.find(&function.source)?;
    let (about, limits) = (artefact.about(), &function.limits);
    println!("{name}");
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
        let refused = check_imports(name, &function.grants, [import.as_str()].into_iter()).is_err();
        let mark = if refused { "  (not granted)" } else { "" };
        println!("  {label:<10} {import}{mark}");
    }
    for (at, grant) in function.grants.to_string().lines().enumerate() {
        let label = if at == 0 { "grants" } else { "" };
        println!("  {label:<10} {grant}");
    }
    Ok(())
}
