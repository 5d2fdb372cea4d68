//! `trm new`: what it makes is built, tested and served as it is; what is taken is refused; times nothing.

use harness::eventually;
use harness::host::Setup;
use harness::root;
use harness::workspace::Workspace;
use serde_json::json;
use std::time::Duration;

/// A workspace with one function, as no manifest is without.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write(
        "spin.toml",
        "spin_manifest_version = 2\n[application]\nname = \"new\"\n",
    );
    let described = std::fs::read_to_string(root().join("shared/openapi.yaml")).unwrap();
    workspace.write("shared/openapi.yaml", &described);
    workspace
}

fn new(setup: &Setup, arguments: &[&str]) -> Result<String, String> {
    let output = setup.run_with("new", arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

#[test]
fn what_each_template_makes_is_served_and_its_test_passes() {
    let workspace = workspace();
    let setup = Setup::of(&workspace);
    for arguments in [
        &["tries", "--route", "/api/tries", "--template", "write"][..],
        &["tries-by-id", "--route", "/api/tries/:id"],
        &["tries-listed", "--route", "/api/tries-listed"],
        &["tries-counted", "--template", "job"],
        &[
            "tries-js",
            "--route",
            "/api/tries-js/:id",
            "--template",
            "javascript",
        ],
        &[
            "tries-py",
            "--route",
            "/api/tries-py",
            "--template",
            "python",
        ],
    ] {
        new(&setup, arguments).unwrap();
    }
    let host = setup.dev();
    let client = &host.client;
    let empty = client.get("/api/tries-listed");
    assert_eq!((empty.status, empty.text.as_str()), (200, "[]"));
    let made = client.post("/api/tries", &json!({"text": "the first"}));
    assert_eq!(made.status, 201, "{}", made.text);
    let one = client.get(made.header("location"));
    assert_eq!(
        (one.status, &one.json()["text"]),
        (200, &json!("the first"))
    );
    assert_eq!(client.get("/api/tries").json()[0]["text"], "the first");
    let listed = client.get("/api/tries-py");
    assert_eq!((listed.status, &listed.json()[0]), (200, &one.json()));
    let id = one.json()["id"].as_str().unwrap().to_owned();
    let shown = client.get(&format!("/api/tries-js/{id}"));
    assert_eq!((shown.status, shown.json()), (200, one.json()));
    assert_eq!(client.post("/api/tries", &json!({"text": " "})).status, 422);
    assert_eq!(client.call("PUT", "/api/tries").status, 405);
    eventually("the job has run", Duration::from_secs(60), || {
        host.log().contains("there are 0 tries") || host.log().contains("there are 1 tries")
    });

    let said = setup.run_with("check", &[]);
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stdout)
    );
    let described = workspace.read("shared/openapi.yaml");
    let described = yaml_rust2::YamlLoader::load_from_str(&described)
        .unwrap()
        .remove(0);
    for (path, method, identifier) in [
        ("/api/tries", "post", "addTries"),
        ("/api/tries/{id}", "get", "getTriesById"),
        ("/api/tries-listed", "get", "getTriesListed"),
        ("/api/tries-js/{id}", "get", "getTriesJs"),
    ] {
        let operation = &described["paths"][path][method];
        assert_eq!(operation["operationId"].as_str(), Some(identifier));
    }
    let tests = setup.run_with("test", &[]);
    let said = [&tests.stdout, &tests.stderr].map(|said| String::from_utf8_lossy(said));
    let said = said.concat();
    assert!(tests.status.success(), "{said}");
    // Three that answer requests have a test on a host each, and the job has none.
    assert_eq!(said.matches("2 passed").count(), 3, "{said}");
    assert_eq!(said.matches("1 passed").count(), 1, "{said}");
    assert!(
        said.contains("# pass 1") && said.contains("Ran 1 test"),
        "{said}"
    );
    let unknown = setup.run_with("test", &["nothing"]);
    let unknown = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        unknown.contains("there is no [component.nothing]"),
        "{unknown}"
    );
}

#[test]
fn what_is_taken_is_refused_and_nothing_is_left_behind() {
    let workspace = workspace();
    let setup = Setup::of(&workspace);
    new(&setup, &["first", "--route", "/api/first/:id"]).unwrap();
    let files = ["spin.toml", "shared/openapi.yaml", "Cargo.toml"];
    let before = files.map(|file| workspace.read(file));
    for (arguments, why) in [
        (
            &["first", "--route", "/api/other"][..],
            "the name \"first\" is taken",
        ),
        (
            &["other", "--route", "/api/first/:key"],
            "/api/first/:id of \"first\"",
        ),
        (
            &["other", "--route", "/api/jobs"],
            "describes /api/jobs already",
        ),
        (
            &["Other", "--route", "/api/other"],
            "\"Other\" cannot name a function",
        ),
        (&["other"], "which route?"),
    ] {
        let said = new(&setup, arguments).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(files.map(|file| workspace.read(file)), before);
    assert!(!workspace.path("functions/other").exists());
}
