//! Reads variables and checks their values; an error names the variable and what is allowed.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use trm_policy::variables;
use trm_runtime::artefact::Trusted;

const REDIS_SCHEMES: [&str; 4] = ["redis://", "rediss://", "redis+", "rediss+"];

/// A variable that holds a value which is not allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name}={value} is not allowed: {allowed}")]
pub struct ConfigError {
    name: &'static str,
    value: String,
    allowed: String,
}

/// A source of variables: the process environment, flags before it, or a test.
pub(crate) struct Env<F> {
    pub(crate) get: F,
}

impl<F: Fn(&str) -> Option<String>> Env<F> {
    pub(crate) fn raw(&self, name: &str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn parse<T: FromStr>(
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

    pub(crate) fn range(
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

    pub(crate) fn millis(&self, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
        Ok(Duration::from_millis(
            self.range(name, default, 0, 3_600_000)?,
        ))
    }

    pub(crate) fn one_of(
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

    pub(crate) fn path(&self, name: &str, default: &str) -> PathBuf {
        PathBuf::from(self.raw(name).unwrap_or_else(|| default.to_owned()))
    }

    /// An address that may hold a password: the value is never repeated in an error.
    pub(crate) fn secret_url(
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
    pub(crate) fn otlp(&self) -> Result<Option<http::Uri>, ConfigError> {
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

    pub(crate) fn trusted_key(&self) -> Result<Option<Trusted>, ConfigError> {
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
    pub(crate) fn statsd(&self) -> Result<Option<(String, u16)>, ConfigError> {
        let host = self
            .raw("STATSD_HOST")
            .or_else(|| self.raw("DD_AGENT_HOST"));
        let port = self.parse("STATSD_PORT", 8125, "a port number, 1 to 65535")?;
        Ok(host.map(|host| (host, port)))
    }

    /// Secrets by name, and the passwords in addresses.
    pub(crate) fn secrets(&self) -> Vec<String> {
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
    pub(crate) fn redis_url(&self) -> Result<Option<String>, ConfigError> {
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
