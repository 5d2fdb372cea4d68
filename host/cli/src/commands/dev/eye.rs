//! Sees which files have changed since it last looked; knows not what they are a part of.
//!
//! It looks again and again, at the few hundred files that functions are made of. A watch by the system
//! would be woken instead, but needs a library, has limits that a user must raise, and hears nothing of
//! files that another machine changes: in a container's mounted folder, for example.

use anyhow::{Context, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often it looks. A save is over when it has looked twice and seen the same.
const PERIOD: Duration = Duration::from_millis(100);
/// More files than this are not what functions are made of.
const MOST: usize = 20_000;

/// A folder to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Watched {
    pub path: PathBuf,
    pub with_folders_in_it: bool,
}

/// When each file was changed, and its length.
type Seen = BTreeMap<PathBuf, (SystemTime, u64)>;

/// What it last saw.
#[derive(Default)]
pub(super) struct Eye(Seen);

impl Eye {
    /// An eye that has looked once.
    pub(super) fn open(folders: &BTreeSet<Watched>) -> anyhow::Result<Self> {
        look(folders).map(Self)
    }

    /// Waits until files in these folders have changed and change no more; which they are.
    pub(super) async fn changes(
        &mut self,
        folders: &BTreeSet<Watched>,
    ) -> anyhow::Result<BTreeSet<PathBuf>> {
        let mut last = None;
        loop {
            let folders = folders.clone();
            let seen = tokio::task::spawn_blocking(move || look(&folders)).await??;
            if seen != self.0 && last.as_ref() == Some(&seen) {
                let changed = differences(&self.0, &seen);
                self.0 = seen;
                return Ok(changed);
            }
            last = Some(seen);
            tokio::time::sleep(PERIOD).await;
        }
    }
}

impl Eye {
    /// Looks into new folders, so that what is in them already is no change.
    pub(super) fn learn(&mut self, folders: &BTreeSet<Watched>) -> anyhow::Result<()> {
        for (path, seen) in look(folders)? {
            self.0.entry(path).or_insert(seen);
        }
        Ok(())
    }
}

fn differences(before: &Seen, after: &Seen) -> BTreeSet<PathBuf> {
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let new = after
        .iter()
        .filter(|(path, seen)| before.get(*path) != Some(seen));
    gone.chain(new.map(|(path, _)| path)).cloned().collect()
}

fn look(folders: &BTreeSet<Watched>) -> anyhow::Result<Seen> {
    let mut seen = Seen::new();
    for folder in folders {
        list(&folder.path, folder.with_folders_in_it, &mut seen)?;
    }
    Ok(seen)
}

/// What builds and package managers make is not looked at. What goes away while it is looked at is gone, and no fault.
fn list(folder: &Path, with_folders_in_it: bool, seen: &mut Seen) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let path = entry.path();
        let made = ["target", "node_modules", "__pycache__"];
        let made = made.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && with_folders_in_it && !made {
            list(&path, true, seen)?;
        } else if kind.is_file()
            && let Ok(about) = entry.metadata()
        {
            let changed = about
                .modified()
                .context("this system keeps no times of files")?;
            seen.insert(path, (changed, about.len()));
            ensure!(
                seen.len() <= MOST,
                "{} and the folders beside it hold more than {MOST} files",
                folder.display()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_sees_what_is_new_what_is_changed_and_what_is_gone() {
        let folder = std::env::temp_dir().join(format!("trm-eye-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("in")).unwrap();
        let [a, b, c, d] = ["a", "b", "in/c", "target"].map(|name| folder.join(name));
        std::fs::write(&a, "1").unwrap();
        std::fs::write(&b, "1").unwrap();
        let folders = BTreeSet::from([Watched {
            path: folder.clone(),
            with_folders_in_it: true,
        }]);
        let mut eye = Eye::open(&folders).unwrap();
        std::fs::write(&a, "22").unwrap();
        std::fs::remove_file(&b).unwrap();
        std::fs::write(&c, "1").unwrap();
        std::fs::create_dir(&d).unwrap();
        std::fs::write(d.join("built"), "1").unwrap();
        let changes = eye.changes(&folders).await.unwrap();
        assert_eq!(changes, BTreeSet::from([a, b, c]));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
