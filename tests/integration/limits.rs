//! Guests that misbehave: each is cut off within its limits, and no other feels it; times only deadlines.

use harness::client::Client;
use harness::eventually;
use harness::host::{Host, Setup};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The value of a series of the host's metrics.
fn value(host: &Host, series: &str) -> f64 {
    let metrics = host.client.get("/metrics").text;
    let found = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("{series} is not in {metrics}"));
    found.parse().unwrap()
}

#[test]
fn a_hundred_functions_are_served_by_one_host() {
    let built = harness::root().join("target/wasm32-wasip2/release");
    let mut text = "spin_manifest_version = 2\n[application]\nname = \"many\"\n".to_owned();
    for n in 0..100 {
        let source = built.join(["guest_echo.wasm", "guest_echo_p2.wasm"][n % 2]);
        text += &format!(
            "[[trigger.http]]\nroute = \"/f{n}/...\"\ncomponent = \"f{n}\"\n[component.f{n}]\nsource = {source:?}\n"
        );
    }
    let host = Setup::manifest_text(&text).ready();
    std::thread::scope(|scope| {
        for client in 0..4 {
            let host = &host;
            scope.spawn(move || {
                for n in (0..100).map(|n| (n + 25 * client) % 100) {
                    let answer = host.client.get(&format!("/f{n}/x"));
                    assert_eq!(answer.status, 200, "f{n}: {}", answer.text);
                    assert!(answer.text.contains(&format!("/f{n}/x")), "{}", answer.text);
                }
            });
        }
    });
    let resident = value(&host, "process_resident_memory_bytes");
    assert!(resident < f64::from(256 << 20), "{resident}");
}

#[test]
fn each_is_cut_off_with_its_own_status_while_another_route_feels_nothing() {
    for isolation in ["exclusive", "fresh", "shared"] {
        cut_off(isolation);
    }
}

fn cut_off(isolation: &str) {
    let isolation = format!("isolation = \"{isolation}\"");
    let short = format!("timeout_ms = 300\nmemory_mb = 16\n{isolation}");
    let long = format!("timeout_ms = 5000\nmemory_mb = 16\n{isolation}");
    let host = Setup::guests(&[
        ("loop", &short),
        ("alloc", &long),
        // A trap is reported with its backtrace, which takes its time on a busy machine.
        ("panic", &long),
        ("sleepy", &short),
        ("echo", ""),
    ])
    .ready();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (host.client.clone(), stop.clone());
            std::thread::spawn(move || {
                let (mut answered, mut slowest) = (0, Duration::ZERO);
                while !stop.load(Relaxed) {
                    let began = Instant::now();
                    assert_eq!(client.get("/echo/x").status, 200);
                    slowest = slowest.max(began.elapsed());
                    answered += 1;
                }
                (answered, slowest)
            })
        })
        .collect();
    for _ in 0..3 {
        for (path, status) in [
            ("/loop/", 504),
            ("/alloc/", 507),
            ("/panic/panic", 502),
            ("/sleepy/", 504),
        ] {
            let began = Instant::now();
            let answer = host.client.get(path);
            assert_eq!(answer.status, status, "{path}: {}", answer.text);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(
                began.elapsed() < Duration::from_secs(4),
                "{path} took {:?}",
                began.elapsed()
            );
        }
    }
    stop.store(true, Relaxed);
    for thread in load {
        let (answered, slowest) = thread.join().unwrap();
        assert!(answered > 20, "only {answered} answers");
        assert!(
            slowest < Duration::from_secs(2),
            "an answer took {slowest:?}"
        );
    }
    assert_eq!(host.client.get("/panic/").text, "\"calm\"");
    let log = host.log();
    assert!(
        log.contains("asked to panic"),
        "the guest's own words are not in the log:\n{log}"
    );
    assert!(
        log.contains("wasm trap") || log.contains("backtrace"),
        "no backtrace:\n{log}"
    );
}

#[test]
fn beyond_its_concurrency_a_function_refuses_at_once() {
    let host = Setup::guests(&[
        ("sleepy", "timeout_ms = 5000\nconcurrency = 2"),
        ("echo", ""),
    ])
    .ready();
    let held: Vec<_> = (0..2)
        .map(|_| {
            let client = host.client.clone();
            std::thread::spawn(move || client.get("/sleepy/").status)
        })
        .collect();
    let in_flight = "trm_requests_in_flight{function=\"sleepy\"}";
    eventually("both are under way", Duration::from_secs(4), || {
        value(&host, in_flight) == 2.0
    });
    let refused = host.client.get("/sleepy/");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
    assert_eq!(host.client.get("/echo/").status, 200);
    // It did not wait for one of them to end.
    assert!(held.iter().all(|thread| !thread.is_finished()));
    for thread in held {
        assert_eq!(thread.join().unwrap(), 504);
    }
}

#[test]
fn both_versions_of_wasi_http_answer_and_forged_headers_do_not_reach_them() {
    let host = Setup::guests(&[("echo", ""), ("echo-p2", "")]).ready();
    let echo = host.client.post("/echo/a?b=c", &serde_json::json!([1, 2]));
    assert!(echo.text.starts_with("POST "), "{}", echo.text);
    assert!(echo.text.contains("/echo/a?b=c 5\n"), "{}", echo.text);
    assert!(echo.text.contains("spin-path-info: /a\n"), "{}", echo.text);
    let old = host.client.get("/echo-p2/x");
    assert_eq!(old.text, "Method::Get /echo-p2/x");
    let mut stream = TcpStream::connect(&host.address).unwrap();
    let request =
        "GET /echo/ HTTP/1.1\r\nhost: x\r\nspin-path-match-id: forged\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && !answer.contains("forged"),
        "{answer}"
    );
}

#[test]
fn what_is_not_granted_is_denied() {
    let grants = "cache = [\"notes:*\"]\ndocuments = { notes = \"read\" }";
    let host = Setup::guests(&[("denied", grants)]).ready();
    let said = host.client.get("/denied/").text;
    assert!(said.contains("granted true"), "{said}");
    for what in [
        "key", "near", "tag", "pattern", "read", "write", "join", "out",
    ] {
        let line = said.lines().find(|line| line.starts_with(what)).unwrap();
        assert!(line.contains("Denied"), "{line}");
    }
}

#[test]
fn a_component_without_its_grant_does_not_start_and_the_line_to_add_is_named() {
    let ended = Setup::guests(&[("denied", "cache = [\"notes:*\"]")]).run("serve");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success());
    for part in [
        "\"denied\"",
        "trm:platform/documents",
        "[component.denied.tool.trm] documents = {",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn a_tampered_artefact_is_not_run() {
    let setup = Setup::guests(&[("panic", "")]);
    assert!(setup.run("build").status.success());
    let folder = setup.manifest_folder().join("target/trm");
    let artefact = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "cwasm"))
        .unwrap();
    let mut bytes = std::fs::read(&artefact).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xcc);
    std::fs::write(&artefact, bytes).unwrap();
    let host = setup.ready();
    assert_eq!(host.client.get("/panic/").text, "\"calm\"");
    assert!(
        host.log().contains("not what was written"),
        "{}",
        host.log()
    );
}

#[test]
fn code_for_an_older_processor_is_served_and_an_unknown_one_is_refused() {
    let setup = Setup::guests(&[("echo", "")]);
    let built = setup.run_with("build", &["--cpu", "x86-64-v2"]);
    assert!(built.status.success());
    assert!(String::from_utf8_lossy(&built.stdout).contains("compiled for x86-64-v2"));
    let host = setup.ready();
    assert_eq!(host.client.get("/echo/").status, 200);
    assert!(!host.log().contains("compiled again"), "{}", host.log());
    let refused = setup.run_with("build", &["--cpu", "z80"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("x86-64-v3"));
}

/// The sum of a metric's series over all functions.
fn total(host: &Host, metric: &str) -> f64 {
    let metrics = host.client.get("/metrics").text;
    let series = metrics.lines().filter_map(|line| {
        let labelled = line.strip_prefix(metric)?.starts_with('{');
        labelled.then(|| line.rsplit(' ').next())?
    });
    series.map(|value| value.parse::<f64>().unwrap()).sum()
}

#[test]
fn in_a_full_host_idle_instances_make_room_for_other_functions() {
    let source = harness::root().join("target/wasm32-wasip2/release/guest_panic.wasm");
    let mut text = "spin_manifest_version = 2\n[application]\nname = \"full\"\n".to_owned();
    for name in ["a", "b", "c"] {
        text += &format!(
            "[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"{name}\"\n[component.{name}]\nsource = {source:?}\n"
        );
    }
    let host = Setup::manifest_text(&text)
        .env("TRM_MAX_INSTANCES", "2")
        .ready();
    for round in 1..=3 {
        let before = total(&host, "trm_instances_evicted_total");
        for path in ["/a", "/b", "/c"] {
            assert_eq!(host.client.get(path).text, "\"calm\"", "{path}");
            assert!(total(&host, "trm_instances") <= 2.0);
        }
        // Each of the three keeps its instance while it is idle, and two have room.
        let evicted = total(&host, "trm_instances_evicted_total") - before;
        assert!(evicted >= 1.0, "{evicted} in round {round}");
    }
}

#[test]
fn a_body_over_the_bound_is_refused_whether_its_length_is_said_or_not() {
    let host = Setup::guests(&[("echo", "max_body_kb = 1")]).ready();
    let said = host
        .client
        .attempt("POST", "/echo/", None, &[0; 2_000])
        .unwrap();
    assert_eq!(said.status, 413, "{}", said.text);
    let mut stream = TcpStream::connect(&host.address).unwrap();
    let chunk = format!("800\r\n{}\r\n", "x".repeat(0x800));
    let request = format!(
        "POST /echo/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 64];
    let read = stream.read(&mut answer).unwrap();
    assert!(
        answer[..read].starts_with(b"HTTP/1.1 413"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn http_2_with_prior_knowledge_is_spoken() {
    let host = Setup::guests(&[("echo", "")]).ready();
    let mut stream = TcpStream::connect(&host.address).unwrap();
    // The preface and an empty SETTINGS frame (RFC 9113, section 3.4).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(frame[3], 4, "the first frame of a server is SETTINGS");
    let again = Client::new(&format!("http://{}", host.address));
    assert_eq!(again.get("/echo/").status, 200);
}
