//! The command line of `trm`: help, usage faults, precedence of settings, and output for programs.

mod dev;

use harness::host::{Host, Setup};
use harness::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

/// Rows of README.md's table that are no settings of the host: they have no flags.
const WITHOUT_FLAG: [&str; 8] = [
    "API_KEY_SECRET",
    "API_KEY_SECRET_PREVIOUS",
    "AUTH_ATTEMPTS_PER_MINUTE",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "NO_COLOR",
    "SPIN_VARIABLE_<NAME>",
    "WEBHOOK_HOST",
];

/// `trm` with the environment of a set-up, to be changed and run.
fn trm(setup: &Setup, arguments: &[&str]) -> Command {
    let mut command = setup.with_env(Command::new(root().join("target/release/trm")));
    command.args(arguments);
    command
}

fn run(setup: &Setup, arguments: &[&str]) -> (i32, String, String) {
    said(&trm(setup, arguments).output().unwrap())
}

/// The status, standard output and standard error.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let status = output.status.code().unwrap();
    (status, text(&output.stdout), text(&output.stderr))
}

/// One guest that answers every request.
fn echo(route: &str) -> Setup {
    let source = root().join("target/wasm32-wasip2/release/guest_echo.wasm");
    Setup::manifest_text(&format!(
        "spin_manifest_version = 2\n[application]\nname = \"cli\"\n\
         [[trigger.http]]\nroute = \"{route}\"\ncomponent = \"echo\"\n\
         [component.echo]\nsource = \"{}\"\n",
        source.display()
    ))
}

/// The commands that `trm --help` lists.
fn commands(setup: &Setup) -> Vec<String> {
    let (status, help, _) = run(setup, &["--help"]);
    assert_eq!(status, 0);
    let listed = help.split("Commands:\n").nth(1).unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

/// The flags of a help text.
fn flags(help: &str) -> BTreeSet<&str> {
    let words = help.split(|letter: char| letter.is_whitespace() || ",`".contains(letter));
    words.filter(|word| word.starts_with("--")).collect()
}

#[test]
fn every_command_has_help_with_its_flags_their_variables_and_defaults() {
    let setup = Setup::embedded();
    let expected = [
        (
            "dev",
            "--chaos --routes --port --listen --metrics-port --manifest --data-dir --redis-url --mongodb-uri --log-level",
        ),
        (
            "serve",
            "--port --listen --metrics-port --manifest --data-dir --redis-url --mongodb-uri --log-level --console-token",
        ),
        ("new", "--route --template --manifest"),
        ("test", "--manifest"),
        (
            "record",
            "--header --data --out --mongodb-uri --manifest --data-dir",
        ),
        ("replay", "--manifest --log-level"),
        ("check", "--spin --json --manifest"),
        ("build", "--cpu --json --manifest --signing-seed"),
        ("inspect", "--json --manifest"),
        ("bench", "--out --json --manifest"),
        ("health", "--json --port"),
        ("indexes", "--json --mongodb-uri --data-dir"),
        ("sample", "--mongodb-uri --data-dir"),
        ("admin", "--help"),
        ("completions", "--help"),
    ];
    let names = expected.map(|(name, _)| name);
    assert_eq!(commands(&setup), names);
    for (name, wanted) in expected {
        let (status, help, errors) = run(&setup, &[name, "--help"]);
        assert_eq!((status, errors.as_str()), (0, ""), "trm {name} --help");
        assert!(help.contains(&format!("Usage: trm {name}")), "{help}");
        let shown = flags(&help);
        let missing: Vec<_> = wanted
            .split(' ')
            .filter(|flag| !shown.contains(flag))
            .collect();
        assert!(missing.is_empty(), "{missing:?} are not in\n{help}");
        assert_eq!(run(&setup, &["help", name]).1, help, "trm help {name}");
    }
    let (_, help, _) = run(&setup, &["dev", "--help"]);
    assert!(help.contains("[env: PORT] [default: 3000]"), "{help}");
    assert!(
        help.contains("[env: LISTEN_ADDR] [default: 127.0.0.1]"),
        "{help}"
    );
    let (_, help, _) = run(&setup, &["serve", "--help"]);
    assert!(
        help.contains("[env: LISTEN_ADDR] [default: 0.0.0.0]"),
        "{help}"
    );
    let (status, version, _) = run(&setup, &["--version"]);
    assert_eq!(
        (status, version.trim()),
        (0, concat!("trm ", env!("CARGO_PKG_VERSION")))
    );
}

/// The defaults that a help text shows, by their variables.
fn shown(help: &str) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for setting in help.split("[env: ").skip(1) {
        let (variables, rest) = setting.split_once(']').unwrap();
        let default = rest.trim_start().strip_prefix("[default: ").unwrap();
        let default = default.split(']').next().unwrap();
        for variable in variables.split(" or ") {
            shown.insert(variable.to_owned(), default.to_owned());
        }
    }
    shown
}

#[test]
fn readme_lists_the_variables_and_defaults_that_the_help_shows() {
    let setup = Setup::embedded();
    let help = ["serve", "build"].map(|name| run(&setup, &[name, "--help"]).1);
    let shown = shown(&help.concat());
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split("| Variable |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let variable = cells.next()?.trim_end_matches('`');
        Some((variable, cells.next()?))
    });
    let rows = rows.filter(|(variable, _)| !WITHOUT_FLAG.contains(variable));
    let rows: BTreeMap<&str, &str> = rows.collect();
    let names: Vec<&str> = shown.keys().map(String::as_str).collect();
    assert_eq!(names, rows.keys().copied().collect::<Vec<_>>());
    for (variable, cell) in rows {
        // A dash: there is no value, and the help says what is done then.
        let default = cell.split([' ', ';']).next().unwrap();
        assert!(
            default == "–" || default == shown[variable],
            "{variable}: {cell}"
        );
    }
}

#[test]
fn typing_errors_are_wrong_usage_and_what_was_meant_is_suggested() {
    let setup = echo("/echo");
    for (arguments, status, says) in [
        (&["srve"][..], 2, "'serve'"),
        (&["serve", "--prot", "1"], 2, "'--port'"),
        (&["--prot", "1"], 2, "'--port'"),
        (&["serve", "--log-level", "inof"], 2, "'info'"),
        (&["new", "a", "--template", "raed"], 2, "'read'"),
        (&["build", "--cpu", "x86-64-v9"], 2, "x86-64-v3"),
        (
            &["serve", "--port", "abc"],
            2,
            "--port=abc is not allowed: a port number",
        ),
        (&["serve", "extra"], 2, "unexpected argument 'extra'"),
        (
            &["dev", "--chaos", "mongodb=dead@ehco"],
            2,
            "did you mean \"echo\"?",
        ),
        (&["inspect", "ehco"], 1, "did you mean \"echo\"?"),
        (&["test", "ehco"], 1, "did you mean \"echo\"?"),
        (
            &["check", "--manifest", "/no/such/spin.toml"],
            1,
            "1 complaint",
        ),
    ] {
        let (ended, _, errors) = run(&setup, arguments);
        assert_eq!(ended, status, "{arguments:?}: {errors}");
        assert!(errors.contains(says), "{arguments:?}: {errors}");
    }
    let wrong = setup.env("PORT", "abc");
    let (status, _, errors) = run(&wrong, &["serve"]);
    assert!(
        status == 1 && errors.contains("PORT=abc is not allowed"),
        "{errors}"
    );
    let (status, _, errors) = run(
        &echo("/echo"),
        &["serve", "--mongodb-uri", "http://:hunter2@x"],
    );
    assert!(
        status == 2 && errors.contains("--mongodb-uri=(hidden)"),
        "{errors}"
    );
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[test]
fn a_flag_precedes_the_variable_and_the_variable_the_default() {
    // An empty variable is an absent one.
    let default = echo("/echo").env("LISTEN_ADDR", "");
    let variable = echo("/echo").env("LISTEN_ADDR", "127.0.0.2");
    let listens = |host: Host, on: &str| {
        assert!(
            host.address.starts_with(&format!("{on}:")),
            "{}",
            host.address
        );
        assert_eq!(host.client.get("/echo").status, 200);
    };
    listens(default.dev(), "127.0.0.1");
    listens(variable.dev(), "127.0.0.2");
    listens(variable.dev_with(&["--listen", "127.0.0.3"]), "127.0.0.3");
}

#[test]
fn the_manifest_of_a_parent_folder_is_found() {
    let setup = echo("/echo");
    let deep = setup.manifest_folder().join("functions/echo/src");
    std::fs::create_dir_all(&deep).unwrap();
    let below = |arguments: &[&str]| {
        let mut command = trm(&setup, arguments);
        command
            .env_remove("TRM_MANIFEST")
            .env_remove("TRM_DATA_DIR");
        said(&command.current_dir(&deep).output().unwrap())
    };
    let (status, output, errors) = below(&["check"]);
    assert_eq!(status, 0, "{output}{errors}");
    let found = setup
        .manifest_folder()
        .canonicalize()
        .unwrap()
        .join("spin.toml");
    assert!(
        output.starts_with(&format!("{}: 1 functions", found.display())),
        "{output}"
    );
    // The embedded store is beside the manifest, and not in the folder of the moment.
    assert_eq!(below(&["indexes"]).0, 0);
    assert!(setup.manifest_folder().join(".trm").is_dir() && !deep.join(".trm").exists());
    let (status, _, errors) = below(&["check", "--manifest", "spin.toml"]);
    assert!(
        status == 1,
        "a manifest that is named is not searched: {errors}"
    );
}

#[test]
fn completion_scripts_are_read_by_their_shells() {
    let setup = Setup::embedded();
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, errors) = run(&setup, &["completions", shell]);
        assert_eq!((status, errors.as_str()), (0, ""), "{shell}");
        for word in ["serve", "manifest", "json"] {
            assert!(
                script.contains(word),
                "{word} is not in the script for {shell}"
            );
        }
    }
    let script = run(&setup, &["completions", "bash"]).1;
    let bash = |text: &str| said(&Command::new("bash").args(["-c", text]).output().unwrap());
    let file = setup.manifest_folder().join("target/trm-completions.bash");
    std::fs::write(&file, script).unwrap();
    let file = file.display();
    let (status, _, errors) = bash(&format!("bash -n {file}"));
    assert_eq!(status, 0, "{errors}");
    let complete = format!(
        "source {file}; COMP_WORDS=(trm ser); COMP_CWORD=1; _trm trm ser trm; echo \"${{COMPREPLY[@]}}\""
    );
    assert_eq!(bash(&complete).1.trim(), "serve");
}

/// What a command writes to a terminal. It is stopped after two seconds.
fn on_a_terminal(setup: &Setup, arguments: &[&str], no_color: &str) -> String {
    let spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = setup.with_env(Command::new("python3"));
    command.args(["-c", spawn, "timeout", "--foreground", "-s", "TERM", "2"]);
    command
        .arg(root().join("target/release/trm"))
        .args(arguments);
    command.env("TERM", "xterm").env("NO_COLOR", no_color);
    if no_color.is_empty() {
        command.env_remove("NO_COLOR");
    }
    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
}

#[test]
fn there_are_no_escape_sequences_in_a_pipe_or_with_no_color() {
    let setup = echo("/echo");
    let escape = '\u{1b}';
    for arguments in [
        &["--help"][..],
        &["serve", "--prot"],
        &["check"],
        &["health"],
    ] {
        let (_, output, errors) = run(&setup, arguments);
        assert!(
            !output.contains(escape) && !errors.contains(escape),
            "{arguments:?}"
        );
    }
    let mut host = setup.start();
    host.terminate();
    assert!(host.wait());
    let log = host.log();
    assert!(log.contains("stopping") && !log.contains(escape), "{log}");

    let coloured = on_a_terminal(&setup, &["serve"], "");
    assert!(
        coloured.contains("stopping") && coloured.contains(escape),
        "{coloured}"
    );
    let plain = on_a_terminal(&setup, &["serve"], "1");
    assert!(
        plain.contains("stopping") && !plain.contains(escape),
        "{plain}"
    );
}

#[test]
fn output_for_programs_is_one_json_document() {
    let setup = echo("/echo");
    let json = |setup: &Setup, arguments: &[&str]| -> (i32, Value) {
        let (status, output, errors) = run(setup, arguments);
        let read = serde_json::from_str(&output);
        (
            status,
            read.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output}{errors}")),
        )
    };
    let (status, built) = json(&setup, &["build", "--json"]);
    assert_eq!(
        (status, &built["functions"][0]["function"]),
        (0, &"echo".into())
    );
    let (status, checked) = json(&setup, &["check", "--json"]);
    assert_eq!((status, &checked["functions"]), (0, &1.into()));
    assert_eq!(checked["complaints"].as_array().unwrap().len(), 0);
    let (status, inspected) = json(&setup, &["inspect", "echo", "--json"]);
    assert_eq!((status, &inspected["routes"][0]), (0, &"/echo".into()));
    assert_eq!(inspected["artefact"]["cpu"], "native");
    let (status, indexes) = json(&setup, &["indexes", "--json"]);
    assert!(status == 0 && !indexes["indexes"].as_array().unwrap().is_empty());

    let host = setup.ready();
    let port = host.address.rsplit(':').next().unwrap();
    let (status, health) = json(&setup, &["health", "--port", port, "--json"]);
    assert_eq!((status, &health["status"]), (0, &"ok".into()));
    let (status, reloaded) = json(&setup, &["admin", "reload", "--json", "--port", port]);
    assert_eq!(
        (status, &reloaded["changed"]),
        (0, &Value::Array(Vec::new()))
    );
    let (status, key) = json(&setup, &["admin", "key", "--json"]);
    assert!(status == 0 && key["key"].as_str().unwrap().starts_with("trm_operator_"));

    let bad = Setup::manifest_text("spin_manifest_version = 1\n");
    let (status, checked) = json(&bad, &["check", "--json"]);
    assert!(
        status == 1 && checked["complaints"][0]["line"].is_u64(),
        "{checked}"
    );
}
