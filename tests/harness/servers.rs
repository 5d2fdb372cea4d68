//! A Redis or a mongod of a test's own, on a free port, that can be killed and started again; shares none.

use crate::{eventually, folder, free_port, given, root};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Which server it is.
#[derive(Clone, Copy, Debug)]
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
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A redis-server that keeps nothing on disk.
    pub fn redis() -> Self {
        Self::begin(Kind::Redis, &[])
    }

    /// A redis-server with settings of its own, `["--cluster-enabled", "yes"]`.
    pub fn redis_with(arguments: &[&str]) -> Self {
        Self::begin(Kind::Redis, arguments)
    }

    /// A sentinel that follows `master`, under the name `main`, and is enough alone to replace it.
    pub fn sentinel(master: &Server) -> Self {
        let folder = folder("sentinel");
        let settings = folder.join("sentinel.conf");
        let text = format!(
            "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 2000\n",
            master.port
        );
        std::fs::write(&settings, text).unwrap();
        Self::begin(Kind::Sentinel, &[settings.to_str().unwrap(), "--sentinel"])
    }

    /// A mongod that is a replica set of one node.
    pub fn mongod() -> Self {
        Self::begin(Kind::Mongod, &[])
    }

    /// A mongod that is no replica set, and so has no transactions.
    pub fn standalone_mongod() -> Self {
        Self::begin(Kind::StandaloneMongod, &[])
    }

    fn begin(kind: Kind, arguments: &[&str]) -> Self {
        let mut server = Self {
            kind,
            port: free_port(),
            folder: folder("server"),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            child: None,
        };
        server.start();
        server
    }

    /// Starts it, on the same port and data as before.
    pub fn start(&mut self) {
        let port = self.port.to_string();
        let mut command = match self.kind {
            Kind::Redis => {
                let mut command = Command::new("redis-server");
                command.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
                command.args(&self.arguments);
                command
            }
            Kind::Sentinel => {
                let mut command = Command::new("redis-server");
                command.args(&self.arguments);
                command.args(["--port", &port, "--bind", "127.0.0.1"]);
                command
            }
            Kind::Mongod | Kind::StandaloneMongod => {
                let mut command = Command::new(given("TEST_MONGOD"));
                command.args(["--port", &port, "--bind_ip", "127.0.0.1", "--dbpath"]);
                command.arg(&self.folder);
                if matches!(self.kind, Kind::Mongod) {
                    command.args(["--replSet", "rs0"]);
                    // A host that is killed leaves its transaction behind, and others wait for its end.
                    command.args(["--setParameter", "transactionLifetimeLimitSeconds=2"]);
                }
                command
            }
        };
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        let address = format!("127.0.0.1:{port}");
        eventually("the server listens", Duration::from_secs(30), || {
            TcpStream::connect(&address).is_ok()
        });
        if matches!(self.kind, Kind::Mongod) {
            let script = root().join("tests/harness/replica_set.py");
            let made = Command::new(script).arg(&port).status().unwrap();
            assert!(made.success(), "the mongod is no replica set");
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it without ending it: connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
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
