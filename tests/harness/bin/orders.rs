//! The control protocol: each line of the input is one order, a JSON object whose `do` says which. Each answer is one line.

use crate::load::plan::Plan;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Names and values, of an environment for example.
pub type Settings = BTreeMap<String, String>;

/// Something to start, to stop or to ask. Processes, proxies and loads are known by the `number` in the answer.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// A redis-server.
    Redis {
        #[serde(default)]
        options: Vec<String>,
    },
    /// A sentinel of the Redis on the port `master`.
    Sentinel { master: u16, quorum: u32 },
    /// A mongod.
    Mongod(Mongod),
    /// A `trm serve`.
    Host(Box<Host>),
    /// Any other program.
    Run {
        name: String,
        command: Vec<String>,
        env: Option<Settings>,
    },
    /// Loads the sample data into the store of these settings.
    Sample {
        #[serde(default)]
        settings: Settings,
    },
    /// Writes a manifest.
    Guests(Guests),
    /// Waits until a process accepts connections, at most so many seconds.
    Listens {
        process: usize,
        address: SocketAddr,
        most: f64,
    },
    /// Starts a process once more after its end, with words before its command.
    Start {
        process: usize,
        #[serde(default)]
        before: Vec<String>,
    },
    /// Sends a signal by its number.
    Signal { process: usize, signal: i32 },
    /// The exit status of a process; none while it runs.
    Status { process: usize },
    /// Sends a signal, if there is one, and waits for the end, at most so many seconds.
    Stop {
        process: usize,
        signal: Option<i32>,
        most: f64,
    },
    /// A proxy in front of a port of 127.0.0.1.
    Proxy { to: u16 },
    /// What a proxy does: milliseconds of delay in each direction, and how many answers of a thousand it breaks off.
    Disturb {
        proxy: usize,
        #[serde(default)]
        delay: u64,
        #[serde(default)]
        broken: u64,
    },
    /// Begins a load of requests.
    Load(Box<Plan>),
    /// What a load has seen since it was last asked.
    Collect { load: usize },
    /// The token that a load's requests carry from now on.
    Token { load: usize, token: String },
    /// Ends a load, after the requests that are under way.
    End { load: usize },
}

/// A mongod; without options it is a replica set of one node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mongod {
    #[serde(default)]
    pub options: Vec<String>,
    pub port: Option<u16>,
    /// The addresses that it listens on, with commas between them.
    #[serde(default = "loopback_text")]
    pub bind: String,
}

/// How a host is started.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// It names its log and its folder for data.
    pub name: String,
    /// The address that it listens on.
    #[serde(default = "loopback")]
    pub at: IpAddr,
    /// Words before its command.
    #[serde(default)]
    pub before: Vec<String>,
    /// Whether to wait until it says that it is ready.
    #[serde(default = "yes")]
    pub ready: bool,
    /// Its environment, besides what every host of a test has.
    #[serde(default)]
    pub settings: Settings,
}

/// A manifest of components of tests/guests, or of components that were made elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guests {
    /// The lines of the `tool.trm` table, by name.
    pub guests: Settings,
    /// The hosts that they may send requests to.
    #[serde(default)]
    pub outbound: Vec<String>,
    /// The files of those that were made elsewhere.
    #[serde(default)]
    pub made: BTreeMap<String, PathBuf>,
    /// Whether they stand beside the functions of the marketplace.
    #[serde(default)]
    pub functions: bool,
}

fn loopback_text() -> String {
    loopback().to_string()
}

fn loopback() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn yes() -> bool {
    true
}
