//! The environment, checked once into a `Config`; never read again after start.

use crate::artefact::Trusted;
use crate::storage::l1::Limits;
use crate::variables;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Whether the host runs on a developer's machine or in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `trm dev`: loopback only, readable logs.
    Dev,
    /// `trm serve`: all interfaces, JSON logs under `NODE_ENV=production`.
    Serve,
}

/// A variable that holds a value which is not allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}={value} is not allowed: {allowed}")]
pub struct ConfigError {
    name: &'static str,
    value: String,
    allowed: String,
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
const REDIS_SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+", "rediss+"];
const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

impl Config {
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

struct Env<F> {
    get: F,
}

impl<F: Fn(&str) -> Option<String>> Env<F> {
    fn raw(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    fn parse<T: FromStr>(
        &self,
        name: &'static str,
        default: T,
        allowed: &str,
    ) -> Result<T, ConfigError> {
        let Some(value) = self.raw(name) else {
            return Ok(default);
        };
        value.trim().parse().map_err(|_| ConfigError {
            name,
            value,
            allowed: allowed.to_owned(),
        })
    }

    fn range(
        &self,
        name: &'static str,
        default: u64,
        least: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        let allowed = format!("a whole number from {least} to {most}");
        let number = self.parse(name, default, &allowed)?;
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            Err(ConfigError {
                name,
                value: number.to_string(),
                allowed,
            })
        }
    }

    fn millis(&self, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
        Ok(Duration::from_millis(
            self.range(name, default, 0, 3_600_000)?,
        ))
    }

    fn one_of(
        &self,
        name: &'static str,
        default: &str,
        allowed: &[&str],
    ) -> Result<String, ConfigError> {
        let value = self.raw(name).unwrap_or_else(|| default.to_owned());
        if allowed.contains(&value.as_str()) {
            Ok(value)
        } else {
            Err(ConfigError {
                name,
                value,
                allowed: format!("one of {}", allowed.join(", ")),
            })
        }
    }

    fn path(&self, name: &str, default: &str) -> PathBuf {
        PathBuf::from(self.raw(name).unwrap_or_else(|| default.to_owned()))
    }

    /// An address that may hold a password: the value is never repeated in an error.
    fn secret_url(
        &self,
        name: &'static str,
        schemes: &[&str],
    ) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        if schemes
            .iter()
            .any(|scheme| value.len() > scheme.len() && value.starts_with(scheme))
        {
            Ok(Some(value))
        } else {
            Err(ConfigError {
                name,
                value: "(hidden)".to_owned(),
                allowed: format!("an address that begins with {}", schemes.join(" or ")),
            })
        }
    }

    /// The collector's address, without `/v1/traces`.
    fn otlp(&self) -> Result<Option<http::Uri>, ConfigError> {
        let name = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        match value.parse::<http::Uri>() {
            Ok(uri)
                if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() =>
            {
                Ok(Some(uri))
            }
            _ => Err(ConfigError {
                name,
                value,
                allowed: "an address like http://collector:4318, or https://".to_owned(),
            }),
        }
    }

    fn trusted_key(&self) -> Result<Option<Trusted>, ConfigError> {
        let name = "TRM_TRUSTED_KEY";
        let Some(value) = self.raw(name) else {
            return Ok(None);
        };
        let refused = |fault| ConfigError {
            name,
            allowed: format!("{fault}; it is the key that `trm build` prints where it signs"),
            value: value.clone(),
        };
        Trusted::new(&value).map(Some).map_err(refused)
    }

    /// `STATSD_HOST`, or DataDog's own name of it.
    fn statsd(&self) -> Result<Option<(String, u16)>, ConfigError> {
        let host = self
            .raw("STATSD_HOST")
            .or_else(|| self.raw("DD_AGENT_HOST"));
        let port = self.parse("STATSD_PORT", 8125, "a port number, 1 to 65535")?;
        Ok(host.map(|host| (host, port)))
    }

    /// Secrets by name, and the passwords in addresses.
    fn secrets(&self) -> Vec<String> {
        let names = [
            "REDIS_PASSWORD",
            "JWT_SECRET",
            "JWT_SECRET_PREVIOUS",
            "API_KEY_SECRET",
            "API_KEY_SECRET_PREVIOUS",
            "TRM_CONSOLE_TOKEN",
            "TRM_SIGNING_SEED",
            "DD_API_KEY",
        ];
        let named = names.into_iter().flat_map(variables::names);
        let named = named.filter_map(|name| self.raw(&name));
        let addresses = ["MONGODB_URI", "REDIS_URL"]
            .iter()
            .filter_map(|name| self.raw(name));
        let passwords = addresses.filter_map(|address| {
            let (_, rest) = address.split_once("://")?;
            let (account, _) = rest.split_once('@')?;
            Some(account.split_once(':')?.1.to_owned())
        });
        named.chain(passwords).collect()
    }

    /// `REDIS_URL`, or the address that `REDIS_HOST` and its companions spell.
    fn redis_url(&self) -> Result<Option<String>, ConfigError> {
        let url = self.secret_url("REDIS_URL", &REDIS_SCHEMES)?;
        let Some(host) = self.raw("REDIS_HOST").filter(|_| url.is_none()) else {
            return Ok(url);
        };
        let port: u16 = self.parse("REDIS_PORT", 6379, "a port number, 1 to 65535")?;
        let database = self.range("REDIS_DB", 0, 0, 1_000_000)?;
        let password = self
            .raw("REDIS_PASSWORD")
            .map(|secret| format!(":{}@", percent_encode(&secret)))
            .unwrap_or_default();
        Ok(Some(format!("redis://{password}{host}:{port}/{database}")))
    }
}

/// RFC 3986 unreserved characters stay, every other byte becomes %XX.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
