//! A Redis or a mongod of a test's own, on a free port, that can be killed and started again.

use crate::process::{Process, Program};
use crate::{folder, free_port, programs, replica_set};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Redis,
    Sentinel,
    Mongod,
    StandaloneMongod,
}

/// One server process.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    port: u16,
    folder: PathBuf,
    process: Process,
}

impl Server {
    /// A redis-server that keeps nothing on disk.
    pub fn redis() -> Self {
        Self::redis_with(&[])
    }

    /// A redis-server with settings of its own, `["--cluster-enabled", "yes"]`.
    pub fn redis_with(options: &[&str]) -> Self {
        let options: Vec<String> = options.iter().map(|word| (*word).to_owned()).collect();
        Self::run(Kind::Redis, |port, folder| {
            programs::redis(port, folder, &options)
        })
    }

    /// A sentinel that follows `master`, under the name `main`, and is enough alone to replace it.
    pub fn sentinel(master: &Server) -> Self {
        Self::run(Kind::Sentinel, |port, folder| {
            programs::sentinel(port, folder, master.port, 1).unwrap()
        })
    }

    /// A mongod that is a replica set of one node.
    pub fn mongod() -> Self {
        Self::run(Kind::Mongod, |port, folder| {
            programs::mongod(port, folder, "127.0.0.1", &programs::replica()).unwrap()
        })
    }

    /// A mongod that is no replica set, and so has no transactions.
    pub fn standalone_mongod() -> Self {
        Self::run(Kind::StandaloneMongod, |port, folder| {
            programs::mongod(port, folder, "127.0.0.1", &[]).unwrap()
        })
    }

    fn run(kind: Kind, program: impl FnOnce(u16, &Path) -> Program) -> Self {
        let (port, folder) = (free_port(), folder("server"));
        let process = Process::start(program(port, &folder)).unwrap();
        let mut server = Self {
            kind,
            port,
            folder,
            process,
        };
        server.wait();
        server
    }

    /// Starts it once more, on the same port and data as before.
    pub fn start(&mut self) {
        self.process.restart(&[]).unwrap();
        self.wait();
    }

    fn wait(&mut self) {
        let address = ([127, 0, 0, 1], self.port).into();
        let most = Duration::from_secs(30);
        self.process.listens(address, most).unwrap();
        if self.kind == Kind::Mongod {
            replica_set::initiate(self.port).unwrap();
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Stops it without ending it: connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.process.signal(Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.signal(Signal::CONT).unwrap();
    }

    /// Its port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Redis => format!("redis://127.0.0.1:{}", self.port),
            Kind::Sentinel => format!("redis+sentinel://127.0.0.1:{}/main", self.port),
            Kind::Mongod | Kind::StandaloneMongod => {
                format!("mongodb://127.0.0.1:{}/trm", self.port)
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        // What cannot be removed is in the system's folder for what may be lost.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
