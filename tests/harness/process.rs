//! A program that is started, signalled, waited for and killed by its own process id.

use crate::wait_until;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How a program is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its whole environment; the environment of the caller where there is none.
    pub env: Option<BTreeMap<String, String>>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// The file that its output is added to.
    pub log: PathBuf,
}

impl Program {
    fn spawn(&self, before: &[String]) -> Result<Child> {
        let words: Vec<&String> = before.iter().chain(&self.command).collect();
        let [name, arguments @ ..] = words.as_slice() else {
            bail!("there is no program to start");
        };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| self.log.display().to_string())?;
        let mut command = Command::new(name);
        command.args(arguments).current_dir(&self.folder);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        if let Some(env) = &self.env {
            command.env_clear().envs(env);
        }
        command.spawn().with_context(|| format!("{words:?}"))
    }
}

/// A program that was started. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
    /// Its exit status, once it was waited for: from then on its process id may belong to another process.
    ended: Option<i32>,
}

impl Process {
    /// Starts it.
    pub fn start(program: Program) -> Result<Self> {
        Self::start_with(program, &[])
    }

    /// Starts it with words before its command, `["prlimit", "--nofile=160"]`.
    pub fn start_with(program: Program, before: &[String]) -> Result<Self> {
        let child = program.spawn(before)?;
        Ok(Self {
            program,
            child,
            ended: None,
        })
    }

    /// Starts it once more after its end, with words before its command.
    pub fn restart(&mut self, before: &[String]) -> Result<()> {
        if self.status()?.is_none() {
            bail!("{:?} still runs", self.program.command);
        }
        self.child = self.program.spawn(before)?;
        self.ended = None;
        Ok(())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it was started.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What it has written since it was first started.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.program.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its exit status, or minus the signal that ended it; none while it runs.
    pub fn status(&mut self) -> Result<Option<i32>> {
        if self.ended.is_none()
            && let Some(status) = self.child.try_wait()?
        {
            self.ended = status.code().or(status.signal().map(|signal| -signal));
        }
        Ok(self.ended)
    }

    /// Sends a signal; nothing happens where the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        // Until it was waited for, no other process has its id.
        if self.ended.is_none() {
            kill_process(Pid::from_child(&self.child), signal)?;
        }
        Ok(())
    }

    /// Waits for its end; its exit status.
    pub fn wait(&mut self, most: Duration) -> Result<i32> {
        let waited = wait_until("the process ends", most, || Ok(self.status()?.is_some()));
        waited.with_context(|| self.failure("still runs"))?;
        self.status()?.context("it has ended")
    }

    /// Sends a signal, if there is one, and waits for the end. A process that does not end in time is killed, which is an error.
    pub fn stop(&mut self, signal: Option<Signal>, most: Duration) -> Result<i32> {
        if let Some(signal) = signal {
            self.signal(signal)?;
        }
        let ended = self.wait(most);
        if ended.is_err() {
            self.kill()?;
        }
        ended
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        if self.status()?.is_none() {
            self.child.kill()?;
            self.wait(Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// Waits until it accepts connections.
    pub fn listens(&mut self, address: SocketAddr, most: Duration) -> Result<()> {
        wait_until("the process listens", most, || {
            if let Some(status) = self.status()? {
                bail!("it ended with {status}");
            }
            Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
        })
        .with_context(|| self.failure("does not listen"))
    }

    /// What went wrong, with the end of the log.
    pub fn failure(&self, what: &str) -> String {
        let log = self.log();
        let start = log.floor_char_boundary(log.len().saturating_sub(2_000));
        format!("{:?} {what}:\n{}", self.program.command, &log[start..])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{:?} was not stopped: {error:#}", self.program.command);
        }
    }
}
