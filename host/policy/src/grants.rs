//! What one function may use, and the questions that are asked of it; never performs the use.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// How far a function may go in one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// find, find-one, count, distinct and aggregate.
    Read,
    /// Reading, and insert, update, find-one-and-update and delete.
    Write,
}

/// The grants of one function; the default grants nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants {
    cache: Vec<String>,
    documents: BTreeMap<String, Access>,
    metrics: bool,
    counters: Vec<String>,
    key_value: Vec<String>,
    outbound: Vec<String>,
}

/// The grants of one function as its block spells them.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// `cache`: whole keys, or prefixes that end in `:*`.
    pub cache: Vec<String>,
    /// `documents`: collections, and how far each.
    pub documents: BTreeMap<String, Access>,
    /// `metrics`.
    pub metrics: bool,
    /// `counters`: spelled as `cache` is.
    pub counters: Vec<String>,
    /// `key_value_stores`: labels.
    pub key_value_stores: Vec<String>,
    /// `allowed_outbound_hosts`.
    pub outbound: Vec<String>,
}

/// A line for each kind of grant that is given, as the manifest spells it.
impl fmt::Display for Grants {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("cache", &self.cache),
            ("counters", &self.counters),
            ("key_value_stores", &self.key_value),
            ("allowed_outbound_hosts", &self.outbound),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                writeln!(out, "{name} = {list:?}")?;
            }
        }
        for (collection, access) in &self.documents {
            writeln!(out, "documents.{collection} = {access:?}")?;
        }
        if self.metrics {
            writeln!(out, "metrics = true")?;
        }
        Ok(())
    }
}

impl Grants {
    /// Checks the form of each grant.
    pub fn new(written: Written) -> Result<Self, String> {
        let (caches, counters) = (written.cache.iter(), written.counters.iter());
        let patterns = caches
            .map(|pattern| ("cache", pattern))
            .chain(counters.map(|pattern| ("counters", pattern)));
        for (kind, pattern) in patterns {
            let literal = pattern.strip_suffix('*').unwrap_or(pattern);
            let whole_segments = literal.len() == pattern.len() || literal.ends_with(':');
            if literal.starts_with("trm:") {
                return Err(format!("{kind} = [\"{pattern}\"]: trm: is the host's own"));
            }
            let everything = pattern == "*";
            if !everything && (literal.is_empty() || literal.contains('*') || !whole_segments) {
                return Err(format!(
                    "{kind} = [\"{pattern}\"]: a grant is a whole key, a prefix that ends in \":*\", like \"jobs:*\", or \"*\" for every key"
                ));
            }
        }
        for collection in written.documents.keys() {
            if !is_collection(collection) {
                return Err(format!(
                    "documents = {{ \"{collection}\" = … }}: a collection is named by letters, digits, _ and -, and not trm_…"
                ));
            }
        }
        for label in &written.key_value_stores {
            if label.len() > 48 || !is_collection(label) {
                return Err(format!(
                    "key_value_stores = [\"{label}\"]: a store is named by up to 48 letters, digits, _ and -"
                ));
            }
        }
        Ok(Self {
            cache: written.cache,
            documents: written.documents,
            metrics: written.metrics,
            counters: written.counters,
            key_value: written.key_value_stores,
            outbound: written.outbound,
        })
    }

    /// The same grants with the outbound hosts as the variables fill them in.
    pub fn with_outbound<'a>(self, hosts: impl Iterator<Item = &'a str>) -> Self {
        let outbound = hosts.map(str::to_owned).collect();
        Self { outbound, ..self }
    }

    /// Whether a key or tag is within the `cache` grants.
    pub fn cache(&self, key: &str) -> bool {
        covers(&self.cache, key) && !key.starts_with("trm:")
    }

    /// Whether a counter's key is within the `counters` grants.
    pub fn counter(&self, key: &str) -> bool {
        covers(&self.counters, key)
    }

    /// Whether the store of a label may be opened.
    pub fn key_value(&self, label: &str) -> bool {
        self.key_value.iter().any(|granted| granted == label)
    }

    /// Whether there is any `counters` grant.
    pub fn any_counter(&self) -> bool {
        !self.counters.is_empty()
    }

    /// Whether any store of keys and values may be opened.
    pub fn any_key_value(&self) -> bool {
        !self.key_value.is_empty()
    }

    /// Whether an address is within `allowed_outbound_hosts`.
    pub fn reaches(&self, uri: &http::Uri) -> bool {
        crate::reach::is_granted(&self.outbound, uri)
    }

    /// Whether every key of a pattern is within the `cache` grants.
    pub fn cache_pattern(&self, pattern: &str) -> bool {
        pattern.strip_suffix('*').is_some_and(|prefix| {
            self.cache.iter().any(|grant| {
                grant
                    .strip_suffix('*')
                    .is_some_and(|granted| prefix.starts_with(granted))
            })
        })
    }

    /// Whether a collection may be used this far.
    pub fn documents(&self, collection: &str, access: Access) -> bool {
        self.documents
            .get(collection)
            .is_some_and(|granted| *granted >= access)
    }

    /// Whether business metrics may be recorded.
    pub fn metrics(&self) -> bool {
        self.metrics
    }

    /// Whether there is any `cache` grant.
    pub fn any_cache(&self) -> bool {
        !self.cache.is_empty()
    }

    /// Whether there is any `documents` grant.
    pub fn any_documents(&self) -> bool {
        !self.documents.is_empty()
    }

    /// The outbound hosts, as the manifest's `allowed_outbound_hosts` spells them.
    pub fn outbound(&self) -> &[String] {
        &self.outbound
    }
}

fn covers(grants: &[String], key: &str) -> bool {
    grants
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == pattern,
        })
}

/// MongoDB forbids `$`, NUL and `system.`; a grant is stricter, so that a name needs no escaping anywhere.
fn is_collection(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with("trm_")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(cache: &[&str]) -> Grants {
        let cache = cache.iter().map(|pattern| (*pattern).to_owned()).collect();
        Grants::new(Written {
            cache,
            documents: BTreeMap::from([("jobs".into(), Access::Read)]),
            ..Written::default()
        })
        .unwrap()
    }

    #[test]
    fn what_is_the_hosts_own_is_not_granted() {
        let own = Written {
            cache: vec!["trm:kv:*".into()],
            ..Written::default()
        };
        assert!(Grants::new(own).unwrap_err().contains("trm:"));
        let own = Written {
            documents: BTreeMap::from([("trm_kv_default".into(), Access::Read)]),
            ..Written::default()
        };
        assert!(Grants::new(own).is_err());
    }

    #[test]
    fn a_prefix_grant_ends_at_its_segment() {
        let grants = grants(&["jobs:*", "leaderboard"]);
        assert!(grants.cache("jobs:1") && grants.cache("leaderboard"));
        assert!(
            !grants.cache("jobsy:1") && !grants.cache("jobs") && !grants.cache("leaderboard:1")
        );
    }

    #[test]
    fn a_pattern_must_lie_inside_a_grant() {
        let grants = grants(&["api:jobs:*", "leaderboard"]);
        assert!(grants.cache_pattern("api:jobs:*") && grants.cache_pattern("api:jobs:x:*"));
        assert!(!grants.cache_pattern("api:*") && !grants.cache_pattern("*"));
        assert!(!grants.cache_pattern("leaderboard"));
    }

    #[test]
    fn everything_is_granted_by_a_star_alone() {
        let grants = grants(&["*"]);
        assert!(grants.cache("jobs:1") && grants.cache_pattern("*"));
        assert!(!grants.cache("trm:kv:x"), "what is the host's own");
        for pattern in ["", "**", "jobs*"] {
            let written = Written {
                cache: vec![pattern.into()],
                ..Written::default()
            };
            assert!(Grants::new(written).is_err(), "{pattern}");
        }
    }

    #[test]
    fn each_kind_of_grant_is_asked_for_by_itself() {
        let address = |text: &str| text.parse::<http::Uri>().unwrap();
        let none = Grants::default();
        assert!(!none.any_cache() && !none.any_documents() && !none.metrics());
        assert!(!none.any_counter() && !none.counter("jobs:1"));
        assert!(!none.any_key_value() && !none.key_value("default"));
        assert!(!none.reaches(&address("https://a.example/")) && none.outbound().is_empty());
        assert_eq!(none.to_string(), "");
        let one = |text: &str| vec![text.to_owned()];
        let all = Written {
            cache: one("jobs:*"),
            documents: BTreeMap::from([("jobs".into(), Access::Write)]),
            metrics: true,
            counters: one("hits:*"),
            key_value_stores: one("default"),
            outbound: one("https://a.example"),
        };
        let all = Grants::new(all).unwrap();
        assert!(all.any_cache() && all.any_documents() && all.metrics());
        assert!(all.any_counter() && all.counter("hits:1") && !all.counter("jobs:1"));
        assert!(all.any_key_value() && all.key_value("default") && !all.key_value("other"));
        assert!(all.reaches(&address("https://a.example/")));
        assert!(!all.reaches(&address("https://b.example/")));
        assert_eq!(all.outbound(), ["https://a.example"]);
        assert_eq!(all.to_string().lines().count(), 6);
        let elsewhere = all.with_outbound(["http://c.example"].into_iter());
        assert_eq!(elsewhere.outbound(), ["http://c.example"]);
    }

    #[test]
    fn collections_and_stores_are_named_by_plain_words() {
        let named = |name: &str| {
            Grants::new(Written {
                documents: BTreeMap::from([(name.to_owned(), Access::Read)]),
                ..Written::default()
            })
        };
        for good in ["jobs", "job_events", "job-events", "J0", &"a".repeat(64)] {
            assert!(named(good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "$a", "a b", "trm_kv", &"a".repeat(65)] {
            assert!(named(bad).is_err(), "{bad}");
        }
        let store = |label: String| {
            Grants::new(Written {
                key_value_stores: vec![label],
                ..Written::default()
            })
        };
        assert!(store("a".repeat(48)).is_ok() && store("a".repeat(49)).is_err());
        assert!(store("a.b".into()).is_err());
    }

    #[test]
    fn reading_does_not_grant_writing() {
        let grants = grants(&[]);
        assert!(grants.documents("jobs", Access::Read) && !grants.documents("jobs", Access::Write));
        assert!(!grants.documents("users", Access::Read));
    }
}
