//! All that the harness has started. It carries out orders, and ends everything when it is dropped.

use crate::load::Load;
use crate::orders::Order;
use anyhow::{Context, Result};
use harness::folder;
use harness::process::{Process, Program};
use harness::proxy::Proxy;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The fields are dropped in this order.
pub struct Cluster {
    loads: Vec<Load>,
    proxies: Vec<Proxy>,
    processes: Vec<Process>,
    runtime: Runtime,
    folder: PathBuf,
}

impl Cluster {
    pub fn new() -> Result<Self> {
        Ok(Self {
            loads: Vec::new(),
            proxies: Vec::new(),
            processes: Vec::new(),
            runtime: Runtime::new()?,
            folder: folder("cluster"),
        })
    }

    /// Where it keeps logs and data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Does what is asked; what came of it.
    pub fn carry_out(&mut self, order: Order) -> Result<Value> {
        let mut answer = json!({});
        match order {
            Order::Redis { options } => return self.redis(&options),
            Order::Sentinel { master, quorum } => return self.sentinel(master, quorum),
            Order::Mongod(mongod) => return self.mongod(&mongod),
            Order::Host(host) => return self.host(*host),
            Order::Run { name, command, env } => return self.run(&name, command, env),
            Order::Sample { settings } => self.setup("sample", settings).load_sample()?,
            Order::Guests(guests) => return self.guests(&guests),
            Order::Listens {
                process,
                address,
                most,
            } => {
                let process = find(&mut self.processes, process)?;
                process.listens(address, Duration::from_secs_f64(most))?;
            }
            Order::Start { process, before } => {
                let process = find(&mut self.processes, process)?;
                process.restart(&before)?;
                answer = json!({"pid": process.pid()});
            }
            Order::Signal { process, signal } => {
                find(&mut self.processes, process)?.signal(named(signal)?)?;
            }
            Order::Status { process } => {
                answer = json!({"status": find(&mut self.processes, process)?.status()?});
            }
            Order::Stop {
                process,
                signal,
                most,
            } => {
                let process = find(&mut self.processes, process)?;
                let most = Duration::from_secs_f64(most);
                let status = process.stop(signal.map(named).transpose()?, most)?;
                answer = json!({"status": status});
            }
            Order::Proxy { to } => {
                let proxy = Proxy::to(&format!("127.0.0.1:{to}"));
                answer = json!({"number": self.proxies.len(), "port": proxy.port()});
                self.proxies.push(proxy);
            }
            Order::Disturb {
                proxy,
                delay,
                broken,
            } => {
                let delay = Duration::from_millis(delay);
                find(&mut self.proxies, proxy)?.disturb(delay, broken);
            }
            Order::Load(plan) => {
                let load = Load::begin(*plan, self.runtime.handle().clone())?;
                answer = json!({"number": self.loads.len()});
                self.loads.push(load);
            }
            Order::Collect { load } => return find(&mut self.loads, load)?.collect(),
            Order::Token { load, token } => find(&mut self.loads, load)?.renew(token),
            Order::End { load } => find(&mut self.loads, load)?.end()?,
        }
        Ok(answer)
    }

    /// Starts a program; what others may know of it, and add to.
    pub fn start(&mut self, program: Program, before: &[String]) -> Result<Value> {
        let began = crate::load::now();
        let process = Process::start_with(program, before)?;
        let answer = json!({
            "number": self.processes.len(),
            "pid": process.pid(),
            "log": process.program().log,
            "began": began,
        });
        self.processes.push(process);
        Ok(answer)
    }

    /// The process that was started last.
    pub fn last(&mut self) -> Result<&mut Process> {
        self.processes.last_mut().context("nothing was started")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.loads.clear();
        self.proxies.clear();
        // What was started later may need what was started before it.
        while self.processes.pop().is_some() {}
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("{} was not removed: {error}", self.folder.display());
        }
    }
}

fn find<T>(all: &mut [T], number: usize) -> Result<&mut T> {
    let found = all.get_mut(number);
    found.with_context(|| format!("there is no number {number}"))
}

fn named(signal: i32) -> Result<Signal> {
    Signal::from_named_raw(signal).with_context(|| format!("there is no signal {signal}"))
}
