//! Starts what a test needs and stops it again: hosts, Redis, MongoDB, an HTTP client. The program `harness` does the same for
//! tests in other languages.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

pub mod client;
pub mod host;
pub mod manifest;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod random;
pub mod receiver;
pub mod replica_set;
pub mod servers;
pub mod workspace;

use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The folder that cargo builds into.
pub fn target() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR");
    given.map_or_else(|| root().join("target"), PathBuf::from)
}

/// The program `trm`, as it was built by the profile that `TRM_PROFILE` names: `release`, or for measurements `production`.
pub fn trm() -> PathBuf {
    let profile = std::env::var("TRM_PROFILE");
    let profile = profile.as_deref().unwrap_or("release");
    target().join(profile).join("trm")
}

/// A new folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("trm-{}-{}-{name}", std::process::id(), number()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A number that no other caller in this process gets.
pub fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A setting that `tests/run` gives. Without it the test fails: a missing server is no reason to pass.
pub fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run ./tests/run"))
}

/// Waits until something holds, at most so long.
pub fn eventually(what: &str, most: Duration, mut holds: impl FnMut() -> bool) {
    wait_until(what, most, || Ok(holds())).unwrap();
}

/// The same, where looking may fail; that ends the wait.
pub fn wait_until(
    what: &str,
    most: Duration,
    mut holds: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + most;
    while !holds()? {
        anyhow::ensure!(Instant::now() < end, "not within {most:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
