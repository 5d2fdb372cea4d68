//! Which stamps are too old, by tag, key and prefix: invalidation without a scan; never holds values.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// A logical time: of Redis's clock where there is one, else this host's own count.
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

/// One map for each kind of scope, so that a borrowed name finds its barrier.
#[derive(Default)]
struct Known {
    tags: HashMap<String, Stamp>,
    keys: HashMap<String, Stamp>,
    prefixes: HashMap<String, Stamp>,
}

impl Known {
    fn len(&self) -> usize {
        self.tags.len() + self.keys.len() + self.prefixes.len()
    }

    fn of(&mut self, scope: Scope) -> (&mut HashMap<String, Stamp>, String) {
        match scope {
            Scope::Tag(tag) => (&mut self.tags, tag),
            Scope::Key(key) => (&mut self.keys, key),
            Scope::Prefix(prefix) => (&mut self.prefixes, prefix),
        }
    }
}

/// The barriers that one host knows, and its clock.
pub struct Barriers {
    most: usize,
    known: RwLock<Known>,
    /// The newest barrier: what is newer than it passes without a look at each.
    newest: AtomicU64,
    /// Counts the raises, so that an entry is looked at once for each state of the barriers.
    version: AtomicU64,
    /// Every stamp up to this one is too old: what was forgotten.
    floor: AtomicU64,
    /// The latest stamp that this host has seen or given. No wall clock: it never runs ahead of Redis.
    clock: AtomicU64,
}

impl Barriers {
    /// Remembers at most so many; beyond that it forgets by raising the floor, never by keeping an old entry.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            known: RwLock::default(),
            newest: AtomicU64::new(0),
            version: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            clock: AtomicU64::new(0),
        }
    }

    /// The stamp of a fill that begins now, where Redis gives none: later than every barrier known
    /// here, and not later than any that Redis raises from now on.
    pub fn fill_stamp(&self) -> Stamp {
        self.latest() + 1
    }

    /// Takes note of a stamp that Redis gave.
    pub fn observe(&self, stamp: Stamp) {
        self.clock.fetch_max(stamp, AcqRel);
    }

    /// Raises a barrier by this host's own count, over everything that it has seen or filled.
    pub fn raise_own(&self, scope: Scope) -> Stamp {
        let stamp = self.clock.fetch_add(1, AcqRel) + 1;
        self.raise(scope, stamp);
        stamp
    }

    /// Everything in the scope with this stamp or an older one is too old from here on.
    pub fn raise(&self, scope: Scope, stamp: Stamp) {
        self.clock.fetch_max(stamp, AcqRel);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.newest.fetch_max(stamp, AcqRel);
        if known.len() >= self.most {
            self.floor
                .fetch_max(self.newest.load(Acquire).saturating_sub(1), AcqRel);
            *known = Known::default();
        }
        let (barriers, name) = known.of(scope);
        let barrier = barriers.entry(name).or_insert(0);
        *barrier = stamp.max(*barrier);
        self.version.fetch_add(1, Release);
    }

    /// Changes with every barrier. What `admit` answered for an entry holds while it stays the same.
    pub fn version(&self) -> u64 {
        self.version.load(Acquire)
    }

    /// The latest stamp that this host has seen or given.
    pub fn latest(&self) -> Stamp {
        self.clock.load(Acquire)
    }

    /// Whether an entry with this stamp may still be served.
    pub fn admit(&self, key: &str, tags: &[String], stamp: Stamp) -> bool {
        // `raise` publishes the newest stamp under the lock, before the barrier itself can be passed.
        if stamp > self.newest.load(Acquire) {
            return true;
        }
        if stamp <= self.floor.load(Acquire) {
            return false;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let passes = |barrier: Option<&Stamp>| barrier.is_none_or(|barrier| stamp > *barrier);
        passes(known.keys.get(key))
            && prefixes(key).all(|prefix| passes(known.prefixes.get(prefix)))
            && tags.iter().all(|tag| passes(known.tags.get(tag)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_stops_older_stamps_in_its_scope_only() {
        let barriers = Barriers::new(100);
        let old = barriers.fill_stamp();
        barriers.raise_own(Scope::Tag("job:1".into()));
        let tagged = ["job:1".to_owned()];
        assert!(!barriers.admit("jobs:item:1", &tagged, old));
        assert!(barriers.admit("jobs:item:1", &tagged, barriers.fill_stamp()));
        assert!(barriers.admit("jobs:item:2", &[], old));
        barriers.raise_own(Scope::Prefix("jobs:".into()));
        assert!(!barriers.admit("jobs:item:2", &[], old));
        assert!(barriers.admit("jobsy:1", &[], old));
        barriers.raise_own(Scope::Prefix(String::new()));
        assert!(!barriers.admit("jobsy:1", &[], old));
    }

    #[test]
    fn forgetting_raises_the_floor() {
        let barriers = Barriers::new(2);
        let old = barriers.fill_stamp();
        for name in ["a", "b", "c"] {
            barriers.raise_own(Scope::Tag(name.into()));
        }
        assert!(!barriers.admit("x", &["a".to_owned()], old));
        assert!(barriers.admit("x", &["a".to_owned()], barriers.fill_stamp()));
    }

    #[test]
    fn every_kind_of_scope_counts_and_so_does_each_raise() {
        let barriers = Barriers::new(3);
        let old = barriers.fill_stamp();
        barriers.raise_own(Scope::Tag("a".into()));
        barriers.raise_own(Scope::Key("b".into()));
        barriers.raise_own(Scope::Prefix("c:".into()));
        assert!(barriers.admit("x", &[], old), "three are remembered");
        let version = barriers.version();
        barriers.raise_own(Scope::Tag("d".into()));
        assert!(!barriers.admit("x", &[], old), "the fourth is one too many");
        assert_eq!(barriers.version(), version + 1);
    }

    #[test]
    fn a_stamp_of_redis_moves_the_clock_forward_only() {
        let barriers = Barriers::new(10);
        barriers.observe(7);
        barriers.observe(3);
        assert_eq!((barriers.latest(), barriers.fill_stamp()), (7, 8));
        barriers.raise(Scope::Key("k".into()), 9);
        assert!(!barriers.admit("k", &[], 9) && barriers.admit("k", &[], 10));
        // An older barrier takes nothing back.
        barriers.raise(Scope::Key("k".into()), 4);
        assert!(!barriers.admit("k", &[], 9));
        assert_eq!(barriers.latest(), 9);
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
