//! A manifest of tests/guests, alone or beside the marketplace's functions.

use crate::{root, target};
use std::path::PathBuf;

/// One component and what it is granted.
#[derive(Debug)]
pub struct Guest<'a> {
    /// It is served at `/<name>`.
    pub name: &'a str,
    /// The component's file.
    pub source: PathBuf,
    /// The lines of its `tool.trm` table.
    pub settings: &'a str,
    /// The hosts that it may send requests to.
    pub outbound: &'a [String],
}

impl<'a> Guest<'a> {
    /// A component of tests/guests, which may send requests to no host.
    pub fn new(name: &'a str, settings: &'a str) -> Self {
        let file = format!("guest_{}.wasm", name.replace('-', "_"));
        Self {
            name,
            source: target().join("wasm32-wasip2/release").join(file),
            settings,
            outbound: &[],
        }
    }

    fn text(&self) -> String {
        let (name, source) = (self.name, self.source.display());
        format!(
            "\n[[trigger.http]]\nroute = \"/{name}/...\"\ncomponent = \"{name}\"\n\
             [component.{name}]\nsource = \"{source}\"\nallowed_outbound_hosts = {:?}\n\
             [component.{name}.tool.trm]\n{}\n",
            self.outbound, self.settings
        )
    }
}

/// A manifest of these components alone.
pub fn text(guests: &[Guest]) -> String {
    let head = "spin_manifest_version = 2\n[application]\nname = \"guests\"\n";
    with(head, guests)
}

/// The marketplace's manifest, readable in any folder, with these components beside its functions.
pub fn beside_the_functions(guests: &[Guest]) -> std::io::Result<String> {
    let text = std::fs::read_to_string(root().join("spin.toml"))?;
    let built = format!("source = \"{}/", target().display());
    Ok(with(&text.replace("source = \"target/", &built), guests))
}

fn with(head: &str, guests: &[Guest]) -> String {
    let guests: String = guests.iter().map(Guest::text).collect();
    format!("{head}{guests}")
}
