//! `trm new`: a function's folder, its manifest block with least grants, its test and its description; builds nothing.

mod describe;
mod exclude;
mod plan;

use super::read_config;
use crate::config::Mode;
use anyhow::{Context, bail};
use plan::Plan;
use std::path::Path;

const USAGE: &str = "trm new <name> --route /api/… [--template read|write|javascript|python] | trm new <name> --template job";

/// Everything is checked before anything is written; a name or a route that is taken is refused.
pub fn new(arguments: &[&str]) -> anyhow::Result<()> {
    let (mut name, mut route, mut template) = (None, None, None);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let place = match *word {
            "--route" => &mut route,
            "--template" => &mut template,
            flag if flag.starts_with('-') => bail!("there is no {flag}: {USAGE}"),
            _ if name.is_some() => bail!("one name at a time: {USAGE}"),
            word => {
                name = Some(word);
                continue;
            }
        };
        *place = Some(
            *words
                .next()
                .with_context(|| format!("{word} wants a value: {USAGE}"))?,
        );
    }
    let name = name.with_context(|| format!("which name? {USAGE}"))?;
    let manifest = read_config(Mode::Dev)?.manifest;
    let text = std::fs::read_to_string(&manifest).with_context(|| {
        format!(
            "{} cannot be read; run this in the folder of the manifest",
            manifest.display()
        )
    })?;
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let plan = Plan::of(name, route, template, &text, folder)?;
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
