//! L1 against a plain model and its bounds; never touches another tier.

use super::*;
use crate::storage::barriers::Scope;
use std::collections::HashMap;

const HOUR: Duration = Duration::from_secs(3_600);

fn entry(value: &str, stamp: Stamp) -> Entry {
    Entry {
        value: Bytes::copy_from_slice(value.as_bytes()),
        tags: Arc::default(),
        stamp,
    }
}

/// A small generator of its own, so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn it_agrees_with_a_plain_model_of_least_recent_use() {
    for seed in 0..50 {
        let mut random = Random(seed);
        let (l1, barriers) = (L1::new(8, 1 << 20), Barriers::new(1_000));
        // The model: keys from the least to the most recently used, and their values.
        let mut order: Vec<String> = Vec::new();
        let mut values: HashMap<String, (String, Stamp)> = HashMap::new();
        for step in 0..2_000 {
            let key = format!("k:{}", random.below(16));
            match random.below(10) {
                0..5 => {
                    let expected = values.get(&key).map(|(value, _)| value.clone());
                    let found = l1.get(&key, &barriers);
                    let found = found.map(|value| String::from_utf8(value.to_vec()).unwrap());
                    assert_eq!(found, expected, "seed {seed}, step {step}, {key}");
                    if found.is_some() {
                        order.retain(|other| *other != key);
                        order.push(key);
                    }
                }
                5..9 => {
                    let value = format!("v{step}");
                    let stamp = barriers.fill_stamp();
                    l1.insert(&key, entry(&value, stamp), HOUR, l1.epoch());
                    order.retain(|other| *other != key);
                    order.push(key.clone());
                    values.insert(key, (value, stamp));
                    if order.len() > 8 {
                        values.remove(&order.remove(0));
                    }
                }
                _ => {
                    barriers.raise_own(Scope::Key(key.clone()));
                    // A stale entry leaves when it is next asked for.
                    assert_eq!(l1.get(&key, &barriers), None);
                    order.retain(|other| *other != key);
                    values.remove(&key);
                }
            }
            assert_eq!(l1.keys(), values.len(), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn bytes_are_bounded_with_all_overhead() {
    let (l1, barriers) = (L1::new(1_000, 10_000), Barriers::new(10));
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
}

#[test]
fn an_entry_ends_at_its_time() {
    let (l1, barriers) = (L1::new(10, 10_000), Barriers::new(10));
    l1.insert(
        "k",
        entry("v", barriers.fill_stamp()),
        Duration::from_millis(20),
        l1.epoch(),
    );
    assert!(l1.get("k", &barriers).is_some());
    std::thread::sleep(Duration::from_millis(25));
    assert_eq!(l1.get("k", &barriers), None);
    assert_eq!((l1.keys(), l1.bytes()), (0, 0));
}

#[test]
fn what_was_read_before_a_clear_is_not_kept_after_it() {
    let (l1, barriers) = (L1::new(10, 10_000), Barriers::new(10));
    let epoch = l1.epoch();
    l1.clear();
    l1.insert("k", entry("v", barriers.fill_stamp()), HOUR, epoch);
    assert_eq!(l1.get("k", &barriers), None);
}
