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

/// Each operation that is described, as method and path, with the statuses that it is said to answer.
pub fn statuses() -> BTreeMap<(String, String), BTreeSet<u16>> {
    let described = description();
    let mut statuses = BTreeMap::new();
    for (path, item) in described["paths"].as_hash().unwrap() {
        for (method, operation) in item.as_hash().unwrap() {
            let method = method.as_str().unwrap().to_uppercase();
            let answers = operation["responses"].as_hash().unwrap().keys();
            let answers = answers.map(|status| status.as_str().unwrap().parse().unwrap());
            let path = path.as_str().unwrap().to_owned();
            statuses.insert((method, path), answers.collect());
        }
    }
    statuses
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

/// Every method that a function may be asked with.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[test]
fn every_function_answers_the_methods_that_are_described_and_no_others() {
    let host = Setup::embedded().ready();
    for (path, mut methods) in operations() {
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        let path = path
            .replace("{id}", "65000000ff00000000000001")
            .replace("{code}", "NOBODY");
        // Signed in anew for each path, since one of the methods ends the session. Nothing is refused for who asks.
        let client = host.client.demo("admin");
        for method in METHODS {
            let (json, body): (_, &[u8]) = match method {
                "POST" | "PUT" | "PATCH" => (Some("application/json"), b"{}"),
                _ => (None, b""),
            };
            let answer = client.attempt(method, &path, json, body).unwrap();
            let place = format!("{method} {path}: {} {}", answer.status, answer.text);
            if methods.contains(method) {
                assert!(answer.status < 500 && answer.status != 405, "{place}");
            } else {
                assert_eq!(answer.status, 405, "{place}");
                let allow = answer.header("allow").split(", ").map(str::to_owned);
                assert_eq!(allow.collect::<BTreeSet<_>>(), methods, "{place}");
            }
        }
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
