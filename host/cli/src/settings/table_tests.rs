//! The table of settings against `Config`: every variable has a flag, and every default that is shown holds.

use super::{Fallback, SETTINGS};
use std::cell::RefCell;
use std::collections::BTreeSet;
use trm_server::config::{Config, Mode};

/// Variables of the application, and one that is only hidden from the log: they have no flags.
const WITHOUT_FLAG: [&str; 5] = [
    "API_KEY_SECRET",
    "API_KEY_SECRET_PREVIOUS",
    "DD_API_KEY",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
];
/// Some settings are read only beside others.
const SURROUNDINGS: [&[(&str, &str)]; 3] = [
    &[],
    &[("MONGODB_URI", "mongodb://a"), ("REDIS_URL", "redis://a")],
    &[("REDIS_HOST", "a"), ("STATSD_HOST", "a")],
];
const MODES: [Mode; 2] = [Mode::Dev, Mode::Serve];

fn value(pairs: &[(&str, &str)], name: &str) -> Option<String> {
    let found = pairs.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| (*value).to_owned())
}

fn config(mode: Mode, pairs: &[(&str, &str)]) -> String {
    format!(
        "{:?}",
        Config::from_env(mode, |name| value(pairs, name)).unwrap()
    )
}

fn read_by_config() -> BTreeSet<String> {
    let read = RefCell::new(BTreeSet::new());
    for (mode, pairs) in MODES
        .into_iter()
        .flat_map(|mode| SURROUNDINGS.map(|pairs| (mode, pairs)))
    {
        let get = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            value(pairs, name)
        };
        Config::from_env(mode, get).unwrap();
    }
    read.into_inner()
}

#[test]
fn every_variable_that_config_reads_has_a_flag() {
    let known: BTreeSet<&str> = SETTINGS
        .iter()
        .flat_map(|setting| [setting.variable].into_iter().chain(setting.other))
        .collect();
    let read = read_by_config();
    let is_known = |name: &str| {
        known.contains(name) || WITHOUT_FLAG.contains(&name) || name.starts_with("SPIN_VARIABLE_")
    };
    let unknown: Vec<_> = read.iter().filter(|name| !is_known(name)).collect();
    assert!(
        unknown.is_empty(),
        "no flag in settings/table.rs: {unknown:?}"
    );
    let unread: Vec<_> = known.iter().filter(|name| !read.contains(**name)).collect();
    assert!(unread.is_empty(), "Config does not read {unread:?}");
}

#[test]
fn every_default_that_the_help_shows_is_the_default_of_config() {
    for (mode, pairs) in MODES
        .into_iter()
        .flat_map(|mode| SURROUNDINGS.map(|pairs| (mode, pairs)))
    {
        let without = config(mode, pairs);
        for setting in &SETTINGS {
            let shown = match (setting.fallback, mode) {
                (Fallback::Value(value), _) => value,
                (Fallback::OfMode { dev, .. }, Mode::Dev) => dev,
                (Fallback::OfMode { serve, .. }, Mode::Serve) => serve,
                (Fallback::Absent(_) | Fallback::AbsentOfMode { .. }, _) => continue,
            };
            let with = [pairs, &[(setting.variable, shown)]].concat();
            assert_eq!(config(mode, &with), without, "{}={shown}", setting.variable);
        }
    }
}

#[test]
fn the_help_lists_the_values_that_config_allows() {
    for setting in &SETTINGS {
        let with = [SURROUNDINGS[1], &[(setting.variable, "another")]].concat();
        let refused = Config::from_env(Mode::Serve, |name| value(&with, name)).err();
        let refused = refused.map(|fault| fault.to_string()).unwrap_or_default();
        let listed = refused
            .split_once("one of ")
            .map_or("", |(_, values)| values);
        assert_eq!(setting.allowed.join(", "), listed, "{}", setting.variable);
    }
}

#[test]
fn no_two_settings_share_a_flag_and_secrets_are_marked() {
    let flags: BTreeSet<String> = SETTINGS.iter().map(super::Setting::flag).collect();
    assert_eq!(flags.len(), SETTINGS.len());
    // What the log hides is a secret here as well.
    for setting in &SETTINGS {
        let pairs = [(setting.variable, "mongodb://user:hush@host")];
        let hidden = Config::from_env(Mode::Serve, |name| value(&pairs, name))
            .is_ok_and(|config| !config.secrets.is_empty());
        assert!(setting.secret || !hidden, "{}", setting.variable);
    }
}
