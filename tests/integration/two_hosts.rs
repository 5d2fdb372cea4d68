//! Two hosts on one MongoDB and one Redis: what one writes the other reads; looks into neither store.

use harness::host::Setup;
use harness::{eventually, given};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_second_host_sees_the_firsts_writes() {
    let setup = Setup::on_servers(&given("TEST_MONGODB_URI"), &given("TEST_REDIS_URL"));
    let (one, two) = (setup.ready(), setup.ready());
    let path = "/api/jobs/650000000300000000000002";
    for host in [&one, &two] {
        eventually("Redis is followed", Duration::from_secs(5), || {
            host.client.get("/api/health/cache").json()["l2"]["connected"] == true
        });
    }
    let admin = one.client.demo("admin");
    let token = admin.token();
    let admins = [admin, two.client.bearer(&token)];
    for round in 0..50 {
        // Both hold the old value in L1 when it changes.
        assert_eq!(
            (one.client.get(path).status, two.client.get(path).status),
            (200, 200)
        );
        let (writer, reader) = if round % 2 == 0 {
            (&admins[0], &two)
        } else {
            (&admins[1], &one)
        };
        let title = format!("Round {round} of many");
        assert_eq!(writer.patch(path, &json!({"title": title})).status, 200);
        assert_eq!(writer.get(path).json()["title"], json!(title));
        // The message is on its way when the write is acknowledged; it needs no more than a moment.
        eventually("the other host sees it", Duration::from_millis(500), || {
            reader.client.get(path).json()["title"] == json!(title)
        });
    }
}
