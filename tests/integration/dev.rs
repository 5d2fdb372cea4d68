//! `trm dev` follows saves: a real edit is served, a mistake is shown once and changes nothing; times nothing.

use harness::eventually;
use harness::host::{Host, Setup};
use harness::workspace::Workspace;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A build on a busy machine, after the builds of other tests that share the build folder.
const BUILD: Duration = Duration::from_secs(400);

fn said(word: &str) -> String {
    format!(
        "//! Says a word.\n\nuse trm_sdk::{{Answer, Request, response}};\n\ntrm_sdk::function!(says);\n\n\
         async fn says(_: Request) -> Answer {{\n    Ok(response::json_bytes({word}))\n}}\n"
    )
}

fn block(name: &str, extra: &str) -> String {
    let file = name.replace('-', "_");
    format!(
        "[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"{name}\"\n[component.{name}]\n\
         source = \"target/wasm32-wasip2/release/fn_{file}.wasm\"\n[component.{name}.build]\n\
         command = \"cargo build --release --target wasm32-wasip2 -p fn-{name}\"\n{extra}"
    )
}

fn function(workspace: &Workspace, name: &str, word: &str) {
    let package = format!(
        "[package]\nname = \"fn-{name}\"\nedition.workspace = true\n[lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nspin-sdk.workspace = true\ntrm-sdk.workspace = true\n"
    );
    workspace.write(&format!("functions/{name}/Cargo.toml"), &package);
    workspace.write(&format!("functions/{name}/src/lib.rs"), &said(word));
}

fn manifest(workspace: &Workspace, blocks: &str) {
    let head = "spin_manifest_version = 2\n[application]\nname = \"dev\"\n";
    workspace.write("spin.toml", &format!("{head}{blocks}"));
}

fn serves(host: &Host, path: &str, word: &str) {
    eventually(word, BUILD, || host.client.get(path).text == word);
}

fn says(host: &Host, line: &str) {
    eventually(line, BUILD, || host.log().contains(line));
}

#[test]
fn a_save_is_served_under_load_and_a_mistake_leaves_the_old_version() {
    let workspace = Workspace::new();
    function(&workspace, "dev-first", "\"1\"");
    function(&workspace, "dev-second", "\"other\"");
    let first = block("dev-first", "");
    let both = format!("{first}{}", block("dev-second", ""));
    manifest(&workspace, &both);
    let host = Setup::of(&workspace).dev();
    serves(&host, "/dev-first", "1");

    let stop = Arc::new(AtomicBool::new(false));
    let load = {
        let (client, stop) = (host.client.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Relaxed) {
                let answer = client.get("/dev-first");
                assert_eq!(answer.status, 200, "{}", answer.text);
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    };
    let source = "functions/dev-first/src/lib.rs";
    workspace.write(source, &said("\"2\""));
    serves(&host, "/dev-first", "2");
    says(&host, "dev-first: swapped in");

    workspace.write(source, &said("no_such_name"));
    says(&host, "dev-first: not swapped in");
    assert_eq!(host.client.get("/dev-first").text, "2");
    // A new module is a part of the package before any build has read it.
    workspace.write(
        "functions/dev-first/src/word.rs",
        "//! A word.\n\npub const WORD: &str = \"3\";\n",
    );
    let with_module =
        said("word::WORD").replace("trm_sdk::function", "mod word;\n\ntrm_sdk::function");
    workspace.write(source, &with_module);
    serves(&host, "/dev-first", "3");
    let log = host.log();
    let shown = log.matches("cannot find value `no_such_name`").count();
    assert!((1..=2).contains(&shown), "{log}");
    assert!(!log.contains("dev-second: swapped in"), "{log}");

    manifest(
        &workspace,
        &format!("{both}[component.dev-second.tool.trm]\ntimeout = 1\n"),
    );
    says(&host, "unknown field `timeout`");
    assert_eq!(host.client.get("/dev-second").text, "other");
    manifest(&workspace, &first);
    eventually("the route has gone", BUILD, || {
        host.client.get("/dev-second").status == 404
    });
    stop.store(true, Relaxed);
    load.join().unwrap();
}
