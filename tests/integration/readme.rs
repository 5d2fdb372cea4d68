//! The requests that README.md shows, sent to a host with the sample data.

use harness::client::Answer;
use harness::client::Client;
use harness::host::Setup;
use harness::root;
use serde_json::Value;

const ADDRESS: &str = "http://127.0.0.1:3000";

/// The lines of README.md that send a request.
fn requests() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.contains("curl ") && line.contains(ADDRESS));
    lines.map(str::to_owned).collect()
}

fn between<'a>(text: &'a str, before: &str, after: &[char]) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split(after).next()
}

fn send(client: &Client, line: &str) -> Answer {
    let path = between(line, ADDRESS, &['\'', ' ']).unwrap();
    match between(line, "--json '", &['\'']) {
        Some(body) => client.post(path, &serde_json::from_str::<Value>(body).unwrap()),
        None => client.get(path),
    }
}

#[test]
fn the_requests_of_the_readme_return_data() {
    let host = Setup::embedded().ready();
    let requests = requests();
    assert!(requests.len() >= 5, "{requests:#?}");
    let mut client = host.client.clone();
    for line in requests {
        let answer = send(&client, &line);
        assert_eq!(answer.status, 200, "{line}: {}", answer.text);
        let json = answer.json();
        if let Some(data) = json["data"].as_array() {
            assert!(!data.is_empty(), "{line} finds nothing");
        }
        if let Some(token) = json["accessToken"].as_str() {
            client = client.bearer(token);
        }
    }
    assert!(!client.token().is_empty(), "no request signs in");
}
