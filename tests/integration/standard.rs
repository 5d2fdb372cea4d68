//! The standard interfaces, called through spin-sdk's own API: what they do, on which stores, and that nothing is granted by default.

use harness::host::{Host, Setup};
use harness::{given, number};
use serde_json::{Value, json};

/// A manifest with both guests. `more` is put into the component's own block, `host` into TRM's.
fn manifest(variables: &str, more: &str, host: &str) -> Setup {
    let mut text = String::from(
        "spin_manifest_version = 2\n[application]\nname = \"standard\"\n[variables]\n",
    );
    text.push_str(variables);
    for name in ["standard", "standard-wasi"] {
        let file = format!("guest_{}.wasm", name.replace('-', "_"));
        let source = harness::root()
            .join("target/wasm32-wasip2/release")
            .join(file);
        // What only one of them imports would stop the other's start, if it were not granted; more is harmless.
        text.push_str(&format!(
            "\n[[trigger.http]]\nroute = \"/{name}/...\"\ncomponent = \"{name}\"\n\
             [component.{name}]\nsource = \"{}\"\n{more}\n[component.{name}.tool.trm]\n{host}\n",
            source.display()
        ));
        text.push_str(&format!(
            "[component.{name}.variables]\nregion = \"{{{{ region }}}}\"\n\
             token = \"t-{{{{ jwt_secret }}}}\"\n"
        ));
    }
    Setup::manifest_text(&text)
}

const VARIABLES: &str =
    "region = { default = \"eu\" }\njwt_secret = { required = true, secret = true }\n";
const HOST: &str = "counters = [\"login:*\"]";

fn more() -> String {
    format!(
        "key_value_stores = [\"default\", \"other\"]\nallowed_outbound_hosts = [\"{}\"]",
        given("TEST_REDIS_URL")
    )
}

fn told(host: &Host, path: &str) -> Value {
    let answer = host.client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// A database of Redis that no other test here uses.
fn redis_of_its_own() -> String {
    format!("{}/{}", given("TEST_REDIS_URL"), 1 + number() % 15)
}

/// The embedded default, and MongoDB with Redis.
fn on_both_stores() -> [Setup; 2] {
    let setup = || manifest(VARIABLES, &more(), HOST).env("JWT_SECRET", "hush");
    let servers = setup()
        .on_mongodb(&given("TEST_MONGODB_URI"))
        .env("REDIS_URL", &redis_of_its_own());
    [setup(), servers]
}

#[test]
fn variables_are_the_components_own_and_come_from_the_environment() {
    let setup = manifest(VARIABLES, &more(), HOST).env("JWT_SECRET", "hush");
    let host = setup.ready();
    assert_eq!(told(&host, "/standard/variable?name=region"), "eu");
    assert_eq!(told(&host, "/standard/variable?name=token"), "t-hush");
    let undefined = told(&host, "/standard/variable?name=jwt_secret").to_string();
    assert!(undefined.contains("Undefined"), "{undefined}");
    let malformed = told(&host, "/standard/variable?name=PATH").to_string();
    assert!(malformed.contains("InvalidName"), "{malformed}");
    let config = told(&host, "/standard-wasi/config?key=region");
    assert_eq!(config["one"], "eu");
    assert_eq!(config["all"].as_array().unwrap().len(), 2);
    assert!(config["v2"].as_str().unwrap().contains("eu"), "{config}");
    assert!(!host.log().contains("hush"), "a secret is in the log");
    drop(host);
    let both = setup
        .clone()
        .env("SPIN_VARIABLE_JWT_SECRET", "louder")
        .ready();
    assert_eq!(told(&both, "/standard/variable?name=token"), "t-louder");
    let refused = setup.env("JWT_SECRET", "").run("serve");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && text.contains("JWT_SECRET"),
        "{text}"
    );
}

#[test]
fn stores_keep_their_values_through_a_restart_and_apart() {
    for setup in on_both_stores() {
        let host = setup.ready();
        assert_eq!(
            told(&host, "/standard/get?store=default&key=a"),
            Value::Null
        );
        assert_eq!(
            told(&host, "/standard/set?store=default&key=a&value=1"),
            true
        );
        assert_eq!(
            told(&host, "/standard/set?store=default&key=a&value=2"),
            true
        );
        assert_eq!(told(&host, "/standard/set?store=other&key=b&value=3"), true);
        assert_eq!(told(&host, "/standard/get?store=default&key=a"), "2");
        assert_eq!(told(&host, "/standard/get?store=other&key=a"), Value::Null);
        assert_eq!(told(&host, "/standard/keys?store=default"), json!(["a"]));
        drop(host);
        let host = setup.ready();
        assert_eq!(told(&host, "/standard/get?store=default&key=a"), "2");
        assert_eq!(told(&host, "/standard/delete?store=default&key=a"), false);
        assert_eq!(
            told(&host, "/standard/get?store=default&key=a"),
            Value::Null
        );
        let page = told(&host, "/standard-wasi/batch?store=default");
        assert_eq!(
            page,
            json!({"there": [true, false], "keys": ["a", "b"], "cursor": null})
        );
        let swaps = told(&host, "/standard-wasi/swap?store=other&key=s&value=mine");
        assert_eq!(swaps, json!([true, false, true]));
        assert_eq!(told(&host, "/standard/get?store=other&key=s"), "third");
        let v2 = told(&host, "/standard-wasi/v2?store=other&key=v&value=x");
        assert_eq!(v2, json!([true, true, false]));
    }
}

#[test]
fn increments_of_two_hosts_meet_in_one_sum() {
    for (setup, hosts) in on_both_stores().into_iter().zip([1, 2]) {
        let counter = format!("/standard/count?key=login:{}-{hosts}", std::process::id());
        let hosts: Vec<Host> = (0..hosts).map(|_| setup.ready()).collect();
        assert_eq!(
            told(&hosts[0], "/standard/set?store=default&key=n&value=5"),
            true
        );
        let threads: Vec<_> = (0..8)
            .map(|at| {
                let (client, counter) = (hosts[at % hosts.len()].client.clone(), counter.clone());
                std::thread::spawn(move || {
                    for _ in 0..20 {
                        let answer = client.get("/standard-wasi/increment?store=default&key=n");
                        assert!(answer.json().is_number(), "{}", answer.text);
                        assert_eq!(client.get(&counter).status, 200);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        for host in &hosts {
            assert_eq!(
                told(host, "/standard-wasi/increment?store=default&key=n"),
                166
            );
            assert_eq!(told(host, &format!("{counter}&by=0")), 160);
            // So that the second host's sum is the same.
            told(host, "/standard/set?store=default&key=n&value=165");
        }
    }
}

#[test]
fn a_counter_ends_with_its_window() {
    for setup in on_both_stores() {
        let host = setup.ready();
        let key = format!("login:{}", std::process::id());
        let count = |more: &str| told(&host, &format!("/standard/count?key={key}{more}"));
        assert_eq!(count("&window=2000"), 1);
        assert_eq!(count("&window=60000&by=3"), 4);
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        assert_eq!(count(""), 1);
        let denied = told(&host, "/standard/count?key=other:x").to_string();
        assert!(denied.contains("Denied"), "{denied}");
    }
}

#[test]
fn redis_is_reached_where_it_is_granted_over_connections_that_are_shared() {
    let address = given("TEST_REDIS_URL");
    let host = manifest(VARIABLES, &more(), HOST)
        .env("JWT_SECRET", "hush")
        .ready();
    let threads: Vec<_> = (0..6)
        .map(|at| {
            let client = host.client.clone();
            let path = format!(
                "/standard/redis?address={address}&key=standard-{}-{at}",
                std::process::id()
            );
            std::thread::spawn(move || {
                for _ in 0..10 {
                    let told = client.get(&path).json();
                    assert_eq!(told["sum"], 5, "{told}");
                    assert_eq!(told["value"], "5");
                    assert_eq!(told["added"], 2);
                    assert_eq!(told["members"], json!(["b"]));
                    assert_eq!(told["deleted"], 2);
                    let text = |name: &str| told[name].as_str().unwrap().to_owned();
                    assert!(text("wrongType").contains("TypeError"), "{told}");
                    assert!(text("length").contains("Int64(1)"), "{told}");
                    assert!(text("refused").contains("share"), "{told}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let elsewhere = told(&host, "/standard/redis?address=redis://127.0.0.1:1&key=x").to_string();
    assert!(elsewhere.contains("not granted"), "{elsewhere}");
    let malformed = told(&host, "/standard/redis?address=nonsense&key=x").to_string();
    assert!(
        malformed.contains("not granted") || malformed.contains("Invalid"),
        "{malformed}"
    );
}

#[test]
fn nothing_is_granted_by_default() {
    let start = |more: &str, host: &str| {
        let setup = manifest(
            "region = { default = \"eu\" }\njwt_secret = { default = \"x\" }\n",
            more,
            host,
        );
        let output = setup.env("JWT_SECRET", "hush").run("serve");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = start("allowed_outbound_hosts = [\"redis://127.0.0.1\"]", HOST);
    assert!(text.contains("key_value_stores = "), "{text}");
    let text = start("key_value_stores = [\"default\"]", HOST);
    assert!(text.contains("allowed_outbound_hosts = "), "{text}");
    let text = start(&more(), "");
    assert!(text.contains("counters = "), "{text}");
    // A store that is not among the granted ones.
    let host = manifest(VARIABLES, &more(), HOST)
        .env("JWT_SECRET", "hush")
        .ready();
    let denied = told(&host, "/standard/get?store=secrets&key=x").to_string();
    assert!(denied.contains("AccessDenied"), "{denied}");
    let denied = told(&host, "/standard-wasi/increment?store=secrets&key=x").to_string();
    assert!(denied.contains("AccessDenied"), "{denied}");
}
