//! Stores that die and come back: what is served meanwhile, and that nothing needs a restart.

use harness::host::Setup;
use harness::servers::Server;
use harness::{eventually, given};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const JOB: &str = "/api/jobs/650000000300000000000003";

#[test]
fn killing_redis_changes_no_status_code() {
    let mut redis = Server::redis();
    let host = Setup::on_servers(&given("TEST_MONGODB_URI"), &redis.url())
        .env("CIRCUIT_BREAKER_RESET_TIMEOUT", "500")
        .ready();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|at| {
            let (client, stop) = (host.client.demo("admin"), stop.clone());
            std::thread::spawn(move || {
                let mut round = 0;
                while !stop.load(Relaxed) {
                    round += 1;
                    let path = format!("/api/jobs?page={}&limit=5", round % 40 + 1);
                    assert_eq!(client.get(&path).status, 200);
                    let job = format!("/api/jobs/65000000030000000000010{at}");
                    let title = format!("Title number {round}");
                    assert_eq!(client.patch(&job, &json!({"title": title})).status, 200);
                    // A host always sees its own writes, with Redis or without.
                    assert_eq!(client.get(&job).json()["title"], json!(title));
                }
                round
            })
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    redis.kill();
    std::thread::sleep(Duration::from_secs(2));
    let health = host.client.get("/api/health/cache").json();
    assert_eq!(health["l2"]["connected"], false);
    redis.start();
    eventually("Redis is used again", Duration::from_secs(10), || {
        let health = host.client.get("/api/health/cache").json();
        health["l2"]["connected"] == true && health["l2"]["circuitBreaker"] == "CLOSED"
    });
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Relaxed);
    for thread in load {
        assert!(thread.join().unwrap() > 10);
    }
}

#[test]
fn killing_mongodb_leaves_cached_reads_and_refuses_the_rest_until_it_is_back() {
    let mut mongod = Server::mongod();
    let host = Setup::on_servers(&mongod.url(), &given("TEST_REDIS_URL")).ready();
    let cached = host.client.get(JOB);
    assert_eq!(cached.status, 200);
    let admin = host.client.demo("admin");
    // Its session is known now, and needs the origin no more.
    assert_eq!(admin.get("/api/users/me").status, 200);
    mongod.kill();
    for _ in 0..5 {
        assert_eq!(host.client.get(JOB).text, cached.text);
        let other = host.client.get("/api/jobs/650000000300000000000004");
        assert_eq!(other.status, 503, "{}", other.text);
        assert!(other.header("retry-after").parse::<u32>().unwrap() >= 1);
        let write = admin.patch(JOB, &json!({"title": "Never to be seen"}));
        assert_eq!(write.status, 503, "{}", write.text);
    }
    assert_eq!(host.client.get("/ready").status, 503);
    mongod.start();
    eventually("writes are taken again", Duration::from_secs(20), || {
        admin.patch(JOB, &json!({"title": "Back again"})).status == 200
    });
    assert_eq!(host.client.get(JOB).json()["title"], "Back again");
    assert_eq!(host.client.get("/ready").status, 200);
}
