//! A small workspace of functions in a folder of its own, beside the repository's SDK and build folder; builds nothing.

use crate::{folder, root};
use std::path::{Path, PathBuf};

/// The workspace.
#[derive(Debug)]
pub struct Workspace(PathBuf);

impl Workspace {
    /// A workspace without functions. What the repository has compiled is not compiled again.
    pub fn new() -> Self {
        let workspace = Self(folder("workspace"));
        let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let whole: toml::Table = toml::from_str(&text).unwrap();
        let mut dependencies = whole["workspace"]["dependencies"].clone();
        // Paths of the repository, seen from here.
        for (_, dependency) in dependencies.as_table_mut().unwrap() {
            if let Some(path) = dependency.get_mut("path") {
                let absolute = root().join(path.as_str().unwrap());
                *path = toml::Value::from(absolute.to_str().unwrap());
            }
        }
        let mut own = toml::Table::new();
        own.insert("resolver".into(), "3".into());
        own.insert("members".into(), vec!["functions/*"].into());
        for kept in ["package", "lints"] {
            own.insert(kept.into(), whole["workspace"][kept].clone());
        }
        own.insert("dependencies".into(), dependencies);
        let mut manifest = toml::Table::new();
        manifest.insert("workspace".into(), own.into());
        manifest.insert("profile".into(), whole["profile"].clone());
        workspace.write("Cargo.toml", &manifest.to_string());
        std::fs::copy(root().join("Cargo.lock"), workspace.path("Cargo.lock")).unwrap();
        std::fs::create_dir(workspace.path("functions")).unwrap();
        std::fs::create_dir(workspace.path("shared")).unwrap();
        for linked in ["target", "shared/javascript", "shared/python"] {
            std::os::unix::fs::symlink(root().join(linked), workspace.path(linked)).unwrap();
        }
        workspace
    }

    /// A path in it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// What a file holds.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // The link is removed, and not what it leads to.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
