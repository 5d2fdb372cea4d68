//! Functions whose instances work for several requests at one time: who overlaps, and what a trap or a late one costs the others.

use harness::eventually;
use harness::host::{Host, Setup};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// Longer than a busy machine needs for what a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

fn host(settings: &str) -> Host {
    let settings = format!("isolation = \"shared\"\n{settings}");
    // JSON logs name the request of each line.
    let setup = Setup::guests(&[("sleepy", &settings)]).env("NODE_ENV", "production");
    setup.ready()
}

/// Asks for each of these, which wait, while all before it wait; what each is answered with.
fn ask(host: &Host, paths: &[&str]) -> Vec<JoinHandle<u16>> {
    let before = in_flight(host);
    let asked = paths.iter().enumerate().map(|(at, path)| {
        let client = host.client.with("x-request-id", &path.replace('/', "."));
        let path = format!("/sleepy/{path}");
        let asking = spawn(move || client.get(&path).status);
        let under_way = before + at as u64 + 1;
        eventually("the request is under way", PATIENCE, || {
            in_flight(host) == under_way
        });
        // Whoever comes next finds its guest at rest.
        sleep(Duration::from_millis(50));
        asking
    });
    asked.collect()
}

/// Asks for what does not wait, and until its instance is free again.
fn ask_at_once(host: &Host) -> u16 {
    let status = host.client.get("/sleepy/0").status;
    eventually("its guest has ended", PATIENCE, || in_flight(host) == 0);
    status
}

fn told(asked: Vec<JoinHandle<u16>>) -> Vec<u16> {
    let told = asked.into_iter().map(|asked| asked.join().unwrap());
    told.collect()
}

fn metric(host: &Host, name: &str) -> u64 {
    let metrics = host.client.get("/metrics").text;
    let series = format!("{name}{{function=\"sleepy\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
    value.unwrap().parse().unwrap()
}

fn in_flight(host: &Host) -> u64 {
    metric(host, "trm_requests_in_flight")
}

fn alive(host: &Host) -> u64 {
    metric(host, "trm_instances")
}

/// Lines of the log with this text, with the request that each names.
fn lines(host: &Host, text: &str) -> Vec<(String, String)> {
    let log = host.log();
    let lines = log.lines().filter(|line| line.contains(text));
    lines
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let of = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            (of("request_id"), of("message"))
        })
        .collect()
}

#[test]
fn requests_that_wait_overlap_in_one_instance_up_to_its_bound() {
    // One after the other they would all be late but two.
    let host = host("timeout_ms = 20000");
    let sixteen = ask(&host, &["8000"; 16]);
    assert_eq!(alive(&host), 1);
    let more = ask(&host, &["6000"; 4]);
    assert_eq!(alive(&host), 2, "sixteen at one time are the bound");
    assert!(sixteen.iter().all(|asked| !asked.is_finished()));
    assert_eq!(told(sixteen), [200; 16]);
    assert_eq!(told(more), [200; 4]);
    assert_eq!(alive(&host), 2);
}

#[test]
fn what_a_guest_was_refused_counts_for_whose_turn_it_was() {
    let host = host("memory_mb = 16");
    for own in 0..4 {
        let mut paths = ["4500"; 4];
        paths[own] = "grow/1500";
        let mut told = told(ask(&host, &paths));
        assert_eq!(told.remove(own), 507);
        assert_eq!(told, [502; 3]);
        eventually("all have ended", PATIENCE, || in_flight(&host) == 0);
    }
}

#[test]
fn a_trap_costs_those_in_the_same_instance_and_each_is_told_why() {
    let host = host("");
    let asked = ask(&host, &["4500", "panic/1500", "4400"]);
    assert_eq!(told(asked), [502; 3]);
    let failed = lines(&host, "request failed in the guest");
    assert_eq!(failed.len(), 3, "{failed:?}");
    for (request, why) in failed {
        let own = request == "panic.1500";
        assert_eq!(why.contains("wasm trap"), own, "{request}: {why}");
        assert_eq!(
            why.contains("by the fault of another"),
            !own,
            "{request}: {why}"
        );
    }
    eventually("the instance ends", PATIENCE, || alive(&host) == 0);
    assert_eq!(ask_at_once(&host), 200);
    assert_eq!(alive(&host), 1);
}

#[test]
fn a_late_request_ends_its_instance_once_the_others_have_their_answers() {
    let host = host("timeout_ms = 8000");
    // The first is late while the second waits; the third comes when that is known.
    let late = ask(&host, &["60000"]);
    sleep(Duration::from_secs(4));
    let second = ask(&host, &["6000"]);
    assert_eq!(alive(&host), 1);
    assert_eq!(told(late), [504]);
    // It is closed a moment after the answer.
    sleep(Duration::from_millis(500));
    let third = ask(&host, &["1000"]);
    assert!(!second[0].is_finished(), "the first had its answer before");
    assert_eq!(
        alive(&host),
        2,
        "nobody joins an instance with a late request"
    );
    assert_eq!(told(second), [200]);
    eventually("its instance ends", PATIENCE, || alive(&host) == 1);
    assert_eq!(told(third), [200]);
}

#[test]
fn a_guest_that_waits_or_computes_past_its_deadline_ends_with_its_instance() {
    let host = host("timeout_ms = 2000");
    assert_eq!(told(ask(&host, &["60000", "60000"])), [504; 2]);
    eventually("the instance ends", PATIENCE, || alive(&host) == 0);
    // The other waits as well, and can do nothing while this one computes.
    let asked = ask(&host, &["loop/1000", "1900"]);
    assert_eq!(alive(&host), 1);
    assert_eq!(told(asked)[0], 504);
    eventually("the instance ends", PATIENCE, || alive(&host) == 0);
    assert_eq!(ask_at_once(&host), 200);
}

#[test]
fn an_instance_without_requests_serves_the_next_one() {
    let host = host("");
    for _ in 0..50 {
        assert_eq!(ask_at_once(&host), 200);
    }
    assert_eq!(alive(&host), 1);
}
