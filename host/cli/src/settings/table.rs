//! Every setting that has a flag: its variable, its default and its help. What a value may be is known to `Config`.

use super::groups::*;

/// One setting.
pub(super) struct Setting {
    /// The group that it is in; one bit.
    pub(super) group: u32,
    /// Its environment variable, which names it in the command line as well.
    pub(super) variable: &'static str,
    /// A second variable that is read where the first is absent.
    pub(super) other: Option<&'static str>,
    /// What stands for its value in the help.
    pub(super) value: &'static str,
    /// What holds where it is not given.
    pub(super) fallback: Fallback,
    /// What it is.
    pub(super) help: &'static str,
    /// Its values where they are few; none: `Config` says.
    pub(super) allowed: &'static [&'static str],
    /// Its value is shown nowhere.
    pub(super) secret: bool,
}

/// What holds where a setting is not given.
#[derive(Clone, Copy)]
pub(super) enum Fallback {
    /// This value.
    Value(&'static str),
    /// No value: what is done then.
    Absent(&'static str),
    /// Values of `trm dev` and of every other command.
    OfMode {
        dev: &'static str,
        serve: &'static str,
    },
    /// The same where there is no value.
    AbsentOfMode {
        dev: &'static str,
        serve: &'static str,
    },
}

impl Setting {
    /// Its flag, without the hyphens before it.
    pub(super) fn flag(&self) -> String {
        match self.variable {
            "LISTEN_ADDR" => "listen".to_owned(),
            "OTEL_EXPORTER_OTLP_ENDPOINT" => "otlp-endpoint".to_owned(),
            variable => {
                let name = variable.strip_prefix("TRM_").unwrap_or(variable);
                name.to_lowercase().replace('_', "-")
            }
        }
    }
}

const fn with(
    group: u32,
    variable: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        group,
        variable,
        other: None,
        value,
        fallback: Fallback::Value(default),
        help,
        allowed: &[],
        secret: false,
    }
}

const fn absent(
    group: u32,
    variable: &'static str,
    value: &'static str,
    without: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        fallback: Fallback::Absent(without),
        ..with(group, variable, value, "", help)
    }
}

const fn secret(setting: Setting) -> Setting {
    Setting {
        secret: true,
        ..setting
    }
}

const fn one_of(allowed: &'static [&'static str], setting: Setting) -> Setting {
    Setting { allowed, ..setting }
}

/// The table.
#[rustfmt::skip]
pub(super) static SETTINGS: [Setting; 38] = [
    with(MANIFEST, "TRM_MANIFEST", "FILE", "spin.toml", "The manifest; searched in parent folders where it is not given"),
    with(DATA, "TRM_DATA_DIR", "FOLDER", ".trm", "Where SQLite keeps documents; beside a manifest that was found in a parent folder"),
    with(PORT, "PORT", "PORT", "3000", "Port of the host"),
    Setting {
        fallback: Fallback::OfMode { dev: "127.0.0.1", serve: "0.0.0.0" },
        ..with(LISTEN, "LISTEN_ADDR", "ADDRESS", "", "Address on which requests are served")
    },
    with(LISTEN, "METRICS_PORT", "PORT", "9090", "Second port with the same endpoints; 0 turns it off"),
    secret(absent(STORES, "MONGODB_URI", "URI", "SQLite", "MongoDB, a replica set")),
    with(STORES, "MONGODB_MAX_POOL_SIZE", "CONNECTIONS", "50", "Most connections to MongoDB"),
    with(STORES, "MONGODB_MIN_POOL_SIZE", "CONNECTIONS", "10", "Connections to MongoDB that are kept open"),
    one_of(&READ_PREFERENCES, with(STORES, "MONGODB_READ_PREFERENCE", "MODE", "primaryPreferred", "Members that are read")),
    secret(absent(STORES, "REDIS_URL", "URL", "no second tier", "Redis, the second tier of the cache: redis://host, redis+sentinel://host,host/master/db, redis+cluster://host,host; rediss for TLS")),
    absent(STORES, "REDIS_HOST", "HOST", "none", "Redis, where --redis-url is not given"),
    with(STORES, "REDIS_PORT", "PORT", "6379", "Port of --redis-host"),
    secret(absent(STORES, "REDIS_PASSWORD", "PASSWORD", "none", "Password of --redis-host")),
    with(STORES, "REDIS_DB", "NUMBER", "0", "Database of --redis-host"),
    with(CACHE, "CACHE_L1_TTL", "SECONDS", "60", "Default time to live in memory"),
    with(CACHE, "CACHE_L2_TTL", "SECONDS", "300", "Default time to live in Redis"),
    with(CACHE, "CACHE_L1_MAX_KEYS", "ENTRIES", "10000", "Most entries in memory"),
    with(CACHE, "CACHE_L1_MAX_SIZE_MB", "MIB", "50", "Most bytes in memory"),
    with(CACHE, "CACHE_L1_MAX_ENTRY_KB", "KIB", "1024", "Largest entry in memory"),
    with(CACHE, "CACHE_L1_FUNCTION_SHARE", "PERCENT", "50", "What one function keeps of the memory while others want room"),
    with(CACHE, "CACHE_L2_COMPRESS_ABOVE_KB", "KIB", "8", "Larger values are compressed in Redis"),
    one_of(&["off", "on"], with(CACHE, "CACHE_CLUSTER_LOCK", "SWITCH", "off", "Let one host at a time compute a missing value")),
    with(CACHE, "CACHE_FILL_SOFT_TIMEOUT", "MS", "500", "A renewal that takes longer is answered with the value before; 0: never"),
    with(CACHE, "CACHE_FILL_HARD_TIMEOUT", "MS", "2000", "A fill that takes longer is begun by the next waiting request as well; 0: never"),
    with(BREAKERS, "CIRCUIT_BREAKER_FAILURE_THRESHOLD", "FAILURES", "5", "Failures in a row that open a circuit breaker"),
    with(BREAKERS, "CIRCUIT_BREAKER_RESET_TIMEOUT", "MS", "30000", "How long a circuit breaker stays open"),
    one_of(&LEVELS, with(LOG, "LOG_LEVEL", "LEVEL", "info", "Least level of a line in the log")),
    one_of(&["development", "production", "test"], with(LOG, "NODE_ENV", "NAME", "development", "production: the log is JSON")),
    with(REPORTS, "SLOW_REQUEST_THRESHOLD", "MS", "1000", "Slower requests are logged"),
    Setting {
        other: Some("DD_AGENT_HOST"),
        ..absent(REPORTS, "STATSD_HOST", "HOST", "off", "StatsD agent for business metrics")
    },
    with(REPORTS, "STATSD_PORT", "PORT", "8125", "Port of the StatsD agent"),
    absent(TRACES, "OTEL_EXPORTER_OTLP_ENDPOINT", "URL", "off", "Collector of spans, OTLP over HTTP"),
    with(RUNTIME, "TRM_MAX_INSTANCES", "INSTANCES", "1000", "Most instances alive over all functions"),
    absent(RUNTIME, "TRM_TRUSTED_KEY", "KEY", "every artefact is trusted", "Public key that must have signed every artefact"),
    Setting {
        secret: true,
        fallback: Fallback::AbsentOfMode { dev: "no token is needed", serve: "no console" },
        ..with(OPERATION, "TRM_CONSOLE_TOKEN", "TOKEN", "", "Token that opens /console")
    },
    with(OPERATION, "TRM_DRAIN_DELAY", "MS", "500", "After SIGTERM: how long new connections are accepted"),
    with(OPERATION, "TRM_DRAIN_TIMEOUT", "MS", "25000", "After SIGTERM: how long requests may take to end"),
    secret(absent(SIGNING, "TRM_SIGNING_SEED", "SEED", "not signed", "32 bytes in Base64 from which the signing key is made")),
];

const READ_PREFERENCES: [&str; 5] = [
    "primary",
    "primaryPreferred",
    "secondary",
    "secondaryPreferred",
    "nearest",
];
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
