//! Saves become served versions: what a changed file is a part of is built and swapped in; stops no request.

use super::compile;
use super::eye::Eye;
use super::eye::Watched;
use super::sources::Sources;
use crate::commands::reload;
use anyhow::Context;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use trm_policy::manifest;
use trm_policy::manifest::Function;
use trm_server::config::Config;
use trm_server::host::Host;

/// What is served, and what of it is older than its source.
struct Follower<'a> {
    config: &'a Config,
    folder: PathBuf,
    manifest: PathBuf,
    host: &'a Arc<Host>,
    functions: Vec<Function>,
    sources: Sources,
    /// By name: changed since the last build that went well.
    dirty: BTreeSet<String>,
}

/// Follows saves for ever. Where files cannot be watched it says so once, and all is served as it is.
pub(super) async fn follow(
    config: &Config,
    folder: &Path,
    functions: &[Function],
    host: &Arc<Host>,
) -> anyhow::Result<()> {
    // Cargo writes whole paths.
    let folder = folder.canonicalize().context("the manifest's folder")?;
    let manifest = folder.join(config.manifest.file_name().unwrap_or_default());
    let mut follower = Follower {
        sources: Sources::of(functions, &folder),
        functions: functions.to_vec(),
        dirty: BTreeSet::new(),
        config,
        folder,
        manifest,
        host,
    };
    if let Err(error) = follower.run().await {
        println!("saves are not followed ({error:#}); start trm dev again to see a change");
    }
    std::future::pending().await
}

impl Follower<'_> {
    async fn run(&mut self) -> anyhow::Result<()> {
        let mut watched = self.watched();
        let mut eye = Eye::open(&watched)?;
        loop {
            let changes = eye.changes(&watched).await?;
            let began = Instant::now();
            // What all packages of a workspace share is in its own Cargo.toml.
            if changes.contains(&self.folder.join("Cargo.toml")) {
                let names = self.functions.iter().map(|function| function.name.clone());
                self.dirty.extend(names);
            }
            for change in &changes {
                let affected = self.sources.affected(change).map(str::to_owned);
                self.dirty.extend(affected);
            }
            let listed = changes.contains(&self.manifest);
            if (listed && !self.list_again()) || (self.dirty.is_empty() && !listed) {
                continue;
            }
            self.serve(began).await;
            self.sources = Sources::of(&self.functions, &self.folder);
            let before = std::mem::replace(&mut watched, self.watched());
            eye.learn(&watched.difference(&before).cloned().collect())?;
        }
    }

    fn watched(&self) -> BTreeSet<Watched> {
        let mut watched = self.sources.watched();
        watched.insert(Watched {
            path: self.folder.clone(),
            with_folders_in_it: false,
        });
        watched
    }

    /// Reads the manifest; false where it says what cannot be served. What it lists and nobody has built
    /// is dirty.
    fn list_again(&mut self) -> bool {
        match manifest::load(&self.config.manifest) {
            Ok(functions) => self.functions = functions,
            Err(error) => {
                println!("not swapped in, the old versions serve on: {error}");
                return false;
            }
        }
        let missing = self.functions.iter().filter(|one| !one.source.exists());
        self.dirty.extend(missing.map(|one| one.name.clone()));
        true
    }

    /// Builds what is dirty and swaps it in; one line says what happened.
    async fn serve(&mut self, began: Instant) {
        let names: Vec<&str> = self.dirty.iter().map(String::as_str).collect();
        let names = names.join(", ");
        let only = Some(&self.dirty);
        if let Err(error) = compile::build(&self.functions, only, &self.folder).await {
            let after = began.elapsed().as_secs_f64();
            println!(
                "{names}: not swapped in after {after:.1} s, the old version serves on: {error:#}"
            );
            return;
        }
        let built = began.elapsed().as_secs_f64();
        self.dirty.clear();
        let swapped = reload::swap(self.host, self.functions.clone()).await;
        let all = began.elapsed().as_secs_f64();
        let times = format!("{all:.1} s after the save, {built:.1} s of it to build");
        match swapped {
            Ok(changed) if changed.is_empty() => println!("nothing has changed ({times})"),
            Ok(changed) => println!("{}: swapped in {times}", changed.join(", ")),
            Err(error) => println!("not swapped in, the old versions serve on: {error:#}"),
        }
    }
}
