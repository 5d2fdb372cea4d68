//! One shard of L1: whose entry goes where there are too many, one of a function that has more than its share or the next in order; holds no lock.

use super::Entry;
use super::order::Order;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// Whose entry it is: one function's, by its number on this host.
pub type Owner = u32;

/// An entry with what decides how long it stays.
pub(super) struct Kept {
    pub(super) entry: Entry,
    pub(super) times: Ends,
    /// The version of the barriers at which it was last admitted.
    pub(super) admitted: u64,
    cost: usize,
    /// Tells it from an earlier entry of the same key.
    id: u64,
    /// How often it was asked for.
    asked: u32,
    /// Asked for since its owner's turn to give one up passed it.
    touched: bool,
}

/// When an entry changes its state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// One caller renews it from here on.
    pub(super) due: Instant,
    /// It is stale from here on.
    pub(super) fresh: Instant,
    /// It is gone from here on.
    pub(super) expires: Instant,
}

/// What a shard may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) keys: usize,
    pub(super) bytes: usize,
    /// How much of either one function may keep where others want room, in percent.
    pub(super) share: usize,
}

/// Why an entry had to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Keys,
    Bytes,
    Share,
}

/// What one function keeps here.
#[derive(Default)]
struct Owned {
    keys: usize,
    bytes: usize,
    /// Its entries, oldest first, and some that have left: their ids tell.
    order: VecDeque<(Arc<str>, u64)>,
}

#[derive(Default)]
pub(super) struct Shard {
    entries: Order<Kept>,
    owners: HashMap<Owner, Owned>,
    bytes: usize,
    next: u64,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keys and bytes of each function.
    pub(super) fn usage(&self) -> impl Iterator<Item = (Owner, usize, usize)> {
        let owners = self.owners.iter();
        owners.map(|(owner, owned)| (*owner, owned.keys, owned.bytes))
    }

    /// Whose every entry is that anyone has asked for, its key and how often.
    pub(super) fn asked(&self) -> impl Iterator<Item = (Owner, Arc<str>, u32)> {
        let asked = self.entries.iter().filter(|(_, kept)| kept.asked > 0);
        asked.map(|(key, kept)| (kept.entry.owner, key.clone(), kept.asked))
    }

    /// An entry, used now.
    pub(super) fn get(&mut self, key: &str) -> Option<&mut Kept> {
        let kept = self.entries.get(key)?;
        kept.touched = true;
        kept.asked = kept.asked.saturating_add(1);
        Some(kept)
    }

    /// An entry, as if nobody had asked.
    pub(super) fn peek(&self, key: &str) -> Option<&Kept> {
        self.entries.peek(key)
    }

    /// What left, in bytes.
    pub(super) fn remove(&mut self, key: &str) -> Option<usize> {
        let kept = self.entries.remove(key)?;
        Some(self.forget(&kept))
    }

    /// Keeps an entry that costs so much; the bytes of the one whose place it takes. What is over the bounds
    /// is for `shrink` to find.
    pub(super) fn put(
        &mut self,
        key: Arc<str>,
        entry: Entry,
        times: Ends,
        cost: usize,
    ) -> Option<usize> {
        self.next += 1;
        let (id, owner) = (self.next, entry.owner);
        let owned = self.owners.entry(owner).or_default();
        owned.keys += 1;
        owned.bytes += cost;
        owned.order.push_back((key.clone(), id));
        self.bytes += cost;
        let kept = Kept {
            entry,
            times,
            admitted: super::NEVER,
            cost,
            id,
            asked: 0,
            touched: false,
        };
        let before = self.entries.put(key, kept);
        let before = before.map(|before| self.forget(&before));
        // Entries that left by another way leave their place in the order until half of it is such.
        if let Some(owned) = self.owners.get_mut(&owner)
            && owned.order.len() > 2 * owned.keys + 16
        {
            let stays = |key: &str, id| self.entries.peek(key).is_some_and(|kept| kept.id == id);
            owned.order.retain(|(key, id)| stays(key, *id));
        }
        before
    }

    /// Lets one entry go where there are too many; why, and its bytes.
    pub(super) fn shrink(&mut self, bounds: &Bounds) -> Option<(Cause, usize)> {
        let cause = if self.len() > bounds.keys {
            Cause::Keys
        } else if self.bytes > bounds.bytes {
            Cause::Bytes
        } else {
            return None;
        };
        if let Some(bytes) = self.greediest(bounds).and_then(|owner| self.give_up(owner)) {
            return Some((Cause::Share, bytes));
        }
        let kept = self.entries.pop()?;
        Some((cause, self.forget(&kept)))
    }

    /// The function that is furthest over its share. One that is alone has all of it.
    fn greediest(&self, bounds: &Bounds) -> Option<Owner> {
        if self.owners.len() < 2 {
            return None;
        }
        let (keys, bytes) = (
            (bounds.keys * bounds.share / 100).max(1),
            (bounds.bytes * bounds.share / 100).max(1),
        );
        let excess = |owned: &Owned| {
            let keys = owned.keys as f64 / keys as f64;
            keys.max(owned.bytes as f64 / bytes as f64)
        };
        self.owners
            .iter()
            .map(|(owner, owned)| (excess(owned), *owner))
            .filter(|(excess, _)| *excess > 1.0)
            .max_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal))
            .map(|(_, owner)| owner)
    }

    /// The oldest entry of a function goes, but each that was asked for meanwhile is passed over once.
    fn give_up(&mut self, owner: Owner) -> Option<usize> {
        loop {
            let owned = self.owners.get_mut(&owner)?;
            let (key, id) = owned.order.pop_front()?;
            let Some(kept) = self.entries.peek_mut(&key) else {
                continue;
            };
            if kept.id != id {
                continue;
            }
            if std::mem::take(&mut kept.touched) {
                owned.order.push_back((key, id));
                continue;
            }
            return self.remove(&key);
        }
    }

    fn forget(&mut self, kept: &Kept) -> usize {
        self.bytes -= kept.cost;
        let owner = kept.entry.owner;
        if let Some(owned) = self.owners.get_mut(&owner) {
            owned.keys -= 1;
            owned.bytes -= kept.cost;
            if owned.keys == 0 {
                self.owners.remove(&owner);
            }
        }
        kept.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn put(shard: &mut Shard, key: &str, owner: Owner) {
        let now = Instant::now();
        let times = Ends {
            due: now,
            fresh: now,
            expires: now,
        };
        let entry = Entry {
            value: Bytes::new(),
            tags: Arc::default(),
            stamp: 1,
            owner,
        };
        shard.put(key.into(), entry, times, 1);
    }

    #[test]
    fn entries_that_left_another_way_do_not_fill_their_owners_order() {
        let mut shard = Shard::default();
        put(&mut shard, "a", 0);
        put(&mut shard, "b", 0);
        let places = |shard: &Shard| shard.owners[&0].order.len();
        for _ in 0..20 {
            put(&mut shard, "c", 0);
        }
        // Of 22 places three are of entries that are there.
        assert_eq!(places(&shard), 22);
        put(&mut shard, "c", 0);
        assert_eq!(places(&shard), 3);
        assert_eq!((shard.len(), shard.bytes()), (3, 3));
    }

    #[test]
    fn an_owner_with_its_share_keeps_it_and_one_with_more_gives_up() {
        let mut shard = Shard::default();
        for key in ["a", "b", "c"] {
            put(&mut shard, key, 1);
        }
        put(&mut shard, "d", 2);
        let bounds = Bounds {
            keys: 3,
            bytes: 1_000,
            share: 67,
        };
        assert_eq!(shard.shrink(&bounds), Some((Cause::Share, 1)));
        // Two of three is exactly the share.
        let bounds = Bounds { keys: 2, ..bounds };
        let mut usage: Vec<_> = shard.usage().collect();
        usage.sort_unstable();
        assert_eq!((usage, shard.len()), (vec![(1, 2, 2), (2, 1, 1)], 3));
        assert_eq!(shard.shrink(&Bounds { keys: 3, ..bounds }), None);
        assert_eq!(shard.greediest(&Bounds { keys: 3, ..bounds }), None);
        assert_eq!(shard.greediest(&bounds), Some(1));
        // Whatever is left of a small bound is one key at least.
        let none = Bounds { share: 0, ..bounds };
        assert_eq!(shard.greediest(&none), Some(1));
        assert_eq!(shard.remove("d"), Some(1));
        assert_eq!(shard.greediest(&none), None, "alone it has all");
    }

    #[test]
    fn bytes_are_a_cause_of_their_own() {
        let mut shard = Shard::default();
        put(&mut shard, "a", 1);
        put(&mut shard, "b", 1);
        let bounds = Bounds {
            keys: 2,
            bytes: 2,
            share: 50,
        };
        assert_eq!(shard.shrink(&bounds), None);
        let bounds = Bounds { bytes: 1, ..bounds };
        assert_eq!(shard.shrink(&bounds), Some((Cause::Bytes, 1)));
        assert_eq!(shard.shrink(&bounds), None);
    }
}
