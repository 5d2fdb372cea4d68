//! What `trm dev` prints and shows at its start: progress, the first response, examples that work, and the page at `/`.

use super::{echo, said};
use harness::eventually;
use harness::host::{Host, Setup};
use harness::root;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// The application without its build commands, beside the build folder: it is not built again.
fn application() -> Setup {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let mut manifest: toml::Table = toml::from_str(&text).unwrap();
    for (_, component) in manifest["component"].as_table_mut().unwrap() {
        component.as_table_mut().unwrap().remove("build");
    }
    let setup = Setup::manifest_text(&manifest.to_string());
    let target = setup.manifest_folder().join("target");
    std::os::unix::fs::symlink(root().join("target"), target).unwrap();
    setup
}

/// Waits for the last line of what `trm dev` prints at its start.
fn greeted(host: &Host) -> String {
    eventually("the host is introduced", Duration::from_secs(60), || {
        host.log().contains("Ctrl-C stops the host.")
    });
    host.log()
}

/// Runs lines in one shell, one after the other, each of which must succeed. What each printed.
fn paste(setup: &Setup, lines: &[&str]) -> Vec<String> {
    let mut script =
        String::from("set -eo pipefail\ncurl() { command curl -sS --fail-with-body \"$@\"; }\n");
    for line in lines {
        script += &format!("{line}\nprintf '\\n=\\n'\n");
    }
    let mut bash = setup.with_env(Command::new("bash"));
    let (status, output, errors) = said(&bash.args(["-c", &script]).output().unwrap());
    assert_eq!(status, 0, "{output}{errors}");
    let answers = output.split("\n=\n").take(lines.len());
    answers.map(|answer| answer.trim().to_owned()).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// How many documents a list holds.
fn found(text: &str) -> usize {
    json(text)["data"].as_array().map_or(0, Vec::len)
}

#[test]
fn dev_prints_five_examples_and_each_works_as_it_is_pasted() {
    let setup = application();
    let host = setup.dev();
    let log = greeted(&host);
    let response = log
        .lines()
        .find_map(|line| line.strip_prefix("first response after "));
    let (time, request) = response.unwrap().split_once(" s: ").unwrap();
    assert!(time.parse::<f64>().unwrap() > 0.0, "{log}");
    assert_eq!(request, "GET /api/jobs 200", "{log}");

    let lines = log.lines().filter_map(|line| line.strip_prefix("  "));
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 5, "{log}");
    let answers = paste(&setup, &lines);
    assert_eq!(found(&answers[0]), 3, "{}", answers[0]);
    assert!(json(&answers[1])["title"].is_string(), "{}", answers[1]);
    assert!(found(&answers[2]) > 0, "the search finds nothing");
    assert_eq!(answers[3], "", "the token goes to a variable");
    assert!(json(&answers[4])["id"].is_string(), "{}", answers[4]);
}

#[test]
fn the_examples_of_readme_work_as_they_are_pasted() {
    let setup = application();
    let host = setup.dev();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let readme = readme.replace("127.0.0.1:3000", &host.address);
    let lines = readme
        .lines()
        .filter(|line| line.starts_with("curl ") || line.starts_with("token="));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() >= 3, "{lines:?}");
    for (line, answer) in lines.iter().zip(paste(&setup, &lines)) {
        let is_list = line.contains('?');
        assert!(
            !is_list || found(&answer) > 0,
            "{line} finds nothing: {answer}"
        );
    }
}

#[test]
fn dev_prints_every_route_only_when_asked_and_knows_no_marketplace_elsewhere() {
    let all = application().dev_with(&["--routes"]);
    let log = greeted(&all);
    for route in ["/api/jobs/:id ", "/api/payouts ", "/metrics "] {
        assert!(log.contains(&format!("\n  {route}")), "{log}");
    }
    assert!(!log.contains("curl"), "{log}");

    let other = echo("/echo").dev();
    let log = greeted(&other);
    assert!(
        log.contains(&format!("\n  curl http://{}/echo\n", other.address)),
        "{log}"
    );
    assert!(
        log.contains("compiled 1/1 functions ahead of time in "),
        "{log}"
    );
    assert!(log.contains(": GET /echo 200"), "{log}");
    for word in ["sample", "demo", "/api/jobs", "/docs"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

#[test]
fn dev_answers_the_root_with_links_where_no_route_does() {
    let host = application().dev();
    let page = host.client.get("/");
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    for link in ["/console", "/docs", "/api/jobs", "/health"] {
        assert!(
            page.text.contains(&format!("<a href=\"{link}\">")),
            "{link}: {}",
            page.text
        );
        assert_eq!(host.client.get(link).status, 200, "{link}");
    }
    assert_eq!(host.client.call("POST", "/").status, 405);
    drop(host);

    let own = echo("/").dev();
    assert!(
        own.client.get("/").text.contains(" / "),
        "the function answers"
    );
    let served = echo("/echo").start();
    assert_eq!(served.client.get("/").status, 404);
}
