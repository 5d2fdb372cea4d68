//! Functions whose instances work for several requests at one time: who overlaps, and what a trap or a late one costs the others.

use harness::host::{Host, Setup};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

fn host(settings: &str) -> Host {
    let settings = format!("isolation = \"shared\"\n{settings}");
    // JSON logs name the request of each line.
    let setup = Setup::guests(&[("sleepy", &settings)]).env("NODE_ENV", "production");
    setup.ready()
}

/// Asks for each of these at one time, in their order; what each is answered with, and after how long.
fn ask(host: &Host, paths: &[&str]) -> Vec<JoinHandle<(u16, Duration)>> {
    let asked = paths.iter().map(|path| {
        let client = host.client.with("x-request-id", &path.replace('/', "."));
        let path = format!("/sleepy/{path}");
        let asking = spawn(move || {
            let began = Instant::now();
            (client.get(&path).status, began.elapsed())
        });
        // Whoever comes finds the one before at rest.
        sleep(Duration::from_millis(50));
        asking
    });
    asked.collect()
}

fn told(asked: Vec<JoinHandle<(u16, Duration)>>) -> Vec<u16> {
    let told = asked.into_iter().map(|asked| asked.join().unwrap().0);
    told.collect()
}

fn alive(host: &Host) -> u64 {
    let metrics = host.client.get("/metrics").text;
    let alive = metrics
        .lines()
        .find_map(|line| line.strip_prefix("trm_instances{function=\"sleepy\"} "));
    alive.unwrap().parse().unwrap()
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
    let host = host("");
    let began = Instant::now();
    let sixteen = ask(&host, &["2500"; 16]);
    assert_eq!(alive(&host), 1);
    let more = ask(&host, &["1500"; 4]);
    assert_eq!(alive(&host), 2, "sixteen at one time are the bound");
    assert_eq!(told(sixteen), [200; 16]);
    assert_eq!(told(more), [200; 4]);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(alive(&host), 2);
}

#[test]
fn what_a_guest_was_refused_counts_for_whose_turn_it_was() {
    let host = host("memory_mb = 16");
    for own in 0..4 {
        let mut paths = ["2000"; 4];
        paths[own] = "grow/500";
        let mut told = told(ask(&host, &paths));
        assert_eq!(told.remove(own), 507);
        assert_eq!(told, [502; 3]);
    }
}

#[test]
fn a_trap_costs_those_in_the_same_instance_and_each_is_told_why() {
    let host = host("");
    let asked = ask(&host, &["2000", "panic/500", "1900"]);
    assert_eq!(told(asked), [502; 3]);
    let failed = lines(&host, "request failed in the guest");
    assert_eq!(failed.len(), 3, "{failed:?}");
    for (request, why) in failed {
        let own = request == "panic.500";
        assert_eq!(why.contains("wasm trap"), own, "{request}: {why}");
        assert_eq!(
            why.contains("by the fault of another"),
            !own,
            "{request}: {why}"
        );
    }
    assert_eq!(alive(&host), 0);
    assert_eq!(told(ask(&host, &["0"])), [200]);
    assert_eq!(alive(&host), 1);
}

#[test]
fn a_late_request_ends_its_instance_once_the_others_have_their_answers() {
    let host = host("timeout_ms = 3000");
    // The first is late while the second waits; the third comes when that is known.
    let mut asked = ask(&host, &["60000"]);
    sleep(Duration::from_millis(1950));
    asked.extend(ask(&host, &["2000"]));
    sleep(Duration::from_millis(1450));
    asked.extend(ask(&host, &["1500"]));
    assert_eq!(
        alive(&host),
        2,
        "nobody joins an instance with a late request"
    );
    let told: Vec<_> = asked
        .into_iter()
        .map(|asked| asked.join().unwrap())
        .collect();
    assert_eq!(
        told.iter().map(|(status, _)| *status).collect::<Vec<_>>(),
        [504, 200, 200]
    );
    assert!(told[0].1 < Duration::from_millis(4500), "{:?}", told[0].1);
    sleep(Duration::from_millis(500));
    assert_eq!(alive(&host), 1);
}

#[test]
fn a_guest_that_waits_or_computes_past_its_deadline_ends_with_its_instance() {
    let host = host("timeout_ms = 500");
    assert_eq!(told(ask(&host, &["60000", "60000"])), [504; 2]);
    sleep(Duration::from_millis(300));
    assert_eq!(alive(&host), 0);
    // The other waits as well, and can do nothing while this one computes.
    assert_eq!(told(ask(&host, &["loop/50", "450"]))[0], 504);
    sleep(Duration::from_millis(300));
    assert_eq!(alive(&host), 0);
    assert_eq!(told(ask(&host, &["0"])), [200]);
}

#[test]
fn an_instance_without_requests_serves_the_next_one() {
    let host = host("");
    for _ in 0..50 {
        assert_eq!(told(ask(&host, &["0"])), [200]);
    }
    assert_eq!(alive(&host), 1);
}
