//! Which stamps are too old, by tag, key and prefix: invalidation without a scan; never holds values.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::{SystemTime, UNIX_EPOCH};

/// A logical time in microseconds; of Redis's clock where there is one.
pub type Stamp = u64;

/// What one barrier is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every entry that carries the tag.
    Tag(String),
    /// One key.
    Key(String),
    /// Every key that begins so; empty for all, else it ends in `:`.
    Prefix(String),
}

impl Scope {
    /// The scope of a pattern: `*`, or whole segments and then `*`.
    pub fn of_pattern(pattern: &str) -> Result<Self, String> {
        match pattern.strip_suffix('*') {
            Some(prefix)
                if !prefix.contains('*') && (prefix.is_empty() || prefix.ends_with(':')) =>
            {
                Ok(Self::Prefix(prefix.to_owned()))
            }
            _ => Err(format!(
                "the pattern \"{pattern}\" is not whole segments followed by *, like jobs:*"
            )),
        }
    }

    /// As it stands in Redis's keys and messages: `t:jobs`, `k:jobs:1`, `p:jobs:`.
    pub fn spell(&self) -> String {
        match self {
            Self::Tag(tag) => format!("t:{tag}"),
            Self::Key(key) => format!("k:{key}"),
            Self::Prefix(prefix) => format!("p:{prefix}"),
        }
    }

    /// The inverse of `spell`.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let name = name.to_owned();
        match kind {
            "t" => Some(Self::Tag(name)),
            "k" => Some(Self::Key(name)),
            "p" => Some(Self::Prefix(name)),
            _ => None,
        }
    }
}

/// The prefixes of a key at which a pattern may end: of `a:b:c`, the empty one, `a:` and `a:b:`.
pub fn prefixes(key: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain(key.match_indices(':').map(|(at, _)| &key[..=at]))
}

/// The barriers that one host knows, and its clock.
pub struct Barriers {
    most: usize,
    known: RwLock<HashMap<Scope, Stamp>>,
    /// Every stamp up to this one is too old: what was forgotten.
    floor: AtomicU64,
    clock: AtomicU64,
}

impl Barriers {
    /// Remembers at most so many; beyond that it forgets by raising the floor, never by keeping an old entry.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            known: RwLock::default(),
            floor: AtomicU64::new(0),
            clock: AtomicU64::new(0),
        }
    }

    /// A stamp later than every one that this host has seen.
    pub fn now(&self) -> Stamp {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_micros() as u64);
        let mut last = self.clock.load(Acquire);
        loop {
            let next = wall.max(last + 1);
            match self
                .clock
                .compare_exchange_weak(last, next, AcqRel, Acquire)
            {
                Ok(_) => return next,
                Err(other) => last = other,
            }
        }
    }

    /// Everything in the scope with this stamp or an older one is too old from here on.
    pub fn raise(&self, scope: Scope, stamp: Stamp) {
        self.clock.fetch_max(stamp, AcqRel);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains_key(&scope) {
            let highest = known.values().copied().max().unwrap_or(0);
            self.floor.fetch_max(highest, AcqRel);
            known.clear();
        }
        let barrier = known.entry(scope).or_insert(0);
        *barrier = stamp.max(*barrier);
    }

    /// Whether an entry with this stamp may still be served.
    pub fn admit(&self, key: &str, tags: &[String], stamp: Stamp) -> bool {
        if stamp <= self.floor.load(Acquire) {
            return false;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return true;
        }
        let passes = |scope: &Scope| known.get(scope).is_none_or(|barrier| stamp > *barrier);
        passes(&Scope::Key(key.to_owned()))
            && prefixes(key).all(|prefix| passes(&Scope::Prefix(prefix.to_owned())))
            && tags.iter().all(|tag| passes(&Scope::Tag(tag.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_stops_older_stamps_in_its_scope_only() {
        let barriers = Barriers::new(100);
        let old = barriers.now();
        barriers.raise(Scope::Tag("job:1".into()), barriers.now());
        let tagged = ["job:1".to_owned()];
        assert!(!barriers.admit("jobs:item:1", &tagged, old));
        assert!(barriers.admit("jobs:item:1", &tagged, barriers.now()));
        assert!(barriers.admit("jobs:item:2", &[], old));
        barriers.raise(Scope::Prefix("jobs:".into()), barriers.now());
        assert!(!barriers.admit("jobs:item:2", &[], old));
        assert!(barriers.admit("jobsy:1", &[], old));
        barriers.raise(Scope::Prefix(String::new()), barriers.now());
        assert!(!barriers.admit("jobsy:1", &[], old));
    }

    #[test]
    fn forgetting_raises_the_floor() {
        let barriers = Barriers::new(2);
        let old = barriers.now();
        for name in ["a", "b", "c"] {
            barriers.raise(Scope::Tag(name.into()), barriers.now());
        }
        assert!(!barriers.admit("x", &["a".to_owned()], old));
        assert!(barriers.admit("x", &["a".to_owned()], barriers.now()));
    }

    #[test]
    fn only_whole_segments_make_a_pattern() {
        assert_eq!(
            Scope::of_pattern("jobs:*"),
            Ok(Scope::Prefix("jobs:".into()))
        );
        assert_eq!(Scope::of_pattern("*"), Ok(Scope::Prefix(String::new())));
        assert!(Scope::of_pattern("jobs*").is_err() && Scope::of_pattern("*:x").is_err());
    }

    #[test]
    fn scopes_survive_their_spelling() {
        for scope in [
            Scope::Tag("a:b".into()),
            Scope::Key("k".into()),
            Scope::Prefix("".into()),
        ] {
            assert_eq!(Scope::read(&scope.spell()), Some(scope));
        }
    }
}
