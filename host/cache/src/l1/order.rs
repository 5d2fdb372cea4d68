//! In which order the entries of a shard go: what was asked for once only goes first; knows no bound and no owner.
//!
//! After S3-FIFO (Yang and others, SOSP 2023). An entry begins among the young, a tenth of all. When it leaves them it
//! joins the old if somebody has asked for it; else it is gone but for the hash of its key, and if it comes back while
//! that is remembered, it joins the old at once. The old go in the order of their last use. So what is read once, by
//! a crawler for example, cannot push out what is read again and again.

use lru::LruCache;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// One of so many entries is young.
const YOUNG: usize = 10;

pub(super) struct Order<V> {
    young: LruCache<Arc<str>, Young<V>>,
    old: LruCache<Arc<str>, V>,
    /// Hashes of keys that left while young; never more than there are entries.
    left: LruCache<u64, ()>,
    hasher: RandomState,
}

struct Young<V> {
    value: V,
    asked: bool,
}

impl<V> Default for Order<V> {
    fn default() -> Self {
        Self {
            young: LruCache::unbounded(),
            old: LruCache::unbounded(),
            left: LruCache::unbounded(),
            hasher: RandomState::new(),
        }
    }
}

impl<V> Order<V> {
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let young = self.young.iter().map(|(key, young)| (key, &young.value));
        self.old.iter().chain(young)
    }

    /// An entry, used now.
    pub(super) fn get(&mut self, key: &str) -> Option<&mut V> {
        if let Some(value) = self.old.get_mut(key) {
            return Some(value);
        }
        let young = self.young.peek_mut(key)?;
        young.asked = true;
        Some(&mut young.value)
    }

    /// An entry, as if nobody had asked.
    pub(super) fn peek(&self, key: &str) -> Option<&V> {
        let young = || self.young.peek(key).map(|young| &young.value);
        self.old.peek(key).or_else(young)
    }

    pub(super) fn peek_mut(&mut self, key: &str) -> Option<&mut V> {
        if let Some(value) = self.old.peek_mut(key) {
            return Some(value);
        }
        self.young.peek_mut(key).map(|young| &mut young.value)
    }

    /// Adds an entry. One of the same key gives up its place to it, and is returned.
    pub(super) fn put(&mut self, key: Arc<str>, value: V) -> Option<V> {
        if let Some(kept) = self.old.get_mut(&key) {
            return Some(std::mem::replace(kept, value));
        }
        if let Some(young) = self.young.get_mut(&key) {
            return Some(std::mem::replace(&mut young.value, value));
        }
        if self.left.pop(&self.hasher.hash_one(&*key)).is_some() {
            self.old.put(key, value);
        } else {
            let asked = false;
            self.young.put(key, Young { value, asked });
        }
        None
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let young = &mut self.young;
        let young = || young.pop(key).map(|young| young.value);
        self.old.pop(key).or_else(young)
    }

    /// Removes the entry whose turn it is.
    pub(super) fn pop(&mut self) -> Option<V> {
        while self.old.is_empty() || self.young.len() > (self.len() / YOUNG).max(1) {
            let (key, Young { value, asked }) = self.young.pop_lru()?;
            if asked {
                self.old.put(key, value);
                continue;
            }
            self.left.put(self.hasher.hash_one(&*key), ());
            while self.left.len() > self.len() {
                self.left.pop_lru();
            }
            return Some(value);
        }
        self.old.pop_lru().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn an_entry_is_found_changed_and_removed_among_young_and_old_alike() {
        let mut order = Order::default();
        for (at, key) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(order.put(key.into(), at), None);
        }
        assert!(order.get("a").is_some() && order.get("none").is_none());
        // The first goes on to the old, since it was asked for; the second goes, and its turn is remembered.
        assert_eq!(order.pop(), Some(1));
        let all = |order: &Order<usize>| {
            let all = order.iter().map(|(key, value)| (key.to_string(), *value));
            all.collect::<std::collections::BTreeMap<_, _>>()
        };
        let kept = [("a".to_owned(), 0), ("c".to_owned(), 2)];
        assert_eq!((all(&order), order.len()), (kept.into(), 2));
        assert_eq!(
            (order.peek("a"), order.peek("c"), order.peek("b")),
            (Some(&0), Some(&2), None)
        );
        *order.peek_mut("a").unwrap() = 10;
        *order.peek_mut("c").unwrap() = 12;
        assert!(order.peek_mut("b").is_none());
        assert_eq!(
            (order.put("a".into(), 20), order.put("c".into(), 22)),
            (Some(10), Some(12))
        );
        // What comes back while it is remembered is old at once: it stays when the young must go.
        assert_eq!(order.put("b".into(), 1), None);
        assert_eq!((order.remove("a"), order.remove("a")), (Some(20), None));
        assert_eq!(order.put("d".into(), 3), None);
        assert_eq!(order.pop(), Some(22));
        assert_eq!(
            (order.remove("d"), order.remove("b"), order.len()),
            (Some(3), Some(1), 0)
        );
        assert_eq!(order.pop(), None);
    }
}
