//! Signed artefacts on a live host: it serves what the trusted key has signed and refuses to start on all else; signs by `trm build` alone.

use harness::host::Setup;
use harness::{folder, root};

/// Base64 of 32 bytes each, of these tests alone.
const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_SEED: &str = "HxwdHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

/// One function, whose component is a copy that a test may put another in the place of.
fn setup() -> (Setup, std::path::PathBuf) {
    let component = folder("signed").join("echo.wasm");
    put("guest_echo.wasm", &component);
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"signed\"\n\
         [[trigger.http]]\nroute = \"/echo/...\"\ncomponent = \"echo\"\n[component.echo]\nsource = {component:?}\n"
    );
    (Setup::manifest_text(&text), component)
}

fn put(guest: &str, place: &std::path::Path) {
    std::fs::copy(
        root().join("target/wasm32-wasip2/release").join(guest),
        place,
    )
    .unwrap();
}

/// The key that `trm build` names where it signs by this seed.
fn built(setup: &Setup) -> String {
    let output = setup.run("build");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let key = said.split("TRM_TRUSTED_KEY=").nth(1);
    key.unwrap().split(' ').next().unwrap().to_owned()
}

/// What a host says that does not start.
fn refusal(setup: &Setup) -> String {
    let output = setup.run("serve");
    assert!(!output.status.success(), "it has served and ended well");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_the_trusted_key_signed_serves_and_nothing_else() {
    let (setup, component) = setup();
    let setup = setup.env("TRM_SIGNING_SEED", SEED);
    let key = built(&setup);
    let trusting = setup.env("TRM_TRUSTED_KEY", &key);
    let host = trusting.ready();
    assert!(host.client.get("/echo/x").text.starts_with("GET "));
    drop(host);

    // Another component in its place, which nobody has signed.
    put("guest_echo_p2.wasm", &component);
    let said = refusal(&trusting);
    assert!(said.contains("is not what was signed"), "{said}");

    // It is signed now, and served.
    built(&trusting);
    let host = trusting.ready();
    assert_eq!(host.client.get("/echo/x").text, "Method::Get /echo/x");
    drop(host);

    // The same by another's key.
    let foreign = trusting.env("TRM_SIGNING_SEED", OTHER_SEED);
    let other = built(&foreign);
    assert_ne!(other, key);
    let said = refusal(&foreign);
    assert!(said.contains("is refused"), "{said}");
}

#[test]
fn what_nobody_signed_does_not_serve_where_a_key_is_trusted() {
    let (setup, _) = setup();
    let key = built(&Setup::guests(&[("echo", "")]).env("TRM_SIGNING_SEED", SEED));
    assert!(setup.run("build").status.success());
    let said = refusal(&setup.env("TRM_TRUSTED_KEY", &key));
    assert!(said.contains("is refused"), "{said}");
}
