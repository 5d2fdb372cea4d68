//! The platform component's cache and counters, asked by a guest that is composed with it; knows no table of theirs.

use harness::client::Client;
use harness::{folder, root};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// `composed` with one guest. Dropping it ends it.
struct Composed {
    child: Child,
    client: Client,
}

impl Composed {
    fn start() -> Self {
        let built = root().join("target/wasm32-wasip2/release");
        let manifest = folder("spin").join("spin.toml");
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"spin\"\n\
             [[trigger.http]]\nroute = \"/keeper/:what\"\ncomponent = \"keeper\"\n\
             [component.platform]\nsource = \"{0}/trm_platform.wasm\"\n\
             [component.keeper]\nsource = \"{0}/guest_keeper.wasm\"\n\
             dependencies = {{ \"trm:platform@0.1.0\" = {{ component = \"platform\" }} }}\n",
            built.display()
        );
        std::fs::write(&manifest, text).unwrap();
        let mut child = Command::new(root().join("target/release/composed"))
            .args([&manifest, &folder("database")])
            .env("PORT", "0")
            .env_remove("TRM_SAMPLE")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("listening on ");
        Self {
            client: Client::new(address.expect("composed listens")),
            child,
        }
    }

    /// What the guest was told.
    fn told(&self, what: &str, name: &str) -> String {
        let path = format!("/keeper/{what}");
        let answer = self.client.attempt("POST", &path, None, name.as_bytes());
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{what} {name}: {}", answer.text);
        answer.json().as_str().unwrap().to_owned()
    }

    fn holds(&self, key: &str) -> bool {
        match self.told("cache-get", key).as_str() {
            "Ok(true)" => true,
            "Ok(false)" => false,
            other => panic!("{other}"),
        }
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn the_cache_of_the_platform_component_forgets_what_it_is_told_and_nothing_else() {
    let composed = Composed::start();
    for (how, of, forgets) in [
        ("cache-delete", "notes:1", true),
        ("cache-delete", "notes:10", false),
        ("invalidate-pattern", "notes:*", true),
        ("invalidate-pattern", "note:*", false),
        ("invalidate-pattern", "notes:1:*", false),
        ("invalidate-pattern", "*", true),
        ("invalidate-tag", "list", true),
        ("invalidate-tag", "lists", false),
    ] {
        assert_eq!(composed.told("cache-tag", "list"), "Ok(())");
        assert!(composed.holds("notes:1"), "before {how} {of}");
        assert_eq!(composed.told(how, of), "Ok(())");
        assert_eq!(!composed.holds("notes:1"), forgets, "{how} {of}");
    }
    for bad in ["notes*", "notes:*:x", "not*es:*"] {
        let refused = composed.told("invalidate-pattern", bad);
        assert!(refused.contains("Invalid"), "{bad}: {refused}");
    }
    assert!(composed.told("cache-get", "").contains("Invalid"));
}

#[test]
fn a_fill_that_an_invalidation_overtook_is_not_kept() {
    let composed = Composed::start();
    assert_eq!(composed.told("cache-fill", "notes:1"), "Ok(())");
    assert!(composed.holds("notes:1"));
    assert_eq!(composed.told("cache-overtaken", "notes:2"), "Ok(())");
    assert!(!composed.holds("notes:2"));
    // The next one is: the invalidation came before it began.
    assert_eq!(composed.told("cache-fill", "notes:2"), "Ok(())");
    assert!(composed.holds("notes:2"));
}

#[test]
fn counters_of_many_at_once_lose_no_addition() {
    let composed = Composed::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(composed.told("counter-add", "login:1"), "Ok(())");
                }
            });
        }
    });
    assert_eq!(composed.told("counter-value", "login:1"), "Ok(40)");
    assert_eq!(composed.told("counter-reset", "login:1"), "Ok(())");
    assert_eq!(composed.told("counter-value", "login:1"), "Ok(0)");
}
