//! L1 against a plain model and its bounds; never touches another tier.

use super::*;
use crate::barriers::Scope;
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn entry(value: &str, stamp: Stamp) -> Entry {
    Entry {
        value: Bytes::copy_from_slice(value.as_bytes()),
        tags: Arc::default(),
        stamp,
        owner: 0,
    }
}

/// What one step does to L1 and to the model.
#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Insert {
        key: u8,
        size: usize,
        owner: Owner,
        dead: bool,
    },
    /// Raises a barrier over a key.
    Raise(u8),
    Clear,
}

/// L1 as a plain list would do it. The young stand in the order in which they came, the old in that of their last use.
struct Model {
    limits: Limits,
    entries: Vec<Line>,
    /// Keys that left while young, the last one last.
    left: Vec<u8>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Line {
    key: u8,
    value: Bytes,
    cost: usize,
    owner: Owner,
    dead: bool,
    old: bool,
    asked: bool,
    /// Its place in the order of its function's entries.
    place: u64,
    touched: bool,
}

impl Model {
    fn take(&mut self, key: u8) -> Option<Line> {
        let at = self.entries.iter().position(|line| line.key == key)?;
        Some(self.entries.remove(at))
    }

    fn get(&mut self, key: u8) -> Option<Bytes> {
        let at = self.entries.iter().position(|line| line.key == key)?;
        let line = &mut self.entries[at];
        (line.touched, line.asked) = (true, true);
        let (value, dead, old) = (line.value.clone(), line.dead, line.old);
        if dead || old {
            let line = self.entries.remove(at);
            self.entries.extend((!dead).then_some(line));
        }
        (!dead).then_some(value)
    }

    /// Where the entry is whose turn it is to go.
    fn turn(&mut self) -> usize {
        loop {
            let young = self.entries.iter().filter(|line| !line.old).count();
            if young < self.entries.len() && young <= (self.entries.len() / 10).max(1) {
                return self.entries.iter().position(|line| line.old).unwrap();
            }
            let at = self.entries.iter().position(|line| !line.old).unwrap();
            if !self.entries[at].asked {
                self.left.retain(|key| *key != self.entries[at].key);
                self.left.push(self.entries[at].key);
                // The entry itself does not count any more.
                let over = (self.left.len() + 1).saturating_sub(self.entries.len());
                self.left.drain(..over);
                return at;
            }
            let mut line = self.entries.remove(at);
            line.old = true;
            self.entries.push(line);
        }
    }

    fn place(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn insert(&mut self, key: u8, value: Bytes, owner: Owner, dead: bool) {
        let cost = OVERHEAD + name(key).len() + value.len();
        if cost > self.limits.entry {
            return;
        }
        let place = self.place();
        let (old, asked) = match self.take(key) {
            Some(before) => (before.old, before.asked),
            None => (self.left.contains(&key), false),
        };
        if old {
            self.left.retain(|left| *left != key);
        }
        self.entries.push(Line {
            key,
            value,
            cost,
            owner,
            dead,
            old,
            asked,
            place,
            touched: false,
        });
        while self.entries.len() > self.limits.keys || self.bytes(None) > self.limits.bytes {
            let at = match self.greediest() {
                Some(owner) => self.give_up(owner),
                None => self.turn(),
            };
            self.entries.remove(at);
        }
    }

    fn bytes(&self, owner: Option<Owner>) -> usize {
        let whose = |line: &&Line| owner.is_none_or(|owner| line.owner == owner);
        self.entries
            .iter()
            .filter(whose)
            .map(|line| line.cost)
            .sum()
    }

    fn excess(&self, owner: Owner) -> f64 {
        let keys = self
            .entries
            .iter()
            .filter(|line| line.owner == owner)
            .count();
        let own = |all: usize| (all * self.limits.share / 100).max(1) as f64;
        (keys as f64 / own(self.limits.keys))
            .max(self.bytes(Some(owner)) as f64 / own(self.limits.bytes))
    }

    fn greediest(&self) -> Option<Owner> {
        let owners: std::collections::BTreeSet<Owner> =
            self.entries.iter().map(|line| line.owner).collect();
        let over = owners.iter().map(|owner| (self.excess(*owner), *owner));
        let over = over.filter(|(excess, _)| *excess > 1.0 && owners.len() > 1);
        over.max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, owner)| owner)
    }

    /// Where the entry is that a function gives up.
    fn give_up(&mut self, owner: Owner) -> usize {
        loop {
            let own = (0..self.entries.len()).filter(|at| self.entries[*at].owner == owner);
            let at = own.min_by_key(|at| self.entries[*at].place).unwrap();
            if !self.entries[at].touched {
                return at;
            }
            self.entries[at].touched = false;
            self.entries[at].place = self.place();
        }
    }
}

fn name(key: u8) -> String {
    format!("k:{key}")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..24_u8;
    let insert = (key(), 0..900_usize, 0..3_u32, prop::bool::weighted(0.1));
    let insert = insert.prop_map(|(key, size, owner, dead)| Step::Insert {
        key,
        size,
        owner,
        dead,
    });
    let step = prop_oneof![
        10 => key().prop_map(Step::Get),
        10 => insert,
        2 => key().prop_map(Step::Raise),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #[test]
    fn it_agrees_with_a_plain_model(
        steps in steps(),
        keys in 4..20_usize,
        bytes in 2_000..8_000_usize,
        share in 20..100_usize,
    ) {
        let limits = Limits { keys, bytes, entry: 1_000, share };
        let (l1, barriers) = (L1::new(limits), Barriers::new(1_000));
        let mut model = Model { limits, entries: Vec::new(), left: Vec::new(), next: 0 };
        for step in steps {
            match step {
                Step::Get(key) => {
                    prop_assert_eq!(l1.get(&name(key), &barriers), model.get(key));
                }
                Step::Insert { key, size, owner, dead } => {
                    let value = Bytes::from(vec![key; size]);
                    let ttl = if dead { Duration::ZERO } else { HOUR };
                    let entry = Entry {
                        value: value.clone(),
                        tags: Arc::default(),
                        stamp: barriers.fill_stamp(),
                        owner,
                    };
                    l1.insert(&name(key), entry, ttl, l1.epoch());
                    model.insert(key, value, owner, dead);
                }
                Step::Raise(key) => {
                    barriers.raise_own(Scope::Key(name(key)));
                    // A stale entry leaves when it is next asked for.
                    prop_assert_eq!(l1.get(&name(key), &barriers), None);
                    model.take(key);
                }
                Step::Clear => {
                    l1.clear();
                    model.entries.clear();
                    model.left.clear();
                }
            }
            prop_assert_eq!(l1.keys(), model.entries.len());
            prop_assert_eq!(l1.bytes(), model.bytes(None));
            prop_assert!(l1.bytes() <= bytes && l1.keys() <= keys);
            for (owner, (_, bytes)) in l1.usage() {
                prop_assert_eq!(bytes, model.bytes(Some(owner)));
            }
        }
    }
}

#[test]
fn one_function_cannot_evict_all_others() {
    let (l1, barriers) = (limited(100, 1 << 20), Barriers::new(10));
    let keep = |key: &str, owner| {
        let entry = Entry {
            owner,
            ..entry("v", barriers.fill_stamp())
        };
        l1.insert(key, entry, HOUR, l1.epoch());
    };
    for n in 0..50 {
        keep(&format!("mine:{n}"), 1);
    }
    for n in 0..10_000 {
        keep(&format!("theirs:{n}"), 2);
    }
    assert!((0..50).all(|n| l1.get(&format!("mine:{n}"), &barriers).is_some()));
    assert_eq!(l1.usage()[&2].0, 50);
    assert_eq!(l1.evictions.share.load(Relaxed), 9_950);
    // Alone it has everything.
    l1.clear();
    for n in 0..10_000 {
        keep(&format!("theirs:{n}"), 2);
    }
    assert_eq!(l1.keys(), 100);
}

fn limited(keys: usize, bytes: usize) -> L1 {
    L1::new(Limits {
        keys,
        bytes,
        entry: 4_096,
        share: 50,
    })
}

#[test]
fn bytes_are_bounded_with_all_overhead() {
    let (l1, barriers) = (limited(1_000, 10_000), Barriers::new(10));
    for n in 0..100 {
        let value = "x".repeat(300);
        l1.insert(
            &format!("k:{n}"),
            entry(&value, barriers.fill_stamp()),
            HOUR,
            l1.epoch(),
        );
        assert!(l1.bytes() <= 10_000);
    }
    assert!(l1.keys() > 10 && l1.evictions.bytes.load(Relaxed) > 50);
    l1.insert(
        "big",
        entry(&"x".repeat(20_000), barriers.fill_stamp()),
        HOUR,
        l1.epoch(),
    );
    assert_eq!(l1.get("big", &barriers), None);
    assert_eq!(l1.too_large.load(Relaxed), 1);
}

#[test]
fn an_entry_ends_at_its_time() {
    let (l1, barriers) = (limited(10, 10_000), Barriers::new(10));
    // Where the code is interpreted, its own steps take as long as this; sleep takes nothing there.
    let time = Duration::from_millis(if cfg!(miri) { 60_000 } else { 20 });
    let entry = entry("v", barriers.fill_stamp());
    l1.insert("k", entry, time, l1.epoch());
    assert!(l1.get("k", &barriers).is_some());
    std::thread::sleep(time + time / 4);
    assert_eq!(l1.get("k", &barriers), None);
    assert_eq!((l1.keys(), l1.bytes()), (0, 0));
}

#[test]
fn what_was_read_before_a_clear_is_not_kept_after_it() {
    let (l1, barriers) = (limited(10, 10_000), Barriers::new(10));
    let epoch = l1.epoch();
    l1.clear();
    l1.insert("k", entry("v", barriers.fill_stamp()), HOUR, epoch);
    assert_eq!(l1.get("k", &barriers), None);
}
