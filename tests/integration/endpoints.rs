//! The host's own endpoints, its start and its end; knows no route of the marketplace by heart.

use harness::given;
use harness::host::Setup;
use harness::root;
use std::collections::BTreeSet;

#[test]
fn health_tells_of_every_part() {
    let host = Setup::embedded().ready();
    assert_eq!(host.client.get("/health").json()["status"], "ok");
    let health = host.client.get("/api/health").json();
    assert_eq!(
        (&health["status"], &health["origin"]["kind"]),
        (&"ok".into(), &"sqlite".into())
    );
    let manifest = std::fs::read_to_string(root().join("spin.toml")).unwrap();
    let public = manifest.matches("\nroute = \"").count();
    assert_eq!(health["routes"].as_array().unwrap().len(), public);
    assert_eq!(host.client.call("DELETE", "/health").status, 405);
}

#[test]
fn cache_health_has_exactly_the_documented_fields() {
    let setup = Setup::on_servers(&given("TEST_MONGODB_URI"), &given("TEST_REDIS_URL"));
    let host = setup.ready();
    let path = "/api/jobs/650000000300000000000001";
    assert_eq!(
        (host.client.get(path).status, host.client.get(path).status),
        (200, 200)
    );
    let health = host.client.get("/api/health/cache").json();
    let fields = |part: &str| -> BTreeSet<String> {
        health[part].as_object().unwrap().keys().cloned().collect()
    };
    let named = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let overall = [
        "totalHits",
        "totalMisses",
        "hitRate",
        "l1HitRate",
        "l2HitRate",
    ];
    assert_eq!(fields("overall"), named(&overall));
    assert_eq!(fields("l1"), named(&["keyCount", "memoryUsage", "hitRate"]));
    assert_eq!(
        fields("l2"),
        named(&["connected", "hitRate", "circuitBreaker"])
    );
    assert_eq!(health["l2"]["circuitBreaker"], "CLOSED");
    assert!(health["overall"]["totalHits"].as_u64().unwrap() >= 1);
    assert!(health["l1"]["memoryUsage"].as_u64().unwrap() > 0);
}

#[test]
fn metrics_have_the_documented_names() {
    let host = Setup::embedded().ready();
    host.client.get("/api/jobs/650000000300000000000001");
    let text = host.client.get("/metrics").text;
    for name in [
        "http_requests_total{",
        "http_request_duration_seconds_bucket{",
        "trm_cache_hits_total{",
        "trm_cache_misses_total{",
        "trm_database_connection_errors_total",
    ] {
        assert!(text.contains(name), "{name} is not in\n{text}");
    }
    assert!(text.contains("route=\"/api/jobs/:id\"") && !text.contains("650000000300000000000001"));
}

#[test]
fn from_sigterm_on_it_is_not_ready_but_still_answers_and_then_ends_well() {
    let mut host = Setup::embedded().env("TRM_DRAIN_DELAY", "2000").ready();
    host.terminate();
    harness::eventually("not ready", std::time::Duration::from_secs(1), || {
        host.client.get("/ready").status == 503
    });
    assert_eq!(host.client.get("/api/jobs").status, 200);
    assert!(host.wait(), "{}", host.log());
}

#[test]
fn a_wrong_value_stops_the_start_and_is_named() {
    for (name, value, says) in [
        ("CACHE_L1_TTL", "soon", "CACHE_L1_TTL=soon"),
        (
            "LOG_LEVEL",
            "loud",
            "one of error, warn, info, debug, trace",
        ),
        ("MONGODB_MAX_POOL_SIZE", "0", "from 1 to 10000"),
        ("MONGODB_URI", "http://:hunter2@x", "MONGODB_URI=(hidden)"),
        ("REDIS_URL", "hunter2", "REDIS_URL=(hidden)"),
    ] {
        let ended = Setup::embedded().env(name, value).run("serve");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{name}");
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
}
