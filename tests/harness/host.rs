//! A `trm serve`, or a `trm dev`, of a test's own, on a free port, with the environment that the test gives, or the server
//! at `TEST_BASE_URL`.

use crate::client::Client;
use crate::process::{Process, Program};
use crate::workspace::Workspace;
use crate::{eventually, folder, given, manifest, number, root, trm};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// How a host is to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    manifest: PathBuf,
    data: PathBuf,
    env: Vec<(String, String)>,
    sample: bool,
}

/// A running host.
#[derive(Debug)]
pub struct Host {
    /// None: it was there before the test, and is there after it.
    process: Option<Process>,
    /// A client of it.
    pub client: Client,
    /// Its address, `127.0.0.1:port`.
    pub address: String,
}

impl Setup {
    /// The repository's own manifest with the sample data, on the embedded default.
    pub fn embedded() -> Self {
        let setup = Self::new(root().join("spin.toml"), folder("data"));
        setup.with_sample()
    }

    /// A manifest, and the folder for data, without sample data.
    pub fn new(manifest: PathBuf, data: PathBuf) -> Self {
        Self {
            manifest,
            data,
            env: Vec::new(),
            sample: false,
        }
        .env("JWT_SECRET", "a secret of tests alone, for tokens")
        .env("API_KEY_SECRET", "a secret of tests alone, for keys")
        .env("AUTH_ATTEMPTS_PER_MINUTE", "1000000")
    }

    /// The same on MongoDB and Redis, in a database of its own.
    pub fn on_servers(mongodb: &str, redis: &str) -> Self {
        Self::embedded().on_mongodb(mongodb).env("REDIS_URL", redis)
    }

    /// What a scenario of the API is told on: both stores, or the server at `TEST_BASE_URL` alone.
    pub fn everywhere() -> Vec<Self> {
        let embedded = Self::embedded();
        if base_url().is_some() {
            return vec![embedded];
        }
        let (mongodb, redis) = (given("TEST_MONGODB_URI"), given("TEST_REDIS_URL"));
        vec![embedded, Self::on_servers(&mongodb, &redis)]
    }

    /// On MongoDB, in a database of its own.
    pub fn on_mongodb(self, mongodb: &str) -> Self {
        let database = format!("trm_test_{}_{}", std::process::id(), number());
        let (address, options) = mongodb.split_once('?').unwrap_or((mongodb, ""));
        let host = address
            .trim_start_matches("mongodb://")
            .split('/')
            .next()
            .unwrap_or_default();
        let uri = format!("mongodb://{host}/{database}?{options}");
        self.env("MONGODB_URI", &uri)
    }

    /// Components of tests/guests, each served at `/<name>`, without stores behind them.
    pub fn guests(guests: &[(&str, &str)]) -> Self {
        let guests: Vec<_> = guests
            .iter()
            .map(|(name, settings)| manifest::Guest::new(name, settings))
            .collect();
        Self::manifest_text(&manifest::text(&guests))
    }

    /// A manifest of the test's own, without sample data.
    pub fn manifest_text(text: &str) -> Self {
        let manifest = folder("manifest").join("spin.toml");
        std::fs::write(&manifest, text).unwrap();
        Self::new(manifest, folder("data"))
    }

    /// The same without sample data.
    pub fn without_sample(self) -> Self {
        let sample = false;
        Self { sample, ..self }
    }

    /// The manifest of a workspace, without sample data.
    pub fn of(workspace: &Workspace) -> Self {
        Self::new(workspace.path("spin.toml"), folder("data"))
    }

    /// The same with the sample data.
    pub fn with_sample(self) -> Self {
        let sample = true;
        Self { sample, ..self }
    }

    /// The folder of the manifest.
    pub fn manifest_folder(&self) -> &Path {
        self.manifest.parent().unwrap()
    }

    /// Sets one variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The environment of this set-up: what a program needs of the test's own, and nothing else.
    fn environment(&self) -> BTreeMap<String, String> {
        let kept = [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUST_BACKTRACE",
        ];
        let kept = kept.map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
        let mut env: BTreeMap<_, _> = kept.into_iter().flatten().collect();
        for (name, value) in [
            ("PORT", "0"),
            ("LISTEN_ADDR", "127.0.0.1"),
            ("METRICS_PORT", "0"),
            ("TRM_MANIFEST", &self.manifest.to_string_lossy()),
            ("TRM_DATA_DIR", &self.data.to_string_lossy()),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
        env.extend(self.env.iter().cloned());
        env
    }

    /// A program with the environment of this set-up and no other.
    pub fn with_env(&self, mut command: Command) -> Command {
        command.env_clear().envs(self.environment());
        command
    }

    /// A command of `trm` in this set-up.
    pub fn program(&self, words: &[&str], log: PathBuf) -> Program {
        let words = words.iter().map(|word| (*word).to_owned());
        Program {
            command: [trm().to_string_lossy().into_owned()]
                .into_iter()
                .chain(words)
                .collect(),
            env: Some(self.environment()),
            folder: root(),
            log,
        }
    }

    /// Runs a command of `trm` to its end.
    pub fn run(&self, command: &str) -> Output {
        self.run_with(command, &[])
    }

    /// The same with arguments.
    pub fn run_with(&self, command: &str, arguments: &[&str]) -> Output {
        let mut program = self.with_env(Command::new(trm()));
        program.arg(command).args(arguments).output().unwrap()
    }

    /// Starts `trm serve` and waits until it listens.
    pub fn start(&self) -> Host {
        if let Some(base) = base_url() {
            return self.at(&base);
        }
        if self.sample {
            self.load_sample().unwrap();
        }
        self.launch(&["serve"], Duration::from_secs(60))
    }

    /// Loads the sample data.
    pub fn load_sample(&self) -> anyhow::Result<()> {
        let loaded = self.run("sample");
        let said = String::from_utf8_lossy(&loaded.stderr);
        anyhow::ensure!(loaded.status.success(), "trm sample: {said}");
        Ok(())
    }

    /// The server that is there already, for a test that needs nothing of its own.
    fn at(&self, base: &str) -> Host {
        let plain = Self {
            data: self.data.clone(),
            ..Self::embedded()
        };
        assert_eq!(*self, plain, "this test needs a host of its own");
        Host {
            process: None,
            client: Client::new(base),
            address: base.trim_start_matches("http://").to_owned(),
        }
    }

    /// Starts `trm dev`, which builds first, and waits until it listens.
    pub fn dev(&self) -> Host {
        self.dev_with(&[])
    }

    /// The same with arguments.
    pub fn dev_with(&self, arguments: &[&str]) -> Host {
        let words = [&["dev"], arguments].concat();
        self.launch(&words, Duration::from_secs(600))
    }

    fn launch(&self, words: &[&str], most: Duration) -> Host {
        let log = self.data.join(format!("host-{}.log", number()));
        let mut process = Process::start(self.program(words, log)).unwrap();
        let mut address = String::new();
        eventually("trm listens", most, || {
            let ended = process.status().unwrap();
            assert!(ended.is_none(), "{}", process.failure("did not start"));
            let log = process.log();
            let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let found = whole
                .lines()
                .find_map(|line| line.strip_prefix("listening on http://"));
            address = found.unwrap_or_default().to_owned();
            !address.is_empty()
        });
        Host {
            process: Some(process),
            client: Client::new(&format!("http://{address}")),
            address,
        }
    }

    /// Starts it once more on the data that is there, and waits until it is ready.
    pub fn again(&self) -> Host {
        let setup = Self {
            sample: false,
            ..self.clone()
        };
        setup.ready()
    }

    /// Starts it and waits until it is ready.
    pub fn ready(&self) -> Host {
        let host = self.start();
        if host.process.is_none() {
            return host;
        }
        eventually("the host is ready", Duration::from_secs(20), || {
            host.client.get("/ready").status == 200
        });
        host
    }
}

impl Host {
    /// What it has said and logged.
    pub fn log(&self) -> String {
        self.own().log()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.own().signal(Signal::TERM).unwrap();
    }

    /// SIGHUP.
    pub fn hangup(&self) {
        self.own().signal(Signal::HUP).unwrap();
    }

    fn own(&self) -> &Process {
        self.process.as_ref().expect("a host of the test's own")
    }

    fn own_mut(&mut self) -> &mut Process {
        self.process.as_mut().expect("a host of the test's own")
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.own_mut().kill().unwrap();
    }

    /// Waits for its end; whether it ended well.
    pub fn wait(&mut self) -> bool {
        self.own_mut().wait(Duration::from_secs(60)).unwrap() == 0
    }
}

/// A server that runs already, like `http://127.0.0.1:3000`.
fn base_url() -> Option<String> {
    std::env::var("TEST_BASE_URL").ok()
}
