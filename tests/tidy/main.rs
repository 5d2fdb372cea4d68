//! The rules of the architecture as tests, each shown to bite; reads files and runs nothing.

#![expect(clippy::unwrap_used, reason = "what fails here has failed")]

mod crates;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file and its text, with the path from the repository's root.
type File = (String, String);

const TOP: [&str; 26] = [
    ".ci",
    ".git",
    ".gitignore",
    ".trm",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    ".github",
    "rust-toolchain.toml",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "functions",
    "host",
    "rustfmt.toml",
    "shared",
    "spin.toml",
    "target",
    "tests",
    ".dockerignore",
    ".spin",
];

fn root() -> PathBuf {
    harness::root()
}

fn sources() -> Vec<File> {
    fn walk(folder: &Path, found: &mut Vec<File>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    walk(&path, found);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["functions", "host", "shared", "tests"] {
        walk(&root().join(folder), &mut found);
    }
    assert!(
        found.len() > 40,
        "the sources are not where they are looked for"
    );
    found
}

fn without_a_first_line(files: &[File]) -> Vec<String> {
    let bad = files.iter().filter(|(_, text)| !text.starts_with("//! "));
    bad.map(|(name, _)| name.clone()).collect()
}

fn too_long(files: &[File], most: usize) -> Vec<String> {
    let bad = files.iter().filter(|(_, text)| text.lines().count() > most);
    bad.map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect()
}

fn bare_allows(files: &[File]) -> Vec<String> {
    let bad = files
        .iter()
        .filter(|(_, text)| text.contains(concat!("#[al", "low(")));
    bad.map(|(name, _)| name.clone()).collect()
}

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    assert_eq!(without_a_first_line(&sources()), Vec::<String>::new());
    assert_eq!(
        without_a_first_line(&[("a.rs".into(), "use x;".into())]),
        ["a.rs"]
    );
}

#[test]
fn no_file_is_too_long_and_few_are_long() {
    assert_eq!(too_long(&sources(), 500), Vec::<String>::new());
    let long = too_long(&sources(), 350);
    assert!(long.len() <= 8, "{long:?}");
    assert_eq!(
        too_long(&[("a.rs".into(), "x\n".repeat(501))], 500).len(),
        1
    );
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    assert_eq!(bare_allows(&sources()), Vec::<String>::new());
    assert_eq!(
        bare_allows(&[("a.rs".into(), concat!("#[al", "low(x)]").into())]),
        ["a.rs"]
    );
}

#[test]
fn every_interface_has_its_files() {
    for entry in std::fs::read_dir(root().join("shared/wit")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "world" || path.is_dir() {
            continue;
        }
        // What a component exports the host calls, and grants nothing.
        let folders: &[&str] = match stem {
            "handler" => &["shared/sdk/src", "host/runtime/src"],
            "message" => &["shared/sdk/src", "host/runtime/src/handler"],
            _ => &[
                "shared/sdk/src",
                "host/runtime/src/capabilities",
                "shared/platform/src",
            ],
        };
        for folder in folders {
            let file = root().join(folder).join(format!("{stem}.rs"));
            assert!(file.exists(), "{} is missing", file.display());
        }
    }
}

#[test]
fn the_plain_contract_is_the_contract_without_async() {
    let texts = |folder: &str| -> BTreeSet<(String, String)> {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.is_file());
        let read = |path: PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        };
        files.map(read).collect()
    };
    let plain = |text: &str| text.replace("async func(", "func(");
    let expected: BTreeSet<_> = texts("shared/wit")
        .into_iter()
        .map(|(name, text)| (name, plain(&text)))
        .collect();
    assert_eq!(texts("shared/wit/plain"), expected);
    assert!(texts("shared/wit") != expected);
}

#[test]
fn every_function_is_routed_and_every_route_has_its_folder() {
    let manifest: toml::Table =
        toml::from_str(&std::fs::read_to_string(root().join("spin.toml")).unwrap()).unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    let routed: BTreeSet<String> = triggers
        .iter()
        .map(|trigger| trigger["component"].as_str().unwrap().to_owned())
        .collect();
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(routed, folders);
    for name in &folders {
        let home = root().join("functions").join(name);
        let built = match ["app.js", "app.py"].map(|file| home.join(file).exists()) {
            [true, _] => "javascript",
            [_, true] => "python",
            _ => {
                let text = std::fs::read_to_string(home.join("Cargo.toml")).unwrap();
                assert!(text.contains(&format!("name = \"fn-{name}\"")), "{name}");
                "wasm32-wasip2/release"
            }
        };
        let source = manifest["component"][name]["source"].as_str().unwrap();
        let file = name.replace('-', "_");
        assert_eq!(source, format!("target/{built}/fn_{file}.wasm"));
    }
}

#[test]
fn the_top_level_is_as_it_was_agreed() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            TOP.contains(&name.as_str()),
            "{name} does not belong at the top level"
        );
    }
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let table = text.split("[workspace.dependencies]").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    for line in table
        .lines()
        .filter(|line| line.contains(" = ") && !line.contains("path ="))
    {
        assert!(line.contains("  # ") || line.contains(" # "), "{line}");
    }
}

/// The tests that a text names in backticks, without those that are there.
fn missing_tests(text: &str, sources: &str) -> Vec<String> {
    let named = text.split('`').skip(1).step_by(2);
    let named = named.filter(|name| {
        name.len() > 12
            && name
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    let there = |name: &&str| {
        ["fn ", "def "]
            .iter()
            .any(|word| sources.contains(&format!("{word}{name}(")))
    };
    named
        .filter(|name| !there(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let mut all: String = sources().into_iter().map(|(_, text)| text).collect();
    for folder in ["protocol", "chaos", "deploy"] {
        for entry in std::fs::read_dir(root().join("tests").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "py") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    assert_eq!(missing_tests(&text, &all), Vec::<String>::new());
    assert_eq!(missing_tests("`there_is_no_such_test`", &all).len(), 1);
}
