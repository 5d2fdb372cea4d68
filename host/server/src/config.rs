//! The environment, checked once into a `Config`; never read again after start.

pub use crate::env::ConfigError;
use crate::env::Env;
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use trm_cache::CacheSettings;
use trm_cache::l1::Limits;
use trm_document_stores::MongoSettings;
use trm_policy::variables;
use trm_runtime::artefact::Trusted;
use trm_stores::StoreSettings;
use trm_telemetry::log::LogSettings;

/// Whether the host runs on a developer's machine or in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `trm dev`: loopback only, readable logs.
    Dev,
    /// `trm serve`: all interfaces, JSON logs under `NODE_ENV=production`.
    Serve,
}

/// Everything that the environment decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether this is a developer's machine.
    pub mode: Mode,
    /// Where requests are served.
    pub listen: SocketAddr,
    /// Where `/metrics` is served as well; none where it is turned off.
    pub metrics_listen: Option<SocketAddr>,
    /// The manifest that lists the routes.
    pub manifest: PathBuf,
    /// Where SQLite and the sample data live.
    pub data_dir: PathBuf,
    /// The redis:// address of L2; none where L2 is off. A secret.
    pub redis_url: Option<String>,
    /// The mongodb:// address of the origin; none for SQLite. A secret.
    pub mongodb: Option<Mongodb>,
    /// Sizes and times of the cache.
    pub cache: Cache,
    /// How many failures in a row open a breaker.
    pub breaker_threshold: u32,
    /// How long a breaker stays open before it probes.
    pub breaker_reset: Duration,
    /// error, warn, info, debug or trace.
    pub log_level: String,
    /// JSON lines instead of readable ones.
    pub log_json: bool,
    /// Requests slower than this are logged as SLOW REQUEST.
    pub slow_request: Duration,
    /// Where spans are sent; none where tracing is off.
    pub otlp: Option<http::Uri>,
    /// The StatsD agent's host and port; none where it is off.
    pub statsd: Option<(String, u16)>,
    /// Who has it may see the console. A secret.
    pub console_token: Option<String>,
    /// What `trm build` signs with. A secret.
    pub signing_seed: Option<String>,
    /// The key whose signature every artefact must bear.
    pub trusted_key: Option<Trusted>,
    /// What operators' keys are sealed with; without it there are none. A secret.
    pub operator_secret: Option<String>,
    /// What the log must not show. Secrets.
    pub secrets: Vec<String>,
    /// Instances alive at one time over all functions.
    pub max_instances: u32,
    /// How long requests in flight may go on after SIGTERM.
    pub drain: Duration,
    /// How long new connections are still taken after SIGTERM, while `/ready` already says no.
    pub drain_delay: Duration,
}

/// MongoDB's settings.
#[derive(Clone, Debug)]
pub struct Mongodb {
    /// The connection string. A secret.
    pub uri: String,
    /// The most connections of this host.
    pub max_pool_size: u32,
    /// The connections that are kept open.
    pub min_pool_size: u32,
    /// A read preference mode, as MongoDB spells it.
    pub read_preference: String,
}

/// The cache's settings.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Default time to live in L1.
    pub l1_ttl: Duration,
    /// Default time to live in L2.
    pub l2_ttl: Duration,
    /// How much L1 keeps.
    pub l1: Limits,
    /// Values of more bytes are compressed in L2.
    pub l2_compress_above: usize,
    /// One host at a time computes a missing entry.
    pub cluster_lock: bool,
    /// How long a renewal may take before the value from before serves; zero: none does.
    pub fill_soft: Duration,
    /// How long a fill may take before the next who waits begins one too; zero: none does.
    pub fill_hard: Duration,
}

const READ_PREFERENCES: [&str; 5] = [
    "primary",
    "primaryPreferred",
    "secondary",
    "secondaryPreferred",
    "nearest",
];
const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

impl Config {
    /// What the stores of this host are opened with.
    pub fn stores(&self) -> StoreSettings {
        StoreSettings {
            mongodb: self.mongodb.as_ref().map(|mongodb| MongoSettings {
                uri: mongodb.uri.clone(),
                max_pool_size: mongodb.max_pool_size,
                min_pool_size: mongodb.min_pool_size,
                read_preference: mongodb.read_preference.clone(),
                breaker_threshold: self.breaker_threshold,
                breaker_reset: self.breaker_reset,
                ..MongoSettings::default()
            }),
            data_dir: self.data_dir.clone(),
            redis_url: self.redis_url.clone(),
            cache: CacheSettings {
                l1_ttl: self.cache.l1_ttl,
                l2_ttl: self.cache.l2_ttl,
                l1: self.cache.l1,
                cluster_lock: self.cache.cluster_lock,
                fill_soft: self.cache.fill_soft,
                fill_hard: self.cache.fill_hard,
                breaker_threshold: self.breaker_threshold,
                breaker_reset: self.breaker_reset,
                ..CacheSettings::default()
            },
            l2_compress_above: self.cache.l2_compress_above,
            breaker_threshold: self.breaker_threshold,
            breaker_reset: self.breaker_reset,
        }
    }

    /// How the log of this host is written.
    pub fn log(&self) -> LogSettings {
        LogSettings {
            level: self.log_level.clone(),
            json: self.log_json,
            color: std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            // Only a console shows the last lines again.
            keep_tail: self.console_token.is_some() || self.mode == Mode::Dev,
            secrets: self.secrets.clone(),
        }
    }

    /// Reads the variables through `get`; the first one that is not allowed ends the start.
    pub fn from_env(
        mode: Mode,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, ConfigError> {
        let env = Env { get };
        let default_ip = match mode {
            Mode::Dev => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Mode::Serve => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        let ip: IpAddr = env.parse("LISTEN_ADDR", default_ip, "an IP address, like 127.0.0.1")?;
        let port: u16 = env.parse("PORT", 3000, "a port number, 0 to 65535")?;
        let metrics_port: u16 =
            env.parse("METRICS_PORT", 9090, "a port number, or 0 to turn it off")?;
        let node_env = env.one_of(
            "NODE_ENV",
            "development",
            &["development", "production", "test"],
        )?;
        let max_pool_size = env.range("MONGODB_MAX_POOL_SIZE", 50, 1, 10_000)?;
        Ok(Config {
            mode,
            listen: SocketAddr::new(ip, port),
            metrics_listen: (metrics_port != 0).then(|| SocketAddr::new(ip, metrics_port)),
            manifest: env.path("TRM_MANIFEST", "spin.toml"),
            data_dir: env.path("TRM_DATA_DIR", ".trm"),
            redis_url: env.redis_url()?,
            mongodb: env
                .secret_url("MONGODB_URI", &["mongodb://", "mongodb+srv://"])?
                .map(|uri| {
                    Ok(Mongodb {
                        uri,
                        max_pool_size: max_pool_size as u32,
                        min_pool_size: env.range(
                            "MONGODB_MIN_POOL_SIZE",
                            10.min(max_pool_size),
                            0,
                            max_pool_size,
                        )? as u32,
                        read_preference: env.one_of(
                            "MONGODB_READ_PREFERENCE",
                            "primaryPreferred",
                            &READ_PREFERENCES,
                        )?,
                    })
                })
                .transpose()?,
            cache: Cache {
                l1_ttl: Duration::from_secs(env.range("CACHE_L1_TTL", 60, 1, 86_400)?),
                l2_ttl: Duration::from_secs(env.range("CACHE_L2_TTL", 300, 1, 86_400)?),
                l1: Limits {
                    keys: env.range("CACHE_L1_MAX_KEYS", 10_000, 1, 100_000_000)? as usize,
                    bytes: (env.range("CACHE_L1_MAX_SIZE_MB", 50, 1, 1_048_576)? as usize) << 20,
                    entry: (env.range("CACHE_L1_MAX_ENTRY_KB", 1_024, 1, 1_024)? as usize) << 10,
                    share: env.range("CACHE_L1_FUNCTION_SHARE", 50, 1, 100)? as usize,
                },
                l2_compress_above: (env.range("CACHE_L2_COMPRESS_ABOVE_KB", 8, 1, 1_024)? as usize)
                    << 10,
                cluster_lock: env.one_of("CACHE_CLUSTER_LOCK", "off", &["off", "on"])? == "on",
                fill_soft: env.millis("CACHE_FILL_SOFT_TIMEOUT", 500)?,
                fill_hard: env.millis("CACHE_FILL_HARD_TIMEOUT", 2_000)?,
            },
            breaker_threshold: env.range("CIRCUIT_BREAKER_FAILURE_THRESHOLD", 5, 1, 1_000_000)?
                as u32,
            breaker_reset: env.millis("CIRCUIT_BREAKER_RESET_TIMEOUT", 30_000)?,
            log_level: env.one_of("LOG_LEVEL", "info", &LOG_LEVELS)?,
            log_json: mode == Mode::Serve && node_env == "production",
            slow_request: env.millis("SLOW_REQUEST_THRESHOLD", 1_000)?,
            otlp: env.otlp()?,
            statsd: env.statsd()?,
            console_token: env.raw("TRM_CONSOLE_TOKEN"),
            signing_seed: env.raw("TRM_SIGNING_SEED"),
            trusted_key: env.trusted_key()?,
            operator_secret: variables::names("API_KEY_SECRET")
                .iter()
                .find_map(|name| env.raw(name)),
            secrets: env.secrets(),
            max_instances: env.range("TRM_MAX_INSTANCES", 1_000, 1, 16_384)? as u32,
            drain: env.millis("TRM_DRAIN_TIMEOUT", 25_000)?,
            drain_delay: env.millis("TRM_DRAIN_DELAY", 500)?,
        })
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
