//! A `trm serve`, or a `trm dev`, of a test's own, on a free port, with the environment that the test gives, or the server
//! at `TEST_BASE_URL`; builds nothing.

use crate::client::Client;
use crate::workspace::Workspace;
use crate::{eventually, folder, given, number, root};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
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
    child: Option<Child>,
    /// A client of it.
    pub client: Client,
    /// Its address, `127.0.0.1:port`.
    pub address: String,
    log: PathBuf,
}

impl Setup {
    /// The repository's own manifest with the sample data, on the embedded default.
    pub fn embedded() -> Self {
        Self {
            manifest: root().join("spin.toml"),
            data: folder("data"),
            env: Vec::new(),
            sample: true,
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
        let mut manifest =
            String::from("spin_manifest_version = 2\n[application]\nname = \"guests\"\n");
        for (name, settings) in guests {
            let file = format!("guest_{}.wasm", name.replace('-', "_"));
            let source = root().join("target/wasm32-wasip2/release").join(file);
            manifest.push_str(&format!(
                "[[trigger.http]]\nroute = \"/{name}/...\"\ncomponent = \"{name}\"\n\
                 [component.{name}]\nsource = \"{}\"\n[component.{name}.tool.trm]\n{settings}\n",
                source.display()
            ));
        }
        Self::manifest_text(&manifest)
    }

    /// A manifest of the test's own, without sample data.
    pub fn manifest_text(text: &str) -> Self {
        let manifest = folder("manifest").join("spin.toml");
        std::fs::write(&manifest, text).unwrap();
        Self {
            manifest,
            sample: false,
            ..Self::embedded()
        }
    }

    /// The same without sample data.
    pub fn without_sample(self) -> Self {
        let sample = false;
        Self { sample, ..self }
    }

    /// The manifest of a workspace, without sample data.
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            manifest: workspace.path("spin.toml"),
            sample: false,
            ..Self::embedded()
        }
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

    fn command(&self, name: &str) -> Command {
        let mut command = self.with_env(Command::new(root().join("target/release/trm")));
        command.arg(name);
        command
    }

    /// A program with the environment of this set-up and no other.
    pub fn with_env(&self, mut command: Command) -> Command {
        command.env_clear();
        for kept in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUST_BACKTRACE",
        ] {
            if let Ok(value) = std::env::var(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("PORT", "0")
            .env("LISTEN_ADDR", "127.0.0.1")
            .env("METRICS_PORT", "0");
        command
            .env("TRM_MANIFEST", &self.manifest)
            .env("TRM_DATA_DIR", &self.data);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of `trm` to its end.
    pub fn run(&self, command: &str) -> Output {
        self.run_with(command, &[])
    }

    /// The same with arguments.
    pub fn run_with(&self, command: &str, arguments: &[&str]) -> Output {
        self.command(command).args(arguments).output().unwrap()
    }

    /// Starts `trm serve` and waits until it listens.
    pub fn start(&self) -> Host {
        if let Some(base) = base_url() {
            return self.at(&base);
        }
        if self.sample {
            let loaded = self.run("sample");
            assert!(
                loaded.status.success(),
                "{}",
                String::from_utf8_lossy(&loaded.stderr)
            );
        }
        self.launch("serve", &[], Duration::from_secs(60))
    }

    /// The server that is there already, for a test that needs nothing of its own.
    fn at(&self, base: &str) -> Host {
        let plain = Self {
            data: self.data.clone(),
            ..Self::embedded()
        };
        assert_eq!(*self, plain, "this test needs a host of its own");
        Host {
            child: None,
            client: Client::new(base),
            address: base.trim_start_matches("http://").to_owned(),
            log: PathBuf::new(),
        }
    }

    /// Starts `trm dev`, which builds first, and waits until it listens.
    pub fn dev(&self) -> Host {
        self.dev_with(&[])
    }

    /// The same with arguments.
    pub fn dev_with(&self, arguments: &[&str]) -> Host {
        self.launch("dev", arguments, Duration::from_secs(600))
    }

    fn launch(&self, command: &str, arguments: &[&str], most: Duration) -> Host {
        let log = self.data.join(format!("host-{}.log", number()));
        let output = std::fs::File::create(&log).unwrap();
        let child = self
            .command(command)
            .args(arguments)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut host = Host {
            child: Some(child),
            client: Client::new(""),
            address: String::new(),
            log,
        };
        eventually("trm listens", most, || {
            let said = host.log();
            let ended = host.own().try_wait().unwrap();
            assert!(ended.is_none(), "trm did not start:\n{said}");
            let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let address = whole
                .lines()
                .find_map(|line| line.strip_prefix("listening on http://"));
            host.address = address.unwrap_or_default().to_owned();
            !host.address.is_empty()
        });
        host.client = Client::new(&format!("http://{}", host.address));
        host
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
        if host.child.is_none() {
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
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGHUP.
    pub fn hangup(&self) {
        self.signal("-HUP");
    }

    fn own(&mut self) -> &mut Child {
        self.child.as_mut().expect("a host of the test's own")
    }

    fn signal(&self, name: &str) {
        let own = self.child.as_ref().expect("a host of the test's own");
        let sent = Command::new("kill")
            .args([name, &own.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.own().kill().unwrap();
        self.own().wait().unwrap();
    }

    /// Waits for its end; whether it ended well.
    pub fn wait(&mut self) -> bool {
        self.own().wait().unwrap().success()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// A server that runs already, like `http://127.0.0.1:3000`.
fn base_url() -> Option<String> {
    std::env::var("TEST_BASE_URL").ok()
}
