//! The lookup's answer as Redis may give it, damaged or not: an entry, a miss or an error, within the bounds of a value; and what
//! is compressed comes back whole.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use redis::Value;
use trm_cache::l2::Found;
use trm_cache::l2::entry::{pack, read};
use trm_fuzz::choices::Choices;

/// The largest value that is unpacked.
const MOST: usize = 16 << 20;

fn value(choices: &mut Choices<'_>, depth: u8) -> Value {
    match choices.below(9) {
        0 => Value::Nil,
        1 => Value::Int(choices.number()),
        2 => Value::BulkString(choices.number().to_string().into_bytes()),
        3 => Value::BulkString((0..choices.below(40)).map(|_| choices.below(255)).collect()),
        4 => Value::SimpleString(choices.text()),
        5 => Value::Okay,
        6 => Value::Double(f64::from_bits(choices.number() as u64)),
        7 if depth < 3 => Value::Array(
            (0..choices.below(4))
                .map(|_| value(choices, depth + 1))
                .collect(),
        ),
        _ => Value::BulkString(choices.text().into_bytes()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    // Compressible where choices repeat.
    let unit = choices.text();
    let plain = unit
        .repeat(usize::from(choices.below(255)) * 8)
        .into_bytes();
    let packed = pack(&plain, usize::from(choices.below(64)));
    let compressed = packed.is_some();
    assert!(
        !compressed
            || packed
                .as_ref()
                .is_some_and(|packed| packed.len() < plain.len())
    );
    let stamp = choices.number().unsigned_abs();
    let text = |number: u64| Value::BulkString(number.to_string().into_bytes());
    let mut answer = vec![
        text(stamp),
        Value::BulkString(packed.unwrap_or_else(|| plain.clone())),
        text(stamp),
        Value::BulkString(b"one\ntwo".to_vec()),
        Value::Int(5_000),
        text(2_000),
        text(if compressed { plain.len() as u64 } else { 0 }),
        text(100),
    ];
    match read(answer.clone()) {
        Ok(Found::Entry {
            value,
            tags,
            stamp: filled,
            ttl,
            stale,
            ahead,
        }) => {
            assert_eq!(value, plain);
            assert_eq!(
                (tags, filled),
                (vec!["one".to_owned(), "two".to_owned()], stamp)
            );
            assert_eq!(
                [ttl, stale, ahead].map(|time| time.as_millis()),
                [5_000, 2_000, 100]
            );
        }
        _ => panic!("what was kept is not found"),
    }
    // The same with damage: some values are others, and there may be more or fewer.
    for _ in 0..=choices.below(3) {
        let at = usize::from(choices.below(answer.len() as u8));
        answer[at] = value(&mut choices, 0);
    }
    match choices.below(4) {
        0 => answer.truncate(usize::from(choices.below(9))),
        1 => answer.push(value(&mut choices, 0)),
        _ => {}
    }
    let count = answer.len();
    let longest = answer.iter().map(|value| match value {
        Value::BulkString(bytes) => bytes.len(),
        _ => 256,
    });
    let longest = longest.max().unwrap_or(0);
    match read(answer) {
        Ok(Found::Entry { value, .. }) => {
            assert!(count == 8 && value.len() <= MOST.max(longest));
        }
        Ok(Found::Nothing(_)) => assert_eq!(count, 1),
        Ok(Found::Locked) => assert_eq!(count, 2),
        Err(_) => {}
    }
});
