//! What the manifest routes, what shared/openapi.yaml describes and what is served agree; calls no function twice.

use harness::host::Setup;
use harness::root;
use std::collections::{BTreeMap, BTreeSet};
use yaml_rust2::{Yaml, YamlLoader};

fn description() -> Yaml {
    let text = std::fs::read_to_string(root().join("shared/openapi.yaml")).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

/// Each path that is described, with its methods.
pub fn operations() -> BTreeMap<String, BTreeSet<String>> {
    let described = description();
    let paths = described["paths"].as_hash().unwrap();
    paths
        .iter()
        .map(|(path, item)| {
            let methods = item.as_hash().unwrap().keys();
            let methods = methods.map(|method| method.as_str().unwrap().to_uppercase());
            (path.as_str().unwrap().to_owned(), methods.collect())
        })
        .collect()
}

/// The public routes of the manifest, spelt as OpenAPI spells them.
fn routes() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    let triggers = manifest["trigger"]["http"].as_array().unwrap();
    let spelt = |route: &str| {
        let segments = route
            .split('/')
            .map(|segment| match segment.strip_prefix(':') {
                Some(name) => format!("{{{name}}}"),
                None => segment.to_owned(),
            });
        segments.collect::<Vec<_>>().join("/")
    };
    triggers
        .iter()
        .filter_map(|trigger| trigger["route"].as_str().map(spelt))
        .collect()
}

#[test]
fn every_route_is_described_and_every_description_is_routed() {
    let described: BTreeSet<String> = operations().into_keys().collect();
    assert_eq!(described, routes());
    assert!(described.len() >= 20);
}

#[test]
fn every_function_answers_the_methods_that_are_described_and_no_others() {
    let host = Setup::embedded().ready();
    for (path, methods) in operations() {
        let path = path
            .replace("{id}", "65000000ff00000000000001")
            .replace("{code}", "NOBODY");
        let other = host.client.call("PUT", &path);
        assert_eq!(other.status, 405, "PUT {path}: {}", other.text);
        let mut allowed: BTreeSet<String> = other
            .header("allow")
            .split(", ")
            .map(str::to_owned)
            .collect();
        allowed.remove("HEAD");
        assert_eq!(allowed, methods, "{path}");
    }
}

#[test]
fn every_operation_has_an_identifier_of_its_own_and_says_what_can_go_wrong() {
    let described = description();
    let mut identifiers = BTreeSet::new();
    for (path, item) in described["paths"].as_hash().unwrap() {
        for (method, operation) in item.as_hash().unwrap() {
            let place = format!("{method:?} {path:?}");
            let identifier = operation["operationId"].as_str().unwrap();
            assert!(identifiers.insert(identifier.to_owned()), "{place}");
            let answers = operation["responses"].as_hash().unwrap();
            let statuses: Vec<&str> = answers.keys().filter_map(Yaml::as_str).collect();
            assert!(statuses.contains(&"400"), "{place}");
            let secured = !operation["security"].as_vec().unwrap().is_empty();
            assert!(!secured || statuses.contains(&"403"), "{place}");
        }
    }
}

#[test]
fn the_description_is_served_as_a_file_and_as_a_page_without_outside_assets() {
    let host = Setup::embedded().ready();
    let file = host.client.get("/api/openapi.yaml");
    assert_eq!(
        (file.status, file.header("content-type")),
        (200, "application/yaml")
    );
    let kept = std::fs::read_to_string(root().join("shared/openapi.yaml")).unwrap();
    assert_eq!(file.text, kept);
    let page = host.client.get("/docs");
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.header("content-type").starts_with("text/html"));
    for (path, methods) in operations() {
        for method in methods {
            let shown = format!("<b class=\"{method}\">{method}</b> <code>{path}</code>");
            assert!(page.text.contains(&shown), "{shown}");
        }
    }
    for outside in ["src=", "http://", "https://", "@import", "url("] {
        assert!(!page.text.contains(outside), "{outside}");
    }
}
