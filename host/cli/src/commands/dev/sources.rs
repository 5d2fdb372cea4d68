//! Which functions a file is a part of, as their builds wrote it down; builds and watches nothing.

use super::eye::Watched;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use trm_policy::manifest::Function;

/// What every function is made of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(BTreeMap<String, Parts>);

/// What one function is made of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    /// Files that its last build has read.
    files: BTreeSet<PathBuf>,
    /// The packages that these files are of: a new file in one of them may be a part.
    packages: BTreeSet<PathBuf>,
    /// Folders that its manifest block asks to be watched.
    folders: BTreeSet<PathBuf>,
}

impl Sources {
    /// Reads what cargo wrote beside each component, and the `watch` globs of the manifest.
    pub(super) fn of(functions: &[Function], folder: &Path) -> Self {
        let parts = functions.iter().map(|function| {
            let mut parts = Parts::default();
            // A component that cargo has not built has no such file; its globs say what it is made of.
            if let Ok(text) = std::fs::read_to_string(function.source.with_extension("d")) {
                parts.files = listed(&text).collect();
                parts.packages = parts
                    .files
                    .iter()
                    .filter_map(|file| package(file))
                    .collect();
            }
            // Where functions stand: what has never been built is watched as well.
            let home = folder.join("functions").join(&function.name);
            if home.join("Cargo.toml").is_file() {
                parts.packages.insert(home);
            }
            if let Some(build) = &function.build {
                let base = match &build.workdir {
                    Some(workdir) => folder.join(workdir),
                    None => folder.to_owned(),
                };
                parts.folders = build
                    .watch
                    .iter()
                    .map(|glob| beginning(&base, glob))
                    .collect();
            }
            (function.name.clone(), parts)
        });
        Self(parts.collect())
    }

    /// The functions that a changed file is a part of.
    pub(super) fn affected(&self, path: &Path) -> impl Iterator<Item = &str> {
        let affected = self.0.iter().filter(|(_, parts)| parts.hold(path));
        affected.map(|(name, _)| name.as_str())
    }

    /// The folders to be watched.
    pub(super) fn watched(&self) -> BTreeSet<Watched> {
        self.0.values().flat_map(Parts::watched).collect()
    }
}

impl Parts {
    fn hold(&self, path: &Path) -> bool {
        let code = path.extension().is_some_and(|extension| extension == "rs")
            || path.file_name().is_some_and(|name| name == "Cargo.toml");
        let inside =
            |folders: &BTreeSet<PathBuf>| path.ancestors().any(|folder| folders.contains(folder));
        self.files.contains(path)
            || (code && inside(&self.packages))
            || (inside(&self.folders) && !is_beside(path))
    }

    fn watched(&self) -> Vec<Watched> {
        let plain = |path: &Path| Watched {
            path: path.to_owned(),
            with_folders_in_it: false,
        };
        let deep = |path: PathBuf| Watched {
            path,
            with_folders_in_it: true,
        };
        let files = self.files.iter().filter_map(|file| {
            let parent = file.parent()?;
            let Some(package) = package(file) else {
                return Some(plain(parent));
            };
            // `src` as a whole, for modules to come; never a package itself, which may hold `target`.
            match file.strip_prefix(&package).ok()?.components().next()? {
                Component::Normal(top) if parent != package => Some(deep(package.join(top))),
                _ => Some(plain(parent)),
            }
        });
        let packages = self
            .packages
            .iter()
            .flat_map(|package| [plain(package), deep(package.join("src"))]);
        let folders = self.folders.iter().cloned().map(deep);
        files.chain(packages).chain(folders).collect()
    }
}

/// The files after the colon of each rule, in the notation of make.
fn listed(text: &str) -> impl Iterator<Item = PathBuf> {
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, files)| {
            // A space in a name is escaped.
            let escaped = files.replace("\\ ", "\0");
            let files = escaped.split_whitespace();
            let files: Vec<_> = files.map(|file| file.replace('\0', " ").into()).collect();
            files
        })
}

/// The nearest folder with a Cargo.toml.
fn package(file: &Path) -> Option<PathBuf> {
    file.ancestors()
        .skip(1)
        .find(|folder| folder.join("Cargo.toml").is_file())
        .map(Path::to_owned)
}

/// The folder that a glob begins with: `src/**/*.py` is all of `src`.
fn beginning(base: &Path, glob: &str) -> PathBuf {
    let literal = Path::new(glob)
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']));
    base.join(literal.collect::<PathBuf>())
}

/// What editors leave beside a file while it is saved.
fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("trm-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a/src/deep")).unwrap();
        std::fs::write(folder.join("a/Cargo.toml"), "").unwrap();
        folder
    }

    #[test]
    fn a_file_is_a_part_where_the_build_read_it_or_its_package_may_hold_it() {
        let folder = folder("sources");
        let files = [folder.join("a/src/lib.rs"), folder.join("words.txt")];
        let mut parts = Parts {
            files: files.into_iter().collect(),
            ..Parts::default()
        };
        parts.packages = parts
            .files
            .iter()
            .filter_map(|file| package(file))
            .collect();
        for part in ["a/src/lib.rs", "words.txt", "a/src/new.rs", "a/Cargo.toml"] {
            assert!(parts.hold(&folder.join(part)), "{part}");
        }
        for other in ["b/src/lib.rs", "a/notes.txt", "a/src/.lib.rs.swp"] {
            assert!(!parts.hold(&folder.join(other)), "{other}");
        }
        let watched: BTreeSet<_> = parts.watched().into_iter().collect();
        let paths: Vec<_> = watched
            .iter()
            .map(|watched| (watched.path.as_path(), watched.with_folders_in_it))
            .collect();
        let (package, src) = (folder.join("a"), folder.join("a/src"));
        assert_eq!(
            paths,
            [(folder.as_path(), false), (&package, false), (&src, true)]
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn rules_of_make_and_globs_are_read() {
        let rule = "/t/fn_a.wasm: /w/a/src/lib.rs /w/my\\ words.txt\n\n/w/a/src/lib.rs:\n";
        let files: Vec<_> = listed(rule).collect();
        assert_eq!(
            files,
            [Path::new("/w/a/src/lib.rs"), Path::new("/w/my words.txt")]
        );
        let base = Path::new("/w");
        assert_eq!(beginning(base, "py/**/*.py"), Path::new("/w/py"));
        assert_eq!(beginning(base, "app.js"), Path::new("/w/app.js"));
        assert_eq!(beginning(base, "*.js"), Path::new("/w"));
    }
}
