//! Which artefact belongs to which component file, kept beside the artefacts; never reads a component.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

const FILE: &str = "index.json";

/// One component, as it was when its artefact was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256 of the component's file, in hexadecimal.
    pub sha256: String,
    /// The file's size and time, by which it is known again without being read.
    pub stamp: Stamp,
    /// What the component imports and exports, by name.
    pub imports: Vec<String>,
    /// The same of its exports.
    pub exports: Vec<String>,
    /// The processor that the code is for.
    pub cpu: String,
    /// Which compiler settings made it, in hexadecimal.
    pub engine: String,
    /// The artefact's file name in this folder.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the artefact, in hexadecimal: checked whenever the code is mapped, so it has to be quick.
    pub code_blake3: String,
    /// How long the compilation took, in milliseconds.
    pub compile_ms: u64,
    /// Who vouches for all of this, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Size and time of change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    bytes: u64,
    changed_ns: u64,
}

impl Stamp {
    /// Of the file at `path`, if it is there.
    pub fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        let changed = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            bytes: file.len(),
            changed_ns: u64::try_from(changed.as_nanos()).ok()?,
        })
    }
}

/// All entries of a folder, by the component's path.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Index {
    /// By path, from the manifest's folder where it lies below that.
    pub components: BTreeMap<String, Entry>,
}

impl Index {
    /// The folder's index; none, or one that is not an index, is an empty one: everything is compiled again.
    pub fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let Ok(text) = std::fs::read(&path) else {
            return Self::default();
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!("{} is no index and is made anew: {error}", path.display());
            Self::default()
        })
    }

    /// Adds an entry to the index on disk, which another process may have changed meanwhile.
    pub fn keep(folder: &Path, component: &str, entry: &Entry) -> anyhow::Result<()> {
        let mut index = Self::read(folder);
        index.components.insert(component.to_owned(), entry.clone());
        index.write(folder)
    }

    /// Forgets components that `known` does not name, and removes artefacts that no entry names.
    pub fn prune(folder: &Path, known: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let mut index = Self::read(folder);
        index.components.retain(|component, _| known(component));
        index.write(folder)?;
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            let artefact = path.extension().is_some_and(|end| end == "cwasm");
            let name = path.file_name().unwrap_or_default();
            let named = |entry: &Entry| name == entry.file.as_str();
            if artefact && !index.components.values().any(named) {
                std::fs::remove_file(&path)
                    .with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        Ok(())
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let path = folder.join(FILE);
        super::write(&path, &text).with_context(|| format!("{} cannot be written", path.display()))
    }
}
