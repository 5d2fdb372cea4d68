//! Components compiled ahead of time and mapped from disk; never runs code whose digest differs from what was written.

mod index;
mod interfaces;
mod signature;

use anyhow::{Context, ensure};
use index::Entry;
use index::Index;
use index::Stamp;
use interfaces::interfaces;
use sha2::{Digest, Sha256};
pub use signature::Signer;
pub use signature::Trusted;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How a component was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its artefact was there.
    Kept,
    /// There was no artefact for this component and engine; one was made.
    Compiled,
}

/// The artefacts of one manifest, in `target/trm` beside it.
///
/// An entry of the folder's index binds an artefact to a component's digest, to the engine's settings,
/// and to its own digest. That guards against damage and stale files. Who can write both the artefact
/// and the index runs code here anyway.
pub struct Artefacts {
    compiler: Engine,
    /// The compiler's settings, asked once: a start asks for every function.
    shape: String,
    cpu: String,
    base: PathBuf,
    folder: PathBuf,
    index: Index,
    signer: Option<Signer>,
    trusted: Option<Trusted>,
}

/// One compiled component that is not mapped yet.
#[derive(Clone, Debug)]
pub struct Artefact {
    component: PathBuf,
    entry: Arc<Entry>,
    code: Code,
}

/// Where the machine code is.
#[derive(Clone, Debug)]
enum Code {
    File(PathBuf),
    /// The folder cannot be written to.
    Memory(Arc<Vec<u8>>),
}

impl Artefacts {
    /// The artefacts beside `manifest`. What is missing is compiled by `compiler`, for `cpu`.
    pub fn open(compiler: &Engine, cpu: &str, manifest: &Path) -> Self {
        let base = manifest.parent().unwrap_or(Path::new("")).to_owned();
        let folder = base.join("target").join("trm");
        Self {
            compiler: compiler.clone(),
            shape: shape(compiler),
            cpu: cpu.to_owned(),
            index: Index::read(&folder),
            base,
            folder,
            signer: None,
            trusted: None,
        }
    }

    /// Signs whatever is asked for.
    pub fn signing(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Refuses what this key has not signed, and compiles nothing that is new.
    pub fn trusting(self, trusted: Option<Trusted>) -> Self {
        Self { trusted, ..self }
    }

    /// The artefact of the component at `path`. A component that stands as it stood when its artefact
    /// was made is not read; one that is not there at all is served by its artefact alone.
    pub fn find(&self, path: &Path) -> anyhow::Result<(Artefact, Origin)> {
        let name = self.name(path);
        let (mut artefact, origin) = self.look(&name, path)?;
        if let Some(signer) = &self.signer {
            let signature = Some(signer.sign(&name, &artefact.entry));
            if artefact.entry.signature != signature {
                let entry = Entry {
                    signature,
                    ..(*artefact.entry).clone()
                };
                self.keep(&name, &entry);
                artefact.entry = Arc::new(entry);
            }
        }
        if let Some(trusted) = &self.trusted {
            trusted.check(&name, &artefact.entry).with_context(|| {
                format!("{name} is refused; `trm build` signs it where TRM_SIGNING_SEED is set")
            })?;
        }
        Ok((artefact, origin))
    }

    fn look(&self, name: &str, path: &Path) -> anyhow::Result<(Artefact, Origin)> {
        let stamp = Stamp::of(path);
        let kept = self
            .index
            .components
            .get(name)
            .filter(|entry| self.fits(entry));
        if let Some(entry) = kept
            && stamp.is_none_or(|stamp| stamp == entry.stamp)
        {
            return Ok((self.artefact(path, entry.clone()), Origin::Kept));
        }
        let wasm = std::fs::read(path)
            .with_context(|| format!("{} cannot be read; build it first", path.display()))?;
        let sha256 = format!("{:x}", Sha256::digest(&wasm));
        // Two paths may hold one component, a component may be built again to the same bytes, and another
        // host may have compiled it since this one looked.
        let now = Index::read(&self.folder);
        let mut same = now.components.into_values();
        let same = same.find(|entry| entry.sha256 == sha256 && self.fits(entry));
        if let (Some(entry), Some(stamp)) = (same, stamp) {
            let entry = Entry { stamp, ..entry };
            self.keep(name, &entry);
            return Ok((self.artefact(path, entry), Origin::Kept));
        }
        ensure!(
            self.trusted.is_none(),
            "{name} is not what was signed, or nothing was; `trm build` signs it where TRM_SIGNING_SEED is set"
        );
        let stamp = stamp.with_context(|| format!("{} has no time", path.display()))?;
        Ok((self.compile(path, &wasm, sha256, stamp)?, Origin::Compiled))
    }

    /// Forgets components that are none of `paths`, and removes artefacts that nothing names.
    pub fn prune<'a>(&self, paths: impl Iterator<Item = &'a Path>) -> anyhow::Result<()> {
        let names: Vec<String> = paths.map(|path| self.name(path)).collect();
        Index::prune(&self.folder, |name| names.iter().any(|known| known == name))
    }

    fn compile(
        &self,
        path: &Path,
        wasm: &[u8],
        sha256: String,
        stamp: Stamp,
    ) -> anyhow::Result<Artefact> {
        let began = Instant::now();
        let (imports, exports) =
            interfaces(wasm).with_context(|| format!("{} is not a component", path.display()))?;
        let code = self
            .compiler
            .precompile_component(wasm)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{} is not a component that compiles", path.display()))?;
        let entry = Entry {
            file: format!("{sha256}-{}.cwasm", self.shape),
            sha256,
            stamp,
            imports,
            exports,
            cpu: self.cpu.clone(),
            engine: self.shape.clone(),
            bytes: code.len() as u64,
            code_blake3: blake3::hash(&code).to_string(),
            compile_ms: began.elapsed().as_millis() as u64,
            signature: None,
        };
        let file = self.folder.join(&entry.file);
        if let Err(error) = write(&file, &code) {
            // A read-only image that was built for another processor still serves; it only starts slower.
            tracing::warn!("{} cannot be written: {error}", file.display());
            let mut artefact = self.artefact(path, entry);
            artefact.code = Code::Memory(Arc::new(code));
            return Ok(artefact);
        }
        self.keep(&self.name(path), &entry);
        Ok(self.artefact(path, entry))
    }

    fn artefact(&self, component: &Path, entry: Entry) -> Artefact {
        Artefact {
            component: component.to_owned(),
            code: Code::File(self.folder.join(&entry.file)),
            entry: Arc::new(entry),
        }
    }

    fn keep(&self, name: &str, entry: &Entry) {
        if let Err(error) = Index::keep(&self.folder, name, entry) {
            tracing::warn!("{error:#}");
        }
    }

    /// Whether an artefact is there and may be run by this engine. Code for a named processor has
    /// settings of its own; whether this machine can run it is seen when it is mapped.
    fn fits(&self, entry: &Entry) -> bool {
        let made_here = entry.cpu == self.cpu && entry.engine == self.shape;
        let made_for = entry.cpu != NATIVE && self.cpu == NATIVE;
        let file = std::fs::metadata(self.folder.join(&entry.file));
        (made_here || made_for) && file.is_ok_and(|file| file.len() == entry.bytes)
    }

    fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.base).unwrap_or(path);
        below.to_string_lossy().into_owned()
    }
}

/// The processor that this process runs on.
pub const NATIVE: &str = "native";

impl Artefact {
    /// SHA-256 of the component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.entry.sha256
    }

    /// What was found out about it when it was compiled.
    pub fn about(&self) -> &Entry {
        &self.entry
    }

    /// Its code, verified and mapped. Where it is not what was written, or this machine cannot run it,
    /// the component is compiled again, in memory.
    pub fn map(&self, engine: &Engine) -> anyhow::Result<Component> {
        let fault = match self.open(engine) {
            Ok(component) => return Ok(component),
            Err(error) => error,
        };
        tracing::warn!(
            "the artefact of {} is not run, and the component compiled again: {fault:#}",
            self.component.display()
        );
        let wasm = std::fs::read(&self.component)
            .with_context(|| format!("{} cannot be read", self.component.display()))?;
        ensure!(
            format!("{:x}", Sha256::digest(&wasm)) == self.entry.sha256,
            "{} has changed since the host looked at it",
            self.component.display()
        );
        deserialize(engine, &engine.precompile_component(&wasm)?)
    }

    /// That its code is what was written, as mapping it begins to see.
    pub fn check(&self) -> anyhow::Result<()> {
        match &self.code {
            Code::Memory(_) => Ok(()),
            Code::File(path) => self.verified(path).map(drop),
        }
    }

    fn verified(&self, path: &Path) -> anyhow::Result<File> {
        let mut file = File::open(path)?;
        let mut digest = blake3::Hasher::new();
        let mut part = vec![0; 1 << 16];
        loop {
            match file.read(&mut part)? {
                0 => break,
                read => digest.update(&part[..read]),
            };
        }
        ensure!(
            digest.finalize().to_string() == self.entry.code_blake3,
            "{} is not what was written",
            path.display()
        );
        Ok(file)
    }

    fn open(&self, engine: &Engine) -> anyhow::Result<Component> {
        let file = match &self.code {
            Code::Memory(code) => return deserialize(engine, code),
            Code::File(path) => self.verified(path)?,
        };
        #[expect(
            unsafe_code,
            reason = "Wasmtime cannot know where compiled code comes from"
        )]
        // SAFETY: the file, the very one that is open, has the digest that was noted of the compiler's output.
        let component = unsafe {
            Component::deserialize_file(engine, format!("/proc/self/fd/{}", file.as_raw_fd()))
        };
        Ok(component?)
    }
}

fn deserialize(engine: &Engine, code: &[u8]) -> anyhow::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "Wasmtime cannot know where compiled code comes from"
    )]
    // SAFETY: the bytes are this process's own compiler's output.
    let component = unsafe { Component::deserialize(engine, code) };
    Ok(component?)
}

/// Writes beside and renames, so that a reader never sees half a file.
fn write(path: &Path, file: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let mut written = File::create(&beside)?;
    // The kernel keeps in one piece what is written at once, and maps a piece whole where one page of it is needed.
    for part in file.chunks(1 << 16) {
        written.write_all(part)?;
    }
    std::fs::rename(&beside, path)
}

/// Every setting of the engine that shapes code.
fn shape(engine: &Engine) -> String {
    #[expect(
        deprecated,
        reason = "the one std hasher that is the same in every process"
    )]
    let mut hasher = std::hash::SipHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod artefact_tests;
