//! A guest that does whatever random bytes say to every door of the host: each request is answered, by the guest or by the
//! host in its place, and nobody else feels it; what the calls answer is the matter of other tests.

use harness::client::Answer;
use harness::given;
use harness::host::{Host, Setup};
use harness::random::Random;
use harness::receiver::Receiver;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How many requests are made on each store, in how much time at most, and how many of them at least.
const REQUESTS: u32 = 300;
const MOST: Duration = Duration::from_secs(15);
const LEAST: u32 = 60;
/// What must have been done at least once, however many requests there were.
const DONE: [&str; 4] = [
    "cache.get",
    "documents.find",
    "documents.count",
    "documents.insert",
];
/// What the host may need for all of it, its caches included.
const MEMORY: f64 = 512.0 * 1_048_576.0;

fn bytes(random: &mut Random) -> Vec<u8> {
    let length = [8, 64, 512, 4_096][random.below(4) as usize];
    (0..random.below(length) + 1)
        .map(|_| random.below(256) as u8)
        .collect()
}

fn setup(receiver: &Receiver) -> Setup {
    let built = harness::root().join("target/wasm32-wasip2/release");
    let source = |name: &str| built.join(format!("guest_{name}.wasm"));
    Setup::manifest_text(&format!(
        "spin_manifest_version = 2\n[application]\nname = \"caprice\"\n\
         [[trigger.http]]\nroute = \"/caprice/...\"\ncomponent = \"caprice\"\n\
         [component.caprice]\nsource = {:?}\nkey_value_stores = [\"caprice\"]\nallowed_outbound_hosts = [{:?}]\n\
         [component.caprice.tool.trm]\ncache = [\"caprice:*\"]\ncounters = [\"caprice:*\"]\nmetrics = true\n\
         documents = {{ caprice = \"write\" }}\ntimeout_ms = 2000\nmax_body_kb = 64\n\
         [[trigger.http]]\nroute = \"/echo/...\"\ncomponent = \"echo\"\n[component.echo]\nsource = {:?}\n",
        source("caprice"),
        receiver.url,
        source("echo"),
    ))
}

/// Whether the host answers in the guest's place, with a status that a guest can bring about: not the one of its own faults.
fn is_problem(answer: &Answer) -> bool {
    answer.header("content-type") == "application/problem+json"
        && answer.json()["status"] == answer.status
        && [502, 503, 504, 507].contains(&answer.status)
}

fn neighbours_are_well(host: &Host) {
    assert_eq!(host.client.get("/health").status, 200);
    let echo = host.client.get("/echo/x");
    assert_eq!(echo.status, 200, "{}", echo.text);
}

/// Whether a call of `documents` was told of a fault of the host or of the store, of which there is none.
fn is_fault(verb: &str, how: &str) -> bool {
    let fault = ["Internal", "Unavailable"]
        .iter()
        .any(|kind| how.contains(kind));
    verb.starts_with("documents.") && fault
}

fn does_as_it_likes(setup: &Setup, receiver: &Receiver, seed: u64) {
    let host = setup.ready();
    let client = host.client.with("x-receiver", &receiver.url);
    let (mut random, began, mut made) = (Random::new(seed), Instant::now(), 0);
    let (mut statuses, mut verbs, mut failed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    while made < REQUESTS && (began.elapsed() < MOST || made < LEAST) {
        let body = bytes(&mut random);
        let answers = random.below(6) == 0;
        let path = ["/caprice/calls", "/caprice/answer"][usize::from(answers)];
        let answer = client.attempt("POST", path, None, &body);
        let answer = answer.unwrap_or_else(|error| panic!("{path} of {body:?}: {error}"));
        *statuses.entry((path, answer.status)).or_insert(0) += 1;
        made += 1;
        if answers {
            // Its own status where it is one, else the host's word for it.
            let own = [200, 404, 418, 599].contains(&answer.status);
            assert!(own || is_problem(&answer), "{} of {body:?}", answer.status);
        } else if answer.status == 200 {
            for told in answer.json().as_array().unwrap() {
                let (verb, how) = told.as_str().unwrap().split_once(": ").unwrap();
                *verbs.entry(verb.to_owned()).or_insert(0) += u32::from(how.starts_with("Ok"));
                failed.extend(is_fault(verb, how).then(|| format!("{verb}: {how} of {body:?}")));
            }
        } else {
            assert!(
                is_problem(&answer),
                "{} {} of {body:?}",
                answer.status,
                answer.text
            );
        }
        if made % 10 == 0 {
            neighbours_are_well(&host);
        }
    }
    neighbours_are_well(&host);
    assert!(
        made >= LEAST && verbs.len() > 20,
        "{made} requests: {verbs:?}"
    );
    // Most are answered: a guest that always traps would show nothing.
    let answered = statuses.get(&("/caprice/calls", 200)).copied().unwrap_or(0);
    assert!(answered > made / 2, "{statuses:?}");
    let metrics = host.client.get("/metrics").text;
    let resident = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    let resident: f64 = resident.unwrap().parse().unwrap();
    assert!(resident < MEMORY, "{resident} bytes");
    // A panic of the host's own, as Rust tells it; a guest's would be told in the same words.
    let log = host.log();
    assert!(!log.contains("panicked"), "{log}");
    // What the guest asks for may be refused, as its own fault: the store is well, and has done some of it.
    assert!(failed.is_empty(), "{failed:#?}\n{log}");
    for verb in DONE {
        let done = verbs.get(verb).copied().unwrap_or(0);
        assert!(done > 0, "no {verb} was done: {verbs:?}");
    }
}

#[test]
fn a_guest_that_does_as_it_likes_harms_nobody_on_the_embedded_store() {
    let receiver = Receiver::start(0);
    does_as_it_likes(&setup(&receiver), &receiver, 7);
}

#[test]
fn a_guest_that_does_as_it_likes_harms_nobody_on_servers() {
    let receiver = Receiver::start(0);
    let servers = setup(&receiver)
        .on_mongodb(&given("TEST_MONGODB_URI"))
        .env("REDIS_URL", &format!("{}/{}", given("TEST_REDIS_URL"), 6));
    does_as_it_likes(&servers, &receiver, 11);
}
