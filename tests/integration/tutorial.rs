//! functions/README.md, followed word by word in a workspace of its own; knows no step that is not written there.

use harness::eventually;
use harness::host::{Host, Setup};
use harness::root;
use harness::workspace::Workspace;
use std::process::Command;
use std::time::Duration;

/// A build on a busy machine, after the builds of other tests that share the build folder.
const BUILD: Duration = Duration::from_secs(400);
const ADDRESS: &str = "http://127.0.0.1:3000";
const SERVE: &str = "cargo run --release";

/// What the reader is told to run, and what that is said to print.
struct Step {
    command: String,
    printed: Option<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut blocks = text.split("```").skip(1).step_by(2);
    while let Some((kind, block)) = blocks.next().and_then(|block| block.split_once('\n')) {
        match kind {
            "bash" => steps.push(Step {
                command: block.trim().to_owned(),
                printed: None,
            }),
            "text" => steps.last_mut().unwrap().printed = Some(block.trim().to_owned()),
            _ => {}
        }
    }
    steps
}

/// Whether a line holds the pattern's parts in their order; `…` stands for anything.
fn fits(line: &str, pattern: &str) -> bool {
    let parts = pattern.split('…');
    let mut rest = Some(line);
    for part in parts {
        rest = rest
            .and_then(|rest| rest.split_once(part))
            .map(|(_, after)| after);
    }
    rest.is_some()
}

fn run(workspace: &Workspace, setup: &Setup, command: &str, host: Option<&Host>) -> String {
    let trm = root().join("target/release/trm");
    let mut command = command.replace(&format!("{SERVE} --"), trm.to_str().unwrap());
    if let Some(host) = host {
        command = command.replace(ADDRESS, &format!("http://{}", host.address));
    }
    let output = setup
        .with_env(Command::new("sh"))
        .args(["-c", &command])
        .current_dir(workspace.path(""))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_tutorial_is_true() {
    let workspace = Workspace::new();
    workspace.write(
        "spin.toml",
        "spin_manifest_version = 2\n[application]\nname = \"tutorial\"\n",
    );
    let text = std::fs::read_to_string(root().join("functions/README.md")).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= 10, "{} steps", steps.len());
    let setup = Setup::of(&workspace);
    let mut host: Option<Host> = None;
    // How far the host's log has been read.
    let mut seen = 0;
    for Step { command, printed } in steps {
        let output = match command.as_str() {
            SERVE => {
                host = Some(setup.dev());
                String::new()
            }
            command => run(&workspace, &setup, command, host.as_ref()),
        };
        let Some(printed) = printed else { continue };
        if output.lines().any(|line| fits(line, &printed)) {
            continue;
        }
        let host = host
            .as_ref()
            .unwrap_or_else(|| panic!("{command} printed:\n{output}"));
        assert!(!command.contains("curl"), "{command} printed:\n{output}");
        eventually(&format!("{command}: {printed}\n{output}"), BUILD, || {
            let log = host.log();
            let found = log[seen..].lines().any(|line| fits(line, &printed));
            if found {
                seen = log.len();
            }
            found
        });
    }
    assert!(host.is_some(), "nothing was served");
}

#[test]
fn an_ellipsis_stands_for_anything_and_the_rest_for_itself() {
    assert!(fits(
        "notes: swapped in 1.2 s after",
        "notes: swapped in … s after"
    ));
    assert!(!fits(
        "notes: not swapped in",
        "notes: swapped in … s after"
    ));
    assert!(!fits("{\"b\":1}", "{\"a\":…}"));
}
