//! Serves spin.toml without TRM's host and without Spin: every function composed with the platform component, on plain
//! Wasmtime with SQLite behind it; caches nothing and grants everything.
//!
//! `composed <spin.toml> <folder of the database>` takes its variables from the environment, as Spin does, listens on a
//! free port of 127.0.0.1 or on `PORT`, and prints `listening on http://…`.

mod application;
mod compose;
mod guest;
mod listen;
mod sqlite;
mod variables;

use anyhow::{Context, bail};
use application::Application;
use std::path::Path;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, folder] = arguments.as_slice() else {
        bail!("composed <spin.toml> <folder of the database>");
    };
    let application = Application::read(Path::new(manifest))?;
    let server = guest::Server::new(&application, Path::new(folder))?;
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse().context("PORT is no port")?,
        Err(_) => 0,
    };
    listen::serve(port, server).await
}
