//! The race in calm, with connections cut and held, and through a failover; reads no value itself.

use crate::part;
use crate::race::Race;
use crate::race::host;
use harness::eventually;
use harness::proxy::Proxy;
use harness::servers::Server;
use std::time::{Duration, Instant};

/// Without faults: what a message needs on a machine that is busy with this test.
const CALM: Duration = Duration::from_millis(500);
/// A fault lasts so long at most.
const FAULT: Duration = Duration::from_millis(1_200);
/// The stated bound: the fault itself, then two heartbeats to see it, and the wait until Redis is tried again.
const BOUND: Duration = Duration::from_millis(1_200 + 1_000 + 3_000);
/// A failover: the sentinel's own half a second, and its election.
const FAILOVER: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_calm_an_old_value_lives_as_long_as_a_message_travels() {
    let redis = Server::redis();
    let hosts = (0..4).map(|_| host(&redis.url())).collect();
    let race = Race::begin(hosts, CALM);
    tokio::time::sleep(part()).await;
    race.end(CALM).await.judge("calm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_connections_cut_and_held_no_value_is_older_than_the_bound() {
    let redis = Server::redis();
    let proxies: Vec<Proxy> = (0..4)
        .map(|_| Proxy::to(&format!("127.0.0.1:{}", redis.port())))
        .collect();
    let hosts = proxies
        .iter()
        .map(|proxy| host(&format!("redis://{}", proxy.address())))
        .collect();
    let race = Race::begin(hosts, BOUND);
    let end = Instant::now() + part() * 2;
    for turn in 0.. {
        if Instant::now() >= end {
            break;
        }
        let proxy = &proxies[turn % proxies.len()];
        match turn % 5 {
            0 | 1 => proxy.cut(),
            2 => {
                proxy.hold(true);
                tokio::time::sleep(FAULT).await;
                proxy.hold(false);
            }
            3 => {
                proxy.refuse(true);
                tokio::time::sleep(FAULT).await;
                proxy.refuse(false);
            }
            _ => {
                redis.pause();
                tokio::time::sleep(FAULT / 2).await;
                redis.resume();
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    race.end(BOUND).await.judge("cut and held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn through_a_failover_no_value_is_older_than_the_bound() {
    let mut master = Server::redis();
    let port = master.port().to_string();
    let replica = Server::redis_with(&["--replicaof", "127.0.0.1", &port]);
    let sentinel = Server::sentinel(&master);
    let told = sentinel.url().replace("redis+sentinel", "redis");
    let told = redis::Client::open(told.trim_end_matches("/main")).unwrap();
    eventually(
        "the sentinel knows the replica",
        Duration::from_secs(20),
        || {
            let mut connection = told.get_connection().unwrap();
            let replicas: Vec<redis::Value> = redis::cmd("SENTINEL")
                .arg("REPLICAS")
                .arg("main")
                .query(&mut connection)
                .unwrap();
            replicas.len() == 1
        },
    );
    let hosts: Vec<_> = (0..4).map(|_| host(&sentinel.url())).collect();
    let race = Race::begin(hosts.clone(), FAILOVER + BOUND);
    tokio::time::sleep(part() / 2).await;
    master.kill();
    eventually("the replica is followed", Duration::from_secs(30), || {
        let mut connection = redis::Client::open(replica.url())
            .unwrap()
            .get_connection()
            .unwrap();
        let role: Vec<redis::Value> = redis::cmd("ROLE").query(&mut connection).unwrap();
        role[0] == redis::Value::BulkString(b"master".to_vec())
            && hosts.iter().all(|host| host.health().l2.connected)
    });
    tokio::time::sleep(part() / 2).await;
    race.end(BOUND).await.judge("failover");
}
