//! How the harness starts what it knows: Redis, its sentinels, MongoDB, hosts, their sample data and manifests of guests.

use crate::cluster::Cluster;
use crate::orders::{Guests, Host, Mongod, Settings};
use anyhow::{Context, Result, ensure};
use harness::client::Client;
use harness::host::Setup;
use harness::manifest::{self, Guest};
use harness::process::Program;
use harness::{free_port, programs, replica_set, root, wait_until};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How long a program may take until it accepts connections, and a host until it is ready.
const START: Duration = Duration::from_secs(60);

impl Cluster {
    pub fn redis(&mut self, options: &[String]) -> Result<Value> {
        let port = free_port();
        let program = programs::redis(port, self.folder(), options);
        self.serve(program, &[], (Ipv4Addr::LOCALHOST, port).into())
    }

    pub fn sentinel(&mut self, master: u16, quorum: u32) -> Result<Value> {
        let port = free_port();
        let program = programs::sentinel(port, self.folder(), master, quorum)?;
        self.serve(program, &[], (Ipv4Addr::LOCALHOST, port).into())
    }

    pub fn mongod(&mut self, asked: &Mongod) -> Result<Value> {
        let port = asked.port.unwrap_or_else(free_port);
        let alone = asked.options.is_empty();
        let options = if alone {
            &programs::replica()
        } else {
            &asked.options
        };
        let program = programs::mongod(port, self.folder(), &asked.bind, options)?;
        let answer = self.serve(program, &[], (Ipv4Addr::LOCALHOST, port).into())?;
        if alone {
            replica_set::initiate(port)?;
        }
        Ok(answer)
    }

    pub fn run(
        &mut self,
        name: &str,
        command: Vec<String>,
        env: Option<Settings>,
    ) -> Result<Value> {
        let program = Program {
            command,
            env,
            folder: root(),
            log: self.log(name),
        };
        self.start(program, &[])
    }

    pub fn host(&mut self, host: Host) -> Result<Value> {
        let (port, metrics) = (free_port(), free_port());
        let setup = self.setup(
            &host.name,
            [
                ("PORT".to_owned(), port.to_string()),
                ("METRICS_PORT".to_owned(), metrics.to_string()),
                ("LISTEN_ADDR".to_owned(), host.at.to_string()),
                ("NODE_ENV".to_owned(), "production".to_owned()),
            ]
            .into_iter()
            .chain(host.settings)
            .collect(),
        );
        let log = self.log(&format!("host-{}", host.name));
        let program = setup.program(&["serve"], log);
        let env = program.env.clone();
        let address = SocketAddr::new(host.at, port);
        let mut answer = self.serve(program, &host.before, address)?;
        let url = format!("http://{address}");
        if host.ready {
            self.ready(&url)?;
        }
        answer["metrics"] = json!(metrics);
        answer["env"] = json!(env);
        answer["url"] = json!(url);
        Ok(answer)
    }

    fn ready(&mut self, url: &str) -> Result<()> {
        let (client, process) = (Client::new(url), self.last()?);
        let ready = wait_until("the host is ready", START, || {
            ensure!(process.status()?.is_none(), "it has ended");
            let answer = client.attempt("GET", "/ready", None, b"");
            Ok(answer.is_ok_and(|answer| answer.status == 200))
        });
        ready.with_context(|| process.failure("is not ready"))
    }

    /// The marketplace with a folder for data of this name, unless the settings name others.
    pub fn setup(&self, name: &str, settings: Settings) -> Setup {
        let data = self.folder().join(format!("data-{name}"));
        let setup = Setup::new(root().join("spin.toml"), data);
        settings
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.env(&name, &value))
    }

    pub fn guests(&self, asked: &Guests) -> Result<Value> {
        let guests: Vec<Guest> = asked
            .guests
            .iter()
            .map(|(name, settings)| {
                let mut guest = Guest::new(name, settings);
                guest.outbound = &asked.outbound;
                if let Some(made) = asked.made.get(name) {
                    guest.source.clone_from(made);
                }
                guest
            })
            .collect();
        let text = if asked.functions {
            manifest::beside_the_functions(&guests)?
        } else {
            manifest::text(&guests)
        };
        let folder = self.folder().join("guests");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("spin.toml");
        std::fs::write(&file, text)?;
        Ok(json!({"manifest": file}))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.log"))
    }

    /// Starts a program, and waits until it accepts connections.
    fn serve(&mut self, program: Program, before: &[String], address: SocketAddr) -> Result<Value> {
        let mut answer = self.start(program, before)?;
        self.last()?.listens(address, START)?;
        answer["port"] = json!(address.port());
        Ok(answer)
    }
}
