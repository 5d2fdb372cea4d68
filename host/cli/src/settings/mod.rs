//! The settings of a command: a flag goes before its environment variable, and the variable before the default.
//!
//! `Config` alone knows what a value may be. Flags are an overlay over the environment that it reads.

mod flags;
pub(crate) mod groups;
mod manifest;
mod table;

pub(crate) use flags::Flags;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use trm_server::config::{Config, ConfigError, Mode};
use trm_telemetry::log;

/// Where SQLite and the sample data are kept, beside a manifest that was found in a parent folder.
const DATA: &str = ".trm";

/// The values of flags, by the variables that they stand for.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    flags: BTreeMap<&'static str, String>,
}

/// A value of a flag that is not allowed, or arguments that do not fit together. The exit status is 2.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\nFor more information, try '--help'.", self.0)
    }
}

impl std::error::Error for UsageError {}

impl Settings {
    /// The checked configuration, with the log started as it says.
    pub(crate) fn configure(&self, mode: Mode) -> anyhow::Result<Config> {
        let config = self.config(mode)?;
        log::init(&config.log());
        Ok(config)
    }

    /// The checked configuration.
    pub(crate) fn config(&self, mode: Mode) -> anyhow::Result<Config> {
        self.config_from(mode, |variable| self.get(variable))
    }

    /// The same for a command that replaces some variables.
    pub(crate) fn config_from(
        &self,
        mode: Mode,
        get: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Config> {
        Config::from_env(mode, get).map_err(|error| self.explain(&error))
    }

    /// The value of a variable: of its flag, else of the environment, else what follows from the manifest's place.
    pub(crate) fn get(&self, variable: &str) -> Option<String> {
        let environment = |name: &str| std::env::var(name).ok();
        let search = || manifest::in_parents(&std::env::current_dir().ok()?);
        self.resolve(variable, environment, search)
    }

    fn resolve(
        &self,
        variable: &str,
        environment: impl Fn(&str) -> Option<String>,
        search: impl Fn() -> Option<PathBuf>,
    ) -> Option<String> {
        if let Some(value) = self.flags.get(variable) {
            return Some(value.clone());
        }
        // Two spellings of one setting: a flag goes before the environment in either.
        if variable == "REDIS_URL" && self.flags.contains_key("REDIS_HOST") {
            return None;
        }
        // Compose files write an absent value as an empty one.
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        if let Some(value) = set(variable) {
            return Some(value);
        }
        let is_named = self.flags.contains_key("TRM_MANIFEST") || set("TRM_MANIFEST").is_some();
        let path = match variable {
            _ if is_named => None,
            "TRM_MANIFEST" => search(),
            "TRM_DATA_DIR" => search().map(|manifest| manifest.with_file_name(DATA)),
            _ => None,
        };
        path.as_deref()
            .map(Path::display)
            .map(|path| path.to_string())
    }

    /// A fault in a flag names the flag, and is a fault of usage.
    fn explain(&self, error: &ConfigError) -> anyhow::Error {
        let text = error.to_string();
        let (variable, rest) = text.split_once('=').unwrap_or((&text, ""));
        match table::SETTINGS.iter().find(|one| one.variable == variable) {
            Some(setting) if self.flags.contains_key(variable) => {
                UsageError(format!("--{}={rest}", setting.flag())).into()
            }
            _ => anyhow::Error::msg(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &[(&'static str, &str)]) -> Settings {
        let flags = flags
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Settings {
            flags: flags.collect(),
        }
    }

    fn resolved(
        settings: &Settings,
        variable: &str,
        environment: &[(&str, &str)],
    ) -> Option<String> {
        let environment = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let search = || Some(PathBuf::from("/above/spin.toml"));
        settings.resolve(variable, environment, search)
    }

    #[test]
    fn a_flag_precedes_the_environment_and_an_empty_variable_is_absent() {
        let (none, flag) = (settings(&[]), settings(&[("PORT", "1")]));
        assert_eq!(
            resolved(&flag, "PORT", &[("PORT", "2")]).as_deref(),
            Some("1")
        );
        assert_eq!(
            resolved(&none, "PORT", &[("PORT", "2")]).as_deref(),
            Some("2")
        );
        assert_eq!(resolved(&none, "PORT", &[("PORT", "")]), None);
        let off = settings(&[("MONGODB_URI", "")]);
        let uri = [("MONGODB_URI", "mongodb://a")];
        assert_eq!(resolved(&off, "MONGODB_URI", &uri).as_deref(), Some(""));
        let host = settings(&[("REDIS_HOST", "a")]);
        assert_eq!(
            resolved(&host, "REDIS_URL", &[("REDIS_URL", "redis://b")]),
            None
        );
    }

    #[test]
    fn a_manifest_of_a_parent_folder_counts_only_where_none_is_named() {
        let found = |settings: &Settings, environment: &[(&str, &str)]| {
            ["TRM_MANIFEST", "TRM_DATA_DIR"]
                .map(|variable| resolved(settings, variable, environment).unwrap_or_default())
        };
        let none = settings(&[]);
        assert_eq!(found(&none, &[]), ["/above/spin.toml", "/above/.trm"]);
        assert_eq!(found(&none, &[("TRM_MANIFEST", "a.toml")]), ["a.toml", ""]);
        let flag = settings(&[("TRM_MANIFEST", "b.toml")]);
        assert_eq!(found(&flag, &[]), ["b.toml", ""]);
        let data = settings(&[("TRM_DATA_DIR", "d")]);
        assert_eq!(found(&data, &[]), ["/above/spin.toml", "d"]);
    }

    #[test]
    fn a_fault_in_a_flag_is_wrong_usage_and_one_in_the_environment_is_not() {
        let fault = |settings: &Settings| {
            let get = |name: &str| (name == "PORT").then(|| "abc".to_owned());
            settings.config_from(Mode::Serve, get).unwrap_err()
        };
        let flag = fault(&settings(&[("PORT", "abc")]));
        assert!(flag.is::<UsageError>());
        let said = flag.to_string();
        assert!(
            said.starts_with("--port=abc is not allowed: a port number"),
            "{said}"
        );
        let variable = fault(&settings(&[]));
        assert!(!variable.is::<UsageError>());
        assert!(variable.to_string().starts_with("PORT=abc is not allowed"));
    }
}
