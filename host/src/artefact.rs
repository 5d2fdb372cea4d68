//! Ahead-of-time compiled components on disk; never runs one whose digest or settings differ.

use anyhow::Context;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::path::PathBuf;
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8; 8] = b"trm-aot1";
const DIGEST: usize = 32;

/// How a component was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its artefact was there and whole.
    Loaded,
    /// There was no artefact for this component and engine; one was written.
    Compiled,
    /// There was an artefact, but not what was written; it was replaced.
    Replaced,
}

/// The folder of artefacts beside a manifest.
pub fn folder(manifest: &Path) -> PathBuf {
    manifest
        .parent()
        .unwrap_or(Path::new(""))
        .join("target")
        .join("trm")
}

/// A component's file, read once: its bytes, and the digest that names it.
pub struct Source {
    path: PathBuf,
    wasm: Vec<u8>,
    /// SHA-256 of the bytes.
    pub digest: [u8; DIGEST],
}

impl Source {
    /// Reads it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let wasm = std::fs::read(path)
            .with_context(|| format!("{} cannot be read; build it first", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            digest: Sha256::digest(&wasm).into(),
            wasm,
        })
    }
}

/// The component of `source`, from its artefact where that is whole, else compiled and kept.
///
/// An artefact is bound to the component by name (its digest) and to the engine (a hash of every
/// setting that shapes code); its content is bound by the digest in its head. That head guards
/// against damage and stale files. Who can write both the folder and the head runs code here anyway.
pub fn load(
    engine: &Engine,
    source: &Source,
    folder: &Path,
) -> anyhow::Result<(Component, Origin)> {
    let path = folder.join(format!(
        "{}-{:016x}.cwasm",
        hex(&source.digest),
        shape(engine)
    ));
    let mut origin = Origin::Compiled;
    if let Ok(file) = std::fs::read(&path) {
        match open(engine, &file) {
            Some(component) => return Ok((component, Origin::Loaded)),
            None => origin = Origin::Replaced,
        }
    }
    let code = engine
        .precompile_component(&source.wasm)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not a component that compiles", source.path.display()))?;
    let file = seal(&code);
    // A read-only image that was built on another processor still serves; it only starts slower.
    if let Err(error) = write(&path, &file) {
        tracing::warn!("{} cannot be written: {error}", path.display());
    }
    let component = open(engine, &file).context("a fresh artefact does not load")?;
    Ok((component, origin))
}

fn seal(code: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), Sha256::digest(code).as_slice(), code].concat()
}

fn open(engine: &Engine, file: &[u8]) -> Option<Component> {
    let (digest, code) = file.strip_prefix(MAGIC)?.split_at_checked(DIGEST)?;
    if Sha256::digest(code).as_slice() != digest {
        return None;
    }
    #[expect(
        unsafe_code,
        reason = "Wasmtime cannot know where compiled code comes from"
    )]
    // SAFETY: the bytes carry the digest that `seal` gave to this engine's own output.
    unsafe {
        Component::deserialize(engine, code).ok()
    }
}

/// Writes beside and renames, so that a reader never sees half a file.
fn write(path: &Path, file: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&beside, file)?;
    std::fs::rename(&beside, path)
}

fn shape(engine: &Engine) -> u64 {
    #[expect(
        deprecated,
        reason = "the one std hasher that is the same in every process"
    )]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        crate::engine::new().unwrap()
    }

    #[test]
    fn a_damaged_artefact_is_replaced_and_a_whole_one_is_loaded() {
        let folder = std::env::temp_dir().join(format!("trm-artefact-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let source = folder.join("empty.wasm");
        // The smallest component: magic, version 13, layer 1.
        std::fs::write(&source, b"\0asm\x0d\0\x01\0").unwrap();
        let engine = engine();
        let source = Source::read(&source).unwrap();
        let load = || load(&engine, &source, &folder).unwrap().1;
        assert_eq!(load(), Origin::Compiled);
        assert_eq!(load(), Origin::Loaded);
        let artefact = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "cwasm")
            })
            .unwrap();
        let mut bytes = std::fs::read(&artefact).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&artefact, bytes).unwrap();
        assert_eq!(load(), Origin::Replaced);
        assert_eq!(load(), Origin::Loaded);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
