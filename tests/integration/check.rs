//! `trm check`: bad manifests and unfit components are complained of at once, each with file, line and remedy; serves nothing.

use harness::host::Setup;
use harness::root;

const HEAD: &str = "spin_manifest_version = 2\n[application]\nname = \"check\"\n";

/// What it printed, and whether it ended well.
fn check(setup: &Setup, arguments: &[&str]) -> (String, bool) {
    let output = setup.run_with("check", arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    let faults = String::from_utf8(output.stderr).unwrap();
    (said + &faults, output.status.success())
}

fn guest(name: &str) -> String {
    let file = format!("guest_{}.wasm", name.replace('-', "_"));
    let path = root().join("target/wasm32-wasip2/release").join(file);
    path.to_str().unwrap().to_owned()
}

fn block(name: &str, route: &str, source: &str, extra: &str) -> String {
    format!(
        "[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{name}\"\n[component.{name}]\nsource = \"{source}\"\n{extra}"
    )
}

#[test]
fn every_complaint_has_its_line_and_all_come_at_once() {
    let core = root().join("target/check-core.wasm");
    // A core module: magic, version 1, no component.
    std::fs::write(&core, b"\0asm\x01\0\0\0").unwrap();
    let text = [
        HEAD.to_owned(),
        block("denied", "/denied", &guest("denied"), ""),
        block(
            "echo",
            "/echo/:id",
            &guest("echo"),
            "[component.echo.tool.trm]\ntimeout_ms = 0\n",
        ),
        block(
            "panic",
            "/echo/:name",
            &guest("panic"),
            "colour = \"red\"\n",
        ),
        block("core", "/metrics", core.to_str().unwrap(), ""),
        block(
            "away",
            "/away",
            "away.wasm",
            "[component.away.build]\ncommand = \"make away\"\n",
        ),
    ]
    .concat();
    let line = |of: &str| 1 + text.lines().position(|line| line.contains(of)).unwrap();
    let setup = Setup::manifest_text(&text);
    let (said, well) = check(&setup, &[]);
    assert!(!well, "{said}");
    let file = setup.manifest_folder().join("spin.toml");
    for (line, what) in [
        (
            line("guest_denied"),
            "add to spin.toml: [component.denied.tool.trm] documents",
        ),
        (
            line("guest_denied"),
            "add to spin.toml: [component.denied.tool.trm] cache",
        ),
        (
            line("timeout_ms"),
            "timeout_ms = 0: it must be from 1 to 600000",
        ),
        (
            line("/echo/:name"),
            "meets the same requests as /echo/:id of \"echo\"",
        ),
        (
            line("colour"),
            "[component.panic] colour: Spin refuses a key",
        ),
        (line("/metrics"), "the host itself answers it"),
        (
            line("check-core.wasm"),
            "is no component that this host can run",
        ),
        (
            line("away.wasm"),
            "away.wasm is not there; build it: make away",
        ),
    ] {
        let found = said.lines().any(|one| {
            let at = one.split(": ").next().unwrap();
            let near = match what.contains("add to") {
                // The block that the grant belongs in.
                true => format!("{}:{}", file.display(), line - 1),
                false => format!("{}:{line}", file.display()),
            };
            at == near && one.contains(what)
        });
        assert!(found, "line {line}: {what}\n{said}");
    }
    assert!(said.trim_end().ends_with("complaints"), "{said}");
}

#[test]
fn what_would_run_is_said_to_and_what_spin_lacks_is_named_when_asked_for() {
    let text = [
        HEAD.to_owned(),
        block("echo", "/echo", &guest("echo"), ""),
        block(
            "ledger",
            "/ledger",
            &guest("ledger"),
            "[component.ledger.tool.trm]\ncache = [\"*\"]\ndocuments = { a = \"write\" }\n",
        ),
        block(
            "idle",
            "/idle",
            &guest("echo"),
            "dependencies = { \"trm:platform@0.1.0\" = { component = \"platform\" } }\n",
        ),
    ]
    .concat();
    let setup = Setup::manifest_text(&text);
    let (said, well) = check(&setup, &[]);
    assert!(
        well && said.contains("3 functions run here; 2 of them not under `spin up`"),
        "{said}"
    );
    let (said, well) = check(&setup, &["--spin"]);
    assert!(
        !well && said.contains("add to [component.ledger] sqlite_databases"),
        "{said}"
    );
    assert!(
        said.contains("\"idle\" imports nothing") && !said.contains("\"echo\" imports"),
        "{said}"
    );
    let (said, well) = check(&Setup::manifest_text("spin_manifest_version = 1\n[["), &[]);
    assert!(!well && said.contains("spin.toml:2: "), "{said}");
}

#[test]
fn the_application_itself_has_no_complaint_here_or_under_spin() {
    let (said, well) = check(&Setup::embedded(), &["--spin"]);
    assert!(well && said.contains("all of them also under"), "{said}");
}
