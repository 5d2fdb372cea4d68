//! How each server that TRM stands on is started: Redis, its sentinels, MongoDB.

use crate::process::Program;
use anyhow::{Context, Result};
use std::path::Path;

fn server(name: &str, folder: &Path, command: Vec<String>) -> Program {
    Program {
        command,
        env: None,
        folder: folder.to_owned(),
        log: folder.join(format!("{name}.log")),
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// A redis-server on a port of 127.0.0.1 that keeps nothing on disk.
pub fn redis(port: u16, folder: &Path, options: &[String]) -> Program {
    let number = port.to_string();
    let mut command = words(["redis-server", "--port", &number, "--bind", "127.0.0.1"]);
    command.extend(words(["--save", ""]));
    command.extend_from_slice(options);
    server(&format!("redis-{port}"), folder, command)
}

/// A sentinel on a port of 127.0.0.1 that follows the Redis on the port `master` under the name `main`; so many sentinels
/// must agree to replace it.
pub fn sentinel(port: u16, folder: &Path, master: u16, quorum: u32) -> Result<Program> {
    let settings = folder.join(format!("sentinel-{port}.conf"));
    let text = format!(
        "sentinel monitor main 127.0.0.1 {master} {quorum}\nsentinel down-after-milliseconds main 500\n\
         sentinel failover-timeout main 2000\n"
    );
    std::fs::write(&settings, text)?;
    let file = settings.to_string_lossy();
    let mut command = words(["redis-server", &file, "--sentinel", "--bind", "127.0.0.1"]);
    command.extend(words(["--port", &port.to_string()]));
    Ok(server(&format!("sentinel-{port}"), folder, command))
}

/// The options of a member of a replica set.
pub fn replica() -> Vec<String> {
    // A host that is killed leaves its transaction behind, and others wait for its end.
    let limit = "transactionLifetimeLimitSeconds=2";
    words(["--replSet", "rs0", "--setParameter", limit])
}

/// The mongod that `TEST_MONGOD` names, on a port of these addresses.
pub fn mongod(port: u16, folder: &Path, bind: &str, options: &[String]) -> Result<Program> {
    let program = std::env::var("TEST_MONGOD").context("TEST_MONGOD is not set")?;
    let data = folder.join(format!("mongod-{port}"));
    std::fs::create_dir_all(&data)?;
    let mut command = words([&program, "--port", &port.to_string(), "--bind_ip", bind]);
    command.extend(words(["--dbpath", &data.to_string_lossy()]));
    command.extend_from_slice(options);
    Ok(server(&format!("mongod-{port}"), folder, command))
}
