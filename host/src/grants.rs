//! What one function may use, and the questions that are asked of it; never performs the use.

use serde::Deserialize;
use std::collections::BTreeMap;

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
    outbound: Vec<String>,
}

impl Grants {
    /// Checks the form of each grant.
    pub fn new(
        cache: Vec<String>,
        documents: BTreeMap<String, Access>,
        metrics: bool,
        outbound: Vec<String>,
    ) -> Result<Self, String> {
        for pattern in &cache {
            let literal = pattern.strip_suffix('*').unwrap_or(pattern);
            let whole_segments = literal.len() == pattern.len() || literal.ends_with(':');
            if literal.is_empty() || literal.contains('*') || !whole_segments {
                return Err(format!(
                    "cache = [\"{pattern}\"]: a grant is a whole key, or a prefix that ends in \":*\", like \"jobs:*\""
                ));
            }
        }
        for collection in documents.keys() {
            if !is_collection(collection) {
                return Err(format!(
                    "documents = {{ \"{collection}\" = … }}: a collection is named by letters, digits, _ and -"
                ));
            }
        }
        Ok(Self {
            cache,
            documents,
            metrics,
            outbound,
        })
    }

    /// Whether a key or tag is within the `cache` grants.
    pub fn cache(&self, key: &str) -> bool {
        self.cache
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => key.starts_with(prefix),
                None => key == pattern,
            })
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

/// MongoDB forbids `$`, NUL and `system.`; a grant is stricter, so that a name needs no escaping anywhere.
fn is_collection(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(cache: &[&str]) -> Grants {
        let cache = cache.iter().map(|pattern| (*pattern).to_owned()).collect();
        Grants::new(
            cache,
            BTreeMap::from([("jobs".into(), Access::Read)]),
            false,
            vec![],
        )
        .unwrap()
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
    fn reading_does_not_grant_writing() {
        let grants = grants(&[]);
        assert!(grants.documents("jobs", Access::Read) && !grants.documents("jobs", Access::Write));
        assert!(!grants.documents("users", Access::Read));
    }
}
