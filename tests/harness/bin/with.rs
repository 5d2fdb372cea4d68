//! `harness with`: starts servers for a command of a shell script, and stops them when the command has ended.

use crate::cluster::Cluster;
use crate::orders::{Host, Mongod, Settings};
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{from_value, json};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

pub const USAGE: &str = "with [redis] [mongod] [NAME=value …] [sample] [host] -- command …

  redis         starts a Redis; the command finds it by TEST_REDIS_URL
  mongod        starts the mongod that TEST_MONGOD names; TEST_MONGODB_URI
  NAME=value    a setting of what follows
  sample        loads the sample data
  host          starts a host and waits until it is ready; TEST_HOST_URL, TEST_HOST_LOG";

/// Carries the words out in their order, and runs the command; its exit status.
pub fn run(words: &[String]) -> Result<ExitCode> {
    let mut cluster = Cluster::new()?;
    let (mut settings, mut env) = (Settings::new(), Settings::new());
    let mut words = words.iter();
    for word in words.by_ref().take_while(|word| *word != "--") {
        match word.as_str() {
            "redis" => {
                let url = format!("redis://127.0.0.1:{}", cluster.redis(&[])?["port"]);
                env.insert("TEST_REDIS_URL".into(), url);
            }
            "mongod" => {
                let mongod: Mongod = from_value(json!({}))?;
                let port = &cluster.mongod(&mongod)?["port"];
                let url = format!("mongodb://127.0.0.1:{port}/trm");
                env.insert("TEST_MONGODB_URI".into(), url);
            }
            "sample" => cluster.setup("with", settings.clone()).load_sample()?,
            "host" => {
                let host: Host = from_value(json!({"name": "with", "settings": settings}))?;
                let answer = cluster.host(host)?;
                for (name, field) in [("TEST_HOST_URL", "url"), ("TEST_HOST_LOG", "log")] {
                    let value = answer[field].as_str().unwrap_or_default();
                    env.insert(name.into(), value.to_owned());
                }
            }
            setting => {
                let (name, value) = setting.split_once('=').context(USAGE)?;
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    let mut command = Command::new(words.next().context(USAGE)?);
    command.args(words).envs(env).kill_on_drop(true);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let status = runtime.block_on(async { wait(command.spawn()?).await })?;
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    Ok(ExitCode::from(u8::try_from(code.unwrap_or(1))?))
}

/// Waits for the command. Who tells the harness to end tells the command.
async fn wait(mut child: Child) -> Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
    }
}
