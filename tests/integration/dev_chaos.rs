//! `trm dev --chaos`: the named store is slow or away for the named functions and for no others; breaks no store.

use harness::given;
use harness::host::Setup;
use harness::root;
use std::time::{Duration, Instant};

const JOB: &str = "650000000300000000000001";

/// One function twice, on a Redis; nothing is built.
fn setup() -> Setup {
    let text = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let mut whole: toml::Table = toml::from_str(&text).unwrap();
    whole.retain(|name, _| ["component", "variables"].contains(&name));
    let components = whole["component"].as_table_mut().unwrap();
    let mut function = components["jobs-by-id"].clone();
    let table = function.as_table_mut().unwrap();
    // Spin's own component has no place here, and nobody builds.
    table.retain(|name, _| ["source", "variables", "tool"].contains(&name));
    let source = root().join(table["source"].as_str().unwrap());
    table.insert("source".into(), source.to_str().unwrap().into());
    components.clear();
    let mut routes = String::new();
    for name in ["struck", "spared"] {
        components.insert(name.into(), function.clone());
        routes += &format!("[[trigger.http]]\nroute = \"/{name}/:id\"\ncomponent = \"{name}\"\n");
    }
    let head = "spin_manifest_version = 2\n[application]\nname = \"chaos\"\n";
    let setup = Setup::manifest_text(&format!("{head}{routes}{whole}"));
    setup.env("REDIS_URL", &given("TEST_REDIS_URL"))
}

#[test]
fn a_dead_store_is_dead_for_the_named_function_alone() {
    let host = setup().dev_with(&["--chaos", "mongodb=dead@struck"]);
    let away = host.client.get(&format!("/struck/{JOB}"));
    assert_eq!(
        (away.status, away.header("retry-after")),
        (503, "1"),
        "{}",
        away.text
    );
    assert_eq!(host.client.get(&format!("/spared/{JOB}")).status, 200);
    // What the other has cached serves both: the cache is not struck.
    assert_eq!(host.client.get(&format!("/struck/{JOB}")).status, 200);
    assert!(host.log().contains("1 faults strike from now on"));
}

#[test]
fn a_slow_redis_is_slow_and_fails_nothing() {
    let host = setup().dev_with(&["--chaos", "redis=slow:300@struck"]);
    let timed = |path: &str| {
        let began = Instant::now();
        assert_eq!(host.client.get(path).status, 200);
        began.elapsed()
    };
    // Each of another job, so that L1 has neither.
    let spared = timed("/spared/650000000300000000000003");
    let struck = timed("/struck/650000000300000000000005");
    assert!(struck > Duration::from_millis(300), "{struck:?}");
    assert!(struck > spared, "{struck:?} {spared:?}");
}

#[test]
fn a_slow_store_costs_a_renewal_its_soft_time_and_not_its_deadline() {
    let host = setup()
        .env("REDIS_URL", "")
        .env("CACHE_L1_TTL", "1")
        .env("CACHE_FILL_SOFT_TIMEOUT", "200")
        .dev_with(&["--chaos", "mongodb=slow:2000@struck"]);
    // Past the edge, which keeps the answer for longer.
    let past = host.client.with("cache-control", "no-cache, no-store");
    let timed = || {
        let began = Instant::now();
        let answer = past.get(&format!("/struck/{JOB}"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        (began.elapsed(), answer.text)
    };
    let slow = Duration::from_secs(2);
    let (first, body) = timed();
    assert!(first > slow, "{first:?}");
    std::thread::sleep(Duration::from_millis(1_300));
    let (cut, from_before) = timed();
    assert!(cut < slow && from_before == body, "{cut:?}");
    // The next one may take its time, so that the value is renewed at all.
    let (whole, _) = timed();
    assert!(whole > slow, "{whole:?}");
    let (kept, _) = timed();
    assert!(kept < slow, "{kept:?}");
    let metrics = host.client.get("/metrics").text;
    assert!(metrics.contains("trm_cache_fills_softened_total 1"));
}

#[test]
fn a_fault_that_strikes_nothing_is_refused() {
    for (fault, why) in [
        ("redis=dead@nobody", "there is no [component.nobody]"),
        ("redis=sad", "a store cannot be \"sad\""),
        ("disk=dead", "there is no store \"disk\""),
    ] {
        let output = setup().run_with("dev", &["--chaos", fault]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    let without = setup()
        .env("REDIS_URL", "")
        .run_with("dev", &["--chaos", "redis=dead"]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(said.contains("REDIS_URL is not set"), "{said}");
}
