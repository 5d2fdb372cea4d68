//! `trm new`: a function's folder, its manifest block with least grants, its test and its description; builds nothing.

mod describe;
mod exclude;
mod plan;

use crate::settings::{Flags, groups};
use anyhow::Context;
use plan::{Plan, Template};
use std::path::Path;
use trm_server::config::Mode;

#[derive(clap::Args)]
pub(crate) struct NewArguments {
    /// Lower-case words joined by hyphens, like notes-by-id
    name: String,
    /// The path that it serves, like /api/notes or /api/notes/:id; a job has none
    #[arg(long)]
    route: Option<String>,
    /// What it does
    #[arg(long, value_enum, default_value_t = Template::Read)]
    template: Template,
    #[command(flatten)]
    settings: Flags<{ groups::MANIFEST }>,
}

/// Everything is checked before anything is written; a name or a route that is taken is refused.
pub(crate) fn run(arguments: NewArguments) -> anyhow::Result<()> {
    let manifest = arguments.settings.0.config(Mode::Dev)?.manifest;
    let text = std::fs::read_to_string(&manifest).with_context(|| {
        format!(
            "{} cannot be read; run this in the folder of the manifest or below, or name it by --manifest",
            manifest.display()
        )
    })?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let route = arguments.route.as_deref();
    let plan = Plan::of(&arguments.name, route, arguments.template, &text, folder)?;
    write(&plan, &manifest, &text, folder)?;
    plan.print();
    Ok(())
}

fn write(plan: &Plan, manifest: &Path, text: &str, folder: &Path) -> anyhow::Result<()> {
    let description = folder.join("shared/openapi.yaml");
    // An application need not describe itself; where it does, what is new is described too.
    let described = match std::fs::read_to_string(&description) {
        Ok(before) if plan.route.is_some() => Some(describe::with(&before, plan)?),
        _ => None,
    };
    // A glob of a workspace takes every folder for a package of cargo's.
    let workspace = folder.join("Cargo.toml");
    let excluded = match std::fs::read_to_string(&workspace) {
        Ok(before) if plan.language().is_some() => {
            exclude::with(&before, &format!("functions/{}", plan.name))
        }
        _ => None,
    };
    let home = folder.join("functions").join(&plan.name);
    let mut files = plan.files().into_iter();
    let written = put_if(&workspace, excluded)
        .and_then(|()| files.try_for_each(|(path, text)| put(&home.join(path), &text)))
        .and_then(|()| put(manifest, &format!("{}\n{}", text.trim_end(), plan.block())))
        .and_then(|()| put_if(&description, described));
    if written.is_err() {
        // Half a function is none; the folder was not there before.
        drop(std::fs::remove_dir_all(&home));
    }
    written
}

fn put_if(path: &Path, text: Option<String>) -> anyhow::Result<()> {
    text.map_or(Ok(()), |text| put(path, &text))
}

/// Writes beside and renames: what reads the file meanwhile sees all of it or none.
fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let beside = path.with_extension("part");
    std::fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| std::fs::write(&beside, text))
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}
