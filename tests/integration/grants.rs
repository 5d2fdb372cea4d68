//! Deny by default: a function that tries what it was not granted, one attempt at a time, each beside what it may do.

use harness::client::Client;
use harness::given;
use harness::host::Setup;
use harness::receiver::Receiver;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Two functions of one component: `attempt` may use what begins with `notes`, `other` what begins with `secrets`.
fn setup(outbound: &[&str]) -> Setup {
    let source = harness::root().join("target/wasm32-wasip2/release/guest_attempt.wasm");
    let mut text = String::from(
        "spin_manifest_version = 2\n[application]\nname = \"grants\"\n[variables]\n\
         mine = { default = \"mine\" }\njwt_secret = { required = true, secret = true }\n",
    );
    for (name, prefix) in [("attempt", "notes"), ("other", "secrets")] {
        text.push_str(&format!(
            "[[trigger.http]]\nroute = \"/{name}/...\"\ncomponent = \"{name}\"\n\
             [component.{name}]\nsource = \"{}\"\nkey_value_stores = [\"{prefix}\"]\n\
             allowed_outbound_hosts = {outbound:?}\n[component.{name}.variables]\nown = \"{{{{ mine }}}}\"\n\
             [component.{name}.tool.trm]\ncache = [\"{prefix}:*\"]\ncounters = [\"{prefix}:*\"]\n\
             documents = {{ {prefix} = \"read\", drafts-{name} = \"write\" }}\n",
            source.display()
        ));
    }
    Setup::manifest_text(&text)
}

fn attempt(client: &Client, what: &str, name: &str) -> String {
    attempt_of(client, "attempt", what, name)
}

fn attempt_of(client: &Client, function: &str, what: &str, name: &str) -> String {
    let path = format!("/{function}/{what}");
    let answer = client.attempt("POST", &path, None, name.as_bytes());
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{what} {name:?}: {}", answer.text);
    answer.text
}

fn on_both_stores(check: impl Fn(&Client)) {
    check(&setup(&["http://allowed.example"]).ready().client);
    let servers = setup(&["http://allowed.example"])
        .on_mongodb(&given("TEST_MONGODB_URI"))
        .env("REDIS_URL", &format!("{}/{}", given("TEST_REDIS_URL"), 7));
    check(&servers.ready().client);
}

const READS: [&str; 3] = ["find", "count", "distinct"];
const WRITES: [&str; 5] = ["insert", "update", "find-and-update", "delete", "commit"];
const CACHE: [&str; 6] = [
    "cache-get",
    "cache-set",
    "cache-tag",
    "cache-fill",
    "cache-delete",
    "invalidate-tag",
];
const COUNTERS: [&str; 3] = ["counter-add", "counter-get", "counter-reset"];

#[test]
fn every_verb_of_every_collection_is_denied_but_for_what_is_granted() {
    on_both_stores(|client| {
        let granted = |what, name| {
            let said = attempt(client, what, name);
            assert!(said.starts_with("\"Ok"), "{what} {name}: {said}");
        };
        let denied = |what, name| {
            let said = attempt(client, what, name);
            assert!(said.contains("Denied"), "{what} {name}: {said}");
        };
        READS.into_iter().for_each(|verb| granted(verb, "notes"));
        READS
            .into_iter()
            .chain(WRITES)
            .for_each(|verb| granted(verb, "drafts-attempt"));
        WRITES.into_iter().for_each(|verb| denied(verb, "notes"));
        for verb in READS.into_iter().chain(WRITES) {
            for collection in [
                "secrets",
                "drafts-other",
                "Notes",
                "notes2",
                "",
                "system.users",
                "trm_kv_notes",
                "notes.$cmd",
                "admin.notes",
                "notes\0secrets",
                "../notes",
                "$cmd",
            ] {
                denied(verb, collection);
            }
        }
        granted("lookup", "notes");
        for stage in ["lookup", "union", "union-in-facet", "out", "merge"] {
            denied(stage, "secrets");
            denied(stage, "trm_kv_notes");
        }
    });
}

#[test]
fn every_key_and_tag_outside_of_the_grant_is_denied_however_it_is_spelled() {
    on_both_stores(|client| {
        for (verbs, own) in [(&CACHE[..], "notes:1"), (&COUNTERS[..], "notes:1")] {
            for verb in verbs {
                let said = attempt(client, verb, own);
                assert!(said.starts_with("\"Ok"), "{verb}: {said}");
                for key in [
                    "secrets:1",
                    "notes",
                    "notesx:1",
                    "Notes:1",
                    " notes:1",
                    "\0notes:1",
                    "*",
                    "",
                    "trm:kv:notes",
                    "{trm}:notes:1",
                    "ｎotes:1",
                    "api:/api/jobs",
                    "secrets:notes:1",
                ] {
                    let said = attempt(client, verb, key);
                    assert!(said.contains("Denied"), "{verb} {key:?}: {said}");
                }
            }
        }
        for pattern in ["*", "secrets:*", "note*", "trm:*", "notes", ""] {
            let said = attempt(client, "invalidate-pattern", pattern);
            assert!(said.contains("Denied"), "{pattern:?}: {said}");
        }
        assert!(attempt(client, "invalidate-pattern", "notes:*").starts_with("\"Ok"));
    });
}

#[test]
fn a_key_that_is_crafted_as_a_command_is_a_key() {
    on_both_stores(|client| {
        let other = |what, name| attempt_of(client, "other", what, name);
        assert!(other("cache-delete", "secrets:planted").starts_with("\"Ok"));
        let mut taken = 0;
        for crafted in [
            "notes:1\r\nSET secrets:planted x\r\n",
            "notes:1\0secrets:planted",
            "notes:../secrets:planted",
            "notes:1' OR 1=1; --",
            "notes:\u{202e}detnalp:sterces",
            "notes:*",
        ] {
            // A key may be refused for its form; one that is taken is a key and nothing else.
            if attempt(client, "cache-set", crafted).starts_with("\"Ok") {
                assert_eq!(attempt(client, "cache-get", crafted), "\"Ok(true)\"");
                taken += 1;
            }
            assert_eq!(other("cache-get", "secrets:planted"), "\"Ok(false)\"");
        }
        assert!(taken >= 2, "only {taken} were taken");
        // A neighbour's value is neither seen nor made old.
        assert!(other("cache-set", "secrets:kept").starts_with("\"Ok"));
        assert!(attempt(client, "invalidate-pattern", "notes:*").starts_with("\"Ok"));
        assert_eq!(other("cache-get", "secrets:kept"), "\"Ok(true)\"");
    });
}

#[test]
fn variables_stores_and_addresses_are_ones_own_and_no_others() {
    on_both_stores(|client| {
        assert_eq!(attempt(client, "variable", "own"), "\"Ok(\\\"mine\\\")\"");
        for name in [
            "jwt_secret",
            "mine",
            "path",
            "home",
            "mongodb_uri",
            "JWT_SECRET",
            "own ",
        ] {
            let said = attempt(client, "variable", name);
            assert!(
                said.starts_with("\"Err") && !said.contains("tests alone"),
                "{name}: {said}"
            );
        }
        assert!(attempt(client, "store", "notes").starts_with("\"Ok"));
        for label in ["secrets", "default", "Notes", "../secrets", "", "notes\0"] {
            let said = attempt(client, "store", label);
            assert!(said.starts_with("\"Err"), "{label}: {said}");
        }
        for address in [
            given("TEST_REDIS_URL").as_str(),
            "redis://127.0.0.1:1",
            "allowed.example",
        ] {
            let said = attempt(client, "redis", address);
            assert!(said.starts_with("\"Err"), "{address}: {said}");
        }
        for url in [
            "http://denied.example/",
            "https://allowed.example/",
            "http://allowed.example:81/",
            "http://allowed.example.evil.example/",
            "http://allowed.example@evil.example/",
            "http://evil.example/?http://allowed.example",
            "http://allowed.example./",
            "ftp://allowed.example/",
            "http:///x",
            "file:///etc/passwd",
        ] {
            let said = attempt(client, "post", url);
            assert!(said.starts_with("\"Err"), "{url}: {said}");
            assert!(
                !said.contains("refused") && !said.contains("Dns"),
                "{url} was tried: {said}"
            );
        }
    });
}

#[test]
fn a_pattern_reaches_no_private_address_whatever_it_is_called() {
    let receiver = Receiver::start(0);
    let port = receiver.url.rsplit(':').next().unwrap().to_owned();
    let host = setup(&["http://*:*"]).ready();
    for name in [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "x@127.0.0.1",
        "169.254.169.254",
        "LOCALHOST",
    ] {
        let said = attempt(&host.client, "post", &format!("http://{name}:{port}/"));
        assert!(said.starts_with("\"Err"), "{name}: {said}");
    }
    assert!(receiver.received().is_empty(), "it was reached");
    // The same address by its own name is granted, so that it was the pattern that kept it.
    let named = setup(&["http://*:*", &receiver.url]).ready();
    assert_eq!(attempt(&named.client, "post", &receiver.url), "\"Ok(204)\"");
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let inner = Receiver::start(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = inner.url.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The whole request: what answers before it has read that may be heard as a broken connection.
            let mut seen = Vec::new();
            while !seen.ends_with(b"x") && !seen.ends_with(b"\r\n0\r\n\r\n") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                assert!(read > 0, "the request broke off");
                seen.extend_from_slice(&part[..read]);
            }
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            // A socket that is closed with a body still unread in it takes the answer back.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        }
    });
    let host = setup(&[&url, &inner.url]).ready();
    assert_eq!(attempt(&host.client, "post", &url), "\"Ok(307)\"");
    assert!(inner.received().is_empty(), "the redirect was followed");
}
