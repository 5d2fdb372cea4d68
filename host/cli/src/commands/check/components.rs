//! A component against this host: its file, imports, versions, grants and door; runs none of its code.

use std::path::Path;
use trm_policy::manifest::Fault;
use trm_policy::manifest::Function;
use trm_policy::manifest::Places;
use trm_runtime::artefact::Artefact;
use trm_runtime::artefact::Artefacts;
use trm_runtime::artefact::NATIVE;
use trm_runtime::capabilities::check_imports;
use trm_runtime::engine;
use trm_runtime::linker::Linkers;
use wasmtime::Engine;

/// What this host serves: packages, and the beginnings of the versions that it takes.
const SERVED: [(&str, &[&str]); 13] = [
    ("trm:platform", &["0.1.0"]),
    ("wasi:cli", &["0.2.", "0.3.0"]),
    ("wasi:clocks", &["0.2.", "0.3.0"]),
    ("wasi:filesystem", &["0.2.", "0.3.0"]),
    ("wasi:http", &["0.2.", "0.3.0"]),
    ("wasi:io", &["0.2."]),
    ("wasi:random", &["0.2.", "0.3.0"]),
    ("wasi:sockets", &["0.2.", "0.3.0"]),
    ("wasi:config", &["0.2.0-draft-2024-09-27"]),
    ("wasi:keyvalue", &["0.2.0-draft2"]),
    ("spin:variables", &["3.0.0"]),
    ("spin:key-value", &["3.0.0"]),
    ("spin:redis", &["3.0.0"]),
];
/// Spin's older interfaces are one package.
const OLDER: (&str, &[&str]) = ("fermyon:spin", &["2.0.0"]);
/// What a request can enter by.
const DOORS: [&str; 4] = [
    "trm:platform/message@0.1.0",
    "trm:platform/handler@0.1.0",
    "wasi:http/handler@0.3.0",
    "wasi:http/incoming-handler@0.2.",
];

/// What components are held against.
pub(super) struct Bench {
    engine: Engine,
    linkers: Linkers,
    artefacts: Artefacts,
}

/// What a component uses.
#[derive(Default)]
pub(super) struct Uses {
    /// Whether that is some interface of trm:platform, which Spin does not have; unknown of what cannot be read.
    pub platform: Option<bool>,
}

impl Bench {
    pub(super) fn new(manifest: &Path) -> anyhow::Result<Self> {
        let engine = engine::compiler()?;
        Ok(Self {
            linkers: Linkers::new(&engine)?,
            artefacts: Artefacts::open(&engine, NATIVE, manifest),
            engine,
        })
    }

    /// Adds every complaint about one function's component.
    pub(super) fn complain(
        &mut self,
        function: &Function,
        places: &Places<'_>,
        faults: &mut Vec<Fault>,
    ) -> Uses {
        let block = ["component", &function.name];
        let source = places.line(&[&block[..], &["source"]].concat());
        let artefact = match self.find(function) {
            Ok(artefact) => artefact,
            Err(text) => {
                faults.push(Fault { line: source, text });
                return Uses::default();
            }
        };
        let grants = places.line(&[&block[..], &["tool", "trm"]].concat());
        let before = faults.len();
        let about = artefact.about();
        let mut platform = false;
        for import in about.imports.iter().map(String::as_str) {
            platform |= import.starts_with("trm:platform/");
            let ungranted = check_imports(&function.name, &function.grants, [import].into_iter());
            if let Err(error) = ungranted {
                let text = format!("\"{}\": {error}", function.name);
                faults.push(Fault { line: grants, text });
            }
            if let Some(text) = unserved(&function.name, import) {
                faults.push(Fault { line: source, text });
            }
        }
        let door = about
            .exports
            .iter()
            .any(|export| DOORS.iter().any(|door| export.starts_with(door)));
        if !door {
            let text = format!(
                "\"{}\" exports none of {}, by one of which a request enters; trm_sdk::function! exports the first two",
                function.name,
                DOORS.join(", ")
            );
            faults.push(Fault { line: source, text });
        }
        // What the names do not tell: an interface that is not in a package, or has other types.
        if faults.len() == before
            && let Err(error) = self.link(&artefact)
        {
            let text = format!("\"{}\" does not fit this host: {error:#}", function.name);
            faults.push(Fault { line: source, text });
        }
        Uses {
            platform: Some(platform),
        }
    }

    fn link(&self, artefact: &Artefact) -> anyhow::Result<()> {
        let component = artefact.map(&self.engine)?;
        self.linkers.link(&component)?;
        Ok(())
    }

    fn find(&self, function: &Function) -> Result<Artefact, String> {
        let shown = function.source.display();
        if !function.source.exists() {
            let build = function.build.as_ref().map(|build| build.command.as_str());
            let build = build.unwrap_or("its block has no build.command that would tell how");
            return Err(format!("{shown} is not there; build it: {build}"));
        }
        self.artefacts
            .find(&function.source)
            .map(|(artefact, _)| artefact)
            .map_err(|error| {
                format!(
                    "{shown} is no component that this host can run ({}); build it for wasm32-wasip2, or wrap it with your language's component tool",
                    error.root_cause().to_string().lines().next().unwrap_or_default()
                )
            })
    }
}

/// Why an import is not served, where its name tells.
fn unserved(function: &str, import: &str) -> Option<String> {
    let (interface, version) = import.split_once('@')?;
    let (package, _) = interface.split_once('/')?;
    let served = SERVED
        .iter()
        .chain([&OLDER])
        .find(|(name, _)| *name == package);
    let Some((_, versions)) = served else {
        let packages: Vec<&str> = SERVED.iter().map(|(name, _)| *name).collect();
        return Some(format!(
            "\"{function}\" imports {import}, which this host does not serve; it serves {}",
            packages.join(", ")
        ));
    };
    // A pre-release of a version is another version.
    let takes = |known: &&&str| {
        version == **known
            || (known.ends_with('.') && version.starts_with(**known) && !version.contains('-'))
    };
    versions.iter().find(takes).is_none().then(|| {
        format!(
            "\"{function}\" imports {import}, but this host serves {package} {}; build it against that version",
            versions.join("* and ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::unserved;

    #[test]
    fn versions_and_packages_that_are_not_served_are_told() {
        for served in [
            "wasi:http/types@0.2.6",
            "wasi:http/client@0.3.0",
            "trm:platform/cache@0.1.0",
        ] {
            assert_eq!(unserved("f", served), None, "{served}");
        }
        for other in [
            "trm:platform/cache@0.2.0",
            "wasi:http/handler@0.3.0-rc-2026-03-15",
            "wasi:nn/graph@0.2.0",
        ] {
            assert!(unserved("f", other).is_some(), "{other}");
        }
    }
}
