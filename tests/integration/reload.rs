//! SIGHUP swaps functions under running requests: none is lost, and what cannot be loaded changes nothing.

use harness::eventually;
use harness::host::{Host, Setup};
use harness::root;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

fn manifest(component: &str, extra: &str) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"reload\"\n\
         [[trigger.http]]\nroute = \"/a/...\"\ncomponent = \"a\"\n\
         [component.a]\nsource = \"{component}\"\n{extra}"
    )
}

fn put(setup: &Setup, guest: &str) {
    let built = root().join(format!("target/wasm32-wasip2/release/guest_{guest}.wasm"));
    let folder = setup.manifest_folder();
    // Renamed into place, as a build does it: a reader never sees half of it.
    std::fs::copy(built, folder.join("a.part")).unwrap();
    std::fs::rename(folder.join("a.part"), folder.join("a.wasm")).unwrap();
}

fn write(setup: &Setup, text: &str) {
    std::fs::write(setup.manifest_folder().join("spin.toml"), text).unwrap();
}

fn reload(host: &Host, said: &str) {
    let before = host.log().matches("reloaded").count();
    host.hangup();
    eventually(said, Duration::from_secs(20), || {
        host.log().matches("reloaded").count() > before
    });
    let log = host.log();
    let line = log.lines().rfind(|line| line.contains("reloaded")).unwrap();
    assert!(line.contains(said), "{line}");
}

#[test]
fn a_swap_every_moment_loses_no_request() {
    let setup = Setup::manifest_text(&manifest("a.wasm", ""));
    put(&setup, "echo");
    let host = setup.ready();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, stop) = (host.client.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut seen = [0_u32; 2];
                while !stop.load(Relaxed) {
                    let answer = client.get("/a/x");
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    seen[usize::from(answer.text.contains("calm"))] += 1;
                }
                seen
            })
        })
        .collect();
    for round in 0..8 {
        put(&setup, if round % 2 == 0 { "panic" } else { "echo" });
        reload(&host, "reloaded: a");
        std::thread::sleep(Duration::from_millis(100));
    }
    stop.store(true, Relaxed);
    let seen: Vec<[u32; 2]> = load.into_iter().map(|one| one.join().unwrap()).collect();
    let both = seen
        .iter()
        .fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    assert!(both[0] > 0 && both[1] > 0, "{both:?}");
}

/// The routes that the host says it has, each with its function.
fn routes(host: &Host) -> Vec<(String, String)> {
    let health = host.client.get("/api/health").json();
    let routes = health["routes"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    routes
        .map(|route| (text(&route["route"]), text(&route["function"])))
        .collect()
}

#[test]
fn what_cannot_be_loaded_changes_nothing_and_a_new_route_is_served_at_once() {
    let setup = Setup::manifest_text(&manifest("a.wasm", ""));
    put(&setup, "panic");
    let host = setup.ready();
    let before = routes(&host);
    assert_eq!(before, [("/a/...".to_owned(), "a".to_owned())]);
    let unchanged = || {
        let answer = host.client.get("/a/");
        assert_eq!((answer.status, answer.text.as_str()), (200, "\"calm\""));
        assert_eq!(host.client.get("/b").status, 404);
        assert_eq!(routes(&host), before);
    };
    reload(&host, "reloaded: nothing has changed");
    unchanged();
    write(&setup, &manifest("missing.wasm", ""));
    reload(&host, "not reloaded, the old versions serve on");
    assert!(
        host.log().contains("missing.wasm cannot be read"),
        "{}",
        host.log()
    );
    unchanged();
    write(&setup, "spin_manifest_version = 1");
    reload(&host, "not reloaded");
    unchanged();
    // A route that could be served, beside a component that is none.
    std::fs::write(setup.manifest_folder().join("none.wasm"), b"no component").unwrap();
    let second = |source: &str| {
        format!(
            "[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n[component.b]\nsource = \"{source}\"\n"
        )
    };
    put(&setup, "echo");
    write(&setup, &manifest("a.wasm", &second("none.wasm")));
    reload(&host, "not reloaded");
    unchanged();
    put(&setup, "panic");
    write(&setup, &manifest("a.wasm", &second("a.wasm")));
    reload(&host, "reloaded: b");
    for path in ["/a/", "/b"] {
        assert_eq!(host.client.get(path).text, "\"calm\"", "{path}");
    }
    let after = [before, vec![("/b".to_owned(), "b".to_owned())]].concat();
    assert_eq!(routes(&host), after);
}

#[test]
fn an_operator_reloads_and_is_told_what_came_of_it() {
    let two =
        "[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n[component.b]\nsource = \"a.wasm\"\n";
    let setup = Setup::manifest_text(&manifest("a.wasm", two));
    put(&setup, "panic");
    let host = setup.ready();
    let port = host.address.rsplit(':').next().unwrap();
    let ask = || {
        let asked = setup.clone().env("PORT", port);
        let output = asked.run_with("admin", &["reload"]);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let told = |said: &str| (true, format!("reloaded: {said}\n"));
    assert_eq!(ask(), told("nothing has changed"));
    write(&setup, &manifest("a.wasm", ""));
    assert_eq!(ask(), told("b"), "what is gone is named as well");
    assert_eq!(host.client.get("/b").status, 404);
    write(&setup, &manifest("missing.wasm", ""));
    let (done, said) = ask();
    assert!(!done && said.contains("missing.wasm"), "{said}");
    assert_eq!(host.client.get("/a/").text, "\"calm\"");
    let forged = host.client.with("x-api-key", "trm_operator_9999999999_00");
    for client in [&host.client, &forged] {
        assert_eq!(client.post("/reload", &serde_json::json!({})).status, 401);
    }
    assert_eq!(host.client.get("/reload").status, 405);
}
