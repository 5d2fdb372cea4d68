//! The job route in JavaScript, in Python and in Rust on WASI 0.2 alone, beside its function: built, asked, denied; times nothing.

use harness::client::{Answer, Client};
use harness::host::{Host, Setup};
use harness::root;
use harness::workspace::Workspace;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

const JOB: &str = "650000000300000000000001";
const LANGUAGES: [&str; 3] = ["javascript", "python", "wasi02"];

fn component(language: &str) -> PathBuf {
    match language {
        "wasi02" => root().join("target/wasm32-wasip2/release/guest_wasi02.wasm"),
        _ => root().join(format!("target/{language}/guest_{language}.wasm")),
    }
}

/// Builds them as an author builds them, and compiles them, once for all tests; a tool that is missing is a failure.
fn build() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        for language in ["javascript", "python"] {
            let built = Command::new(root().join(format!("shared/{language}/build")))
                .arg(root().join(format!("tests/guests/{language}")))
                .arg(component(language))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&built.stderr);
            assert!(built.status.success(), "{language}: {said}");
        }
        let compiled = manifest(&Workspace::new(), own, JOBS).run("check");
        let said = String::from_utf8_lossy(&compiled.stdout);
        assert!(compiled.status.success(), "{said}");
    });
}

/// The function and the three beside it, each at a path of its own.
fn manifest(workspace: &Workspace, cache: impl Fn(&str) -> String, documents: &str) -> Setup {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let mut whole: toml::Table = toml::from_str(&text).unwrap();
    whole.retain(|name, _| ["component", "variables"].contains(&name));
    let functions = whole["component"].as_table_mut().unwrap();
    functions.retain(|name, _| name == "jobs-by-id");
    let mut text = String::from(
        "spin_manifest_version = 2\n[application]\nname = \"languages\"\n\
         [[trigger.http]]\nroute = \"/rust/:id\"\ncomponent = \"jobs-by-id\"\n",
    );
    for language in LANGUAGES {
        text.push_str(&format!(
            "[[trigger.http]]\nroute = \"/{language}/:id\"\ncomponent = \"{language}\"\n\
             [component.{language}]\nsource = {:?}\n[component.{language}.tool.trm]\n\
             cache = {}\n{documents}\nmemory_mb = 128\n",
            component(language),
            cache(language),
        ));
    }
    workspace.write("spin.toml", &format!("{text}{whole}"));
    Setup::of(workspace).with_sample()
}

fn own(language: &str) -> String {
    format!("[\"{language}:*\", \"job:*\"]")
}

const JOBS: &str = "documents = { jobs = \"read\" }";

/// Status, body, and what a client or a cache goes by.
fn told(answer: &Answer) -> (u16, String, [String; 3]) {
    let headers = ["content-type", "cache-control", "surrogate-key"];
    let headers = headers.map(|name| answer.header(name).to_owned());
    (answer.status, answer.text.clone(), headers)
}

/// How often a function has found its value in L1.
fn hits(host: &Host, function: &str) -> u64 {
    let text = host.client.get("/metrics").text;
    let of_it = |line: &&str| {
        line.starts_with("trm_cache_hits_total")
            && line.contains(&format!("function=\"{function}\""))
            && line.contains("l1")
    };
    let line = text.lines().find(of_it);
    let count = line.and_then(|line| line.rsplit(' ').next());
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn every_language_answers_as_the_rust_function_and_reads_through_the_cache() {
    build();
    let workspace = Workspace::new();
    let host = manifest(&workspace, own, JOBS).ready();
    // The edge is passed, so that each request enters its function.
    let client: Client = host.client.with("cache-control", "no-cache, no-store");
    let missing = "65000000030000000000ffff";
    for id in [JOB, missing, "nonsense"] {
        let twin = client.get(&format!("/rust/{id}"));
        for language in LANGUAGES {
            let answer = client.get(&format!("/{language}/{id}"));
            assert_eq!(told(&answer), told(&twin), "{language} {id}");
        }
    }
    assert_eq!(client.get(&format!("/rust/{JOB}")).status, 200);
    for language in LANGUAGES {
        let path = format!("/{language}/{JOB}");
        let (before, first) = (hits(&host, language), told(&client.get(&path)));
        assert_eq!(told(&client.get(&path)), first, "{language}");
        assert!(hits(&host, language) >= before + 2, "{language}");
        let head = client.call("HEAD", &path);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{language}");
        assert_eq!(client.call("PUT", &path).status, 405, "{language}");
    }
    for language in ["javascript", "python"] {
        let path = |of: &str| format!("/{of}/{JOB}?x=%20y&z");
        let (answer, twin) = (client.get(&path(language)), client.get(&path("rust")));
        assert_eq!(told(&answer), told(&twin), "{language}");
    }
}

#[test]
fn what_is_not_granted_is_denied_in_every_language() {
    build();
    let workspace = Workspace::new();
    let other = |_: &str| "[\"other:*\"]".to_owned();
    let host = manifest(&workspace, other, JOBS).ready();
    for language in LANGUAGES {
        let answer = host.client.get(&format!("/{language}/{JOB}"));
        assert_eq!(answer.status, 500, "{language}: {}", answer.text);
        let told = format!("no cache grant matches the key \\\"{language}:{JOB}\\\"");
        let log = host.log();
        assert!(
            log.contains(&told) || log.contains(&told.replace('\\', "")),
            "{language}: {log}"
        );
    }
    let refused = manifest(&workspace, own, "").run("serve");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(text.contains("documents = {"), "{text}");
}
