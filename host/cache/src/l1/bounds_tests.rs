//! What the model of L1 does not look at: how good an entry is, what it costs to the byte, why one went, who asked for what, and
//! where the shards begin; waits for no clock.

use super::*;
use crate::barriers::Scope;

const HOUR: Duration = Duration::from_secs(3_600);

fn limits(keys: usize, bytes: usize) -> Limits {
    Limits {
        keys,
        bytes,
        entry: bytes,
        share: 50,
    }
}

fn entry(value: &str, stamp: Stamp, owner: Owner) -> Entry {
    Entry {
        value: Bytes::copy_from_slice(value.as_bytes()),
        tags: Arc::default(),
        stamp,
        owner,
    }
}

fn keep(l1: &L1, key: &str, stamp: Stamp, owner: Owner) {
    l1.insert(key, entry("v", stamp, owner), HOUR, l1.epoch());
}

#[test]
fn an_entry_is_fresh_then_due_then_stale_then_gone() {
    let (l1, barriers) = (L1::new(limits(10, 10_000)), Barriers::new(10));
    let looked = |ttl, ahead, stale| {
        let times = Times { ttl, ahead, stale };
        l1.insert("k", entry("v", 1, 0), times, l1.epoch());
        let served = l1.get("k", &barriers).is_some();
        (l1.look("k", &barriers).map(|(_, state)| state), served)
    };
    let none = Duration::ZERO;
    assert_eq!(looked(HOUR, none, none), (Some(State::Fresh), true));
    assert_eq!(looked(HOUR, HOUR / 2, none), (Some(State::Fresh), true));
    // Its time began before now and is an hour at most, so an hour before its end is over.
    assert_eq!(looked(HOUR, HOUR, none), (Some(State::Due), true));
    assert_eq!(looked(none, none, HOUR), (Some(State::Stale), false));
    assert_eq!(l1.keys(), 1);
    assert_eq!(looked(none, none, none), (None, false));
    assert_eq!((l1.keys(), l1.evictions.expired.load(Relaxed)), (0, 1));
}

#[test]
fn an_entry_costs_its_bytes_its_tags_and_what_is_beside_them() {
    let tags: Arc<[String]> = Arc::new(["ab".to_owned(), "c".to_owned()]);
    let with_tags = || Entry {
        tags: tags.clone(),
        ..entry("value", 1, 3)
    };
    let cost = OVERHEAD + "key".len() + "value".len() + 3 + 2 * size_of::<String>();
    let l1 = L1::new(limits(10, 2 * cost));
    l1.insert("key", with_tags(), HOUR, l1.epoch());
    assert_eq!((l1.keys(), l1.bytes()), (1, cost));
    assert_eq!(l1.usage(), HashMap::from([(3, (1, cost))]));
    assert_eq!(l1.too_large.load(Relaxed), 0);
    // One byte more is more than half of all.
    l1.insert("key2", with_tags(), HOUR, l1.epoch());
    assert_eq!((l1.keys(), l1.too_large.load(Relaxed)), (1, 1));
    let one = |most: usize| {
        let l1 = L1::new(Limits {
            entry: most,
            ..limits(10, 10_000)
        });
        l1.insert("key", with_tags(), HOUR, l1.epoch());
        l1.keys()
    };
    assert_eq!((one(cost), one(cost - 1)), (1, 0));
    let none = L1::new(limits(0, 10_000));
    keep(&none, "k", 1, 0);
    assert_eq!((none.keys(), none.too_large.load(Relaxed)), (0, 1));
}

#[test]
fn each_cause_is_counted_as_itself() {
    let (l1, barriers) = (L1::new(limits(2, 100_000)), Barriers::new(10));
    for key in ["a", "b", "c"] {
        keep(&l1, key, barriers.fill_stamp(), 0);
    }
    let counted = || {
        let Evictions {
            keys,
            bytes,
            share,
            expired,
            invalidated,
        } = &l1.evictions;
        [keys, bytes, share, expired, invalidated].map(|count| count.load(Relaxed))
    };
    assert_eq!((l1.keys(), counted()), (2, [1, 0, 0, 0, 0]));
    barriers.raise_own(Scope::Prefix(String::new()));
    assert_eq!(l1.get("c", &barriers), None);
    assert_eq!((l1.keys(), counted()), (1, [1, 0, 0, 0, 1]));
}

#[test]
fn a_key_is_removed_only_with_the_stamp_that_is_meant() {
    let l1 = L1::new(limits(10, 10_000));
    keep(&l1, "k", 7, 0);
    assert_eq!((l1.stamp("k"), l1.stamp("other")), (Some(7), None));
    l1.remove_stamped("k", 8);
    l1.remove_stamped("other", 7);
    assert_eq!((l1.keys(), l1.evictions.invalidated.load(Relaxed)), (1, 0));
    l1.remove_stamped("k", 7);
    assert_eq!((l1.keys(), l1.bytes(), l1.stamp("k")), (0, 0, None));
    assert_eq!(l1.evictions.invalidated.load(Relaxed), 1);
}

#[test]
fn a_look_at_a_stamp_is_no_use_of_an_entry() {
    let (l1, barriers) = (L1::new(limits(2, 100_000)), Barriers::new(10));
    keep(&l1, "a", 1, 0);
    assert_eq!(l1.stamp("a"), Some(1));
    keep(&l1, "b", 1, 0);
    keep(&l1, "c", 1, 0);
    assert_eq!(l1.get("a", &barriers), None, "the oldest that nobody used");
}

#[test]
fn the_hottest_are_told_over_all_shards_and_no_cold_one() {
    let (l1, barriers) = (L1::new(limits(5_000, 10 << 20)), Barriers::new(10));
    for n in 0..100_u32 {
        keep(&l1, &format!("k:{n}"), 1, n);
        for _ in 0..n / 10 {
            assert!(l1.get(&format!("k:{n}"), &barriers).is_some());
        }
    }
    let hottest = l1.hottest(15);
    let asked: Vec<u32> = hottest.iter().map(|(_, _, asked)| *asked).collect();
    assert_eq!(asked, [vec![9; 10], vec![8; 5]].concat());
    for (owner, key, asked) in l1.hottest(1_000) {
        assert_eq!((format!("k:{owner}"), owner / 10), (key.to_string(), asked));
    }
    assert_eq!(l1.hottest(1_000).len(), 90, "ten were never asked for");
    assert_eq!(l1.usage().len(), 100);
}

#[test]
fn many_keys_are_spread_over_shards_and_few_are_not() {
    let few = L1::new(limits(SHARD_AT - 1, 160_000));
    assert_eq!((few.shards.len(), few.bounds.bytes), (1, 160_000));
    let many = L1::new(limits(SHARD_AT + 1, 16 << 20));
    assert_eq!(L1::new(limits(SHARD_AT, 1)).shards.len(), 16);
    assert_eq!((many.bounds.keys, many.bounds.bytes), (257, 1 << 20));
    assert_eq!(many.max_entry, 1 << 19);
    for n in 0..1_000 {
        keep(&many, &format!("k:{n}"), 1, n % 3);
    }
    assert_eq!(many.keys(), 1_000);
    let lengths = many.shards.iter().map(|shard| shard.lock().unwrap().len());
    assert!(lengths.min() > Some(20), "no shard is left out");
    assert_eq!(many.usage()[&1].0, 333);
    many.clear();
    assert_eq!((many.keys(), many.bytes(), many.usage().len()), (0, 0, 0));
}

#[test]
fn times_differ_by_a_tenth_at_most() {
    let hasher = RandomState::new();
    let times: Vec<_> = (0..1_000)
        .map(|stamp| jitter(HOUR, &hasher, "k", stamp))
        .collect();
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(
        *least >= HOUR * 9 / 10 && *least < HOUR * 92 / 100,
        "{least:?}"
    );
    assert!(*most <= HOUR && *most > HOUR * 98 / 100, "{most:?}");
    assert_eq!(jitter(Duration::ZERO, &hasher, "k", 1), Duration::ZERO);
}
