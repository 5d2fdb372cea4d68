//! The crates of the host: what each must not depend on, and that each states its invariant.

use crate::{File, root, sources};
use std::collections::BTreeSet;

/// The crates of the host, each with the packages that must not be among its dependencies, direct or not.
const FORBIDDEN: [(&str, &[&str]); 11] = [
    (
        "trm-telemetry",
        &["redis", "mongodb", "rusqlite", "wasmtime"],
    ),
    (
        "trm-cores",
        &["redis", "mongodb", "rusqlite", "wasmtime", "hyper"],
    ),
    (
        "trm-resilience",
        &["redis", "mongodb", "rusqlite", "wasmtime"],
    ),
    (
        "trm-policy",
        &["redis", "mongodb", "rusqlite", "wasmtime", "hyper"],
    ),
    (
        "trm-cache",
        &["mongodb", "rusqlite", "wasmtime", "trm-domain"],
    ),
    (
        "trm-http-cache",
        &["redis", "mongodb", "rusqlite", "wasmtime", "trm-domain"],
    ),
    ("trm-document-stores", &["redis", "wasmtime"]),
    ("trm-stores", &["wasmtime"]),
    (
        "trm-runtime",
        &["hyper-util/server", "trm-server", "trm-domain"],
    ),
    ("trm-server", &["trm-cli", "trm-domain"]),
    ("trm-cli", &[]),
];
/// Files whose `#[path]` leaves their own folder: code of one crate compiled into another.
fn foreign_paths(files: &[File]) -> Vec<String> {
    let leaves = |text: &str| {
        let paths = text.split("#[path = \"").skip(1);
        paths
            .filter_map(|rest| rest.split('"').next())
            .any(|path| path.contains(".."))
    };
    let bad = files.iter().filter(|(_, text)| leaves(text));
    bad.map(|(name, _)| name.clone()).collect()
}

/// The packages that a package is built from, with its default features and without any other package's.
fn dependencies(package: &str) -> BTreeSet<String> {
    let asked = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            package,
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p} {f}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        asked.status.success(),
        "{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    let text = String::from_utf8(asked.stdout).unwrap();
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        found.insert(words[0].to_owned());
        for feature in words.last().into_iter().flat_map(|list| list.split(',')) {
            found.insert(format!("{}/{feature}", words[0]));
        }
    }
    found
}

/// Of `forbidden` those that are among `dependencies`.
fn forbidden_ones<'a>(dependencies: &BTreeSet<String>, forbidden: &[&'a str]) -> Vec<&'a str> {
    let there = |name: &&&str| dependencies.contains(**name);
    forbidden.iter().filter(there).copied().collect()
}

#[test]
fn no_crate_depends_on_what_the_architecture_forbids_it() {
    for (package, forbidden) in FORBIDDEN {
        let found = forbidden_ones(&dependencies(package), forbidden);
        assert_eq!(found, Vec::<&str>::new(), "{package}");
    }
    // What is forbidden elsewhere is found where it belongs.
    let found = forbidden_ones(
        &dependencies("trm-server"),
        &["redis", "wasmtime", "hyper-util/server"],
    );
    assert_eq!(found.len(), 3);
}

#[test]
fn every_crate_of_the_host_is_in_the_table_and_states_its_invariant() {
    let mut crates = BTreeSet::new();
    for (name, text) in sources() {
        let Some(folder) = name
            .strip_prefix("host/")
            .and_then(|name| name.strip_suffix("/src/lib.rs"))
        else {
            continue;
        };
        let head: String = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        assert!(head.contains("Invariant: "), "{name}");
        let package =
            std::fs::read_to_string(root().join("host").join(folder).join("Cargo.toml")).unwrap();
        let package = package.split("name = \"").nth(1).unwrap();
        crates.insert(package.split('"').next().unwrap().to_owned());
    }
    let table: BTreeSet<String> = FORBIDDEN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(crates, table);
}

#[test]
fn no_crate_compiles_the_files_of_another() {
    assert_eq!(foreign_paths(&sources()), Vec::<String>::new());
    let planted = concat!("#[pa", "th = \"../x/src/lib.rs\"]").to_owned();
    assert_eq!(foreign_paths(&[("a.rs".into(), planted)]), ["a.rs"]);
}
