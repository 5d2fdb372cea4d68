//! The form of an entry in Redis: value, stamp, tags, times, and whether it is compressed; asks nobody.

use super::Found;
use super::redis::unexpected;
use bytes::Bytes;
use redis::{FromRedisValue, RedisError, Value};
use std::time::Duration;

/// The largest value that is unpacked; what claims to be larger is damaged.
const MAX_VALUE: usize = 16 << 20;

/// The value compressed, where it is longer than `above` and that saves an eighth at least.
pub fn pack(value: &[u8], above: usize) -> Option<Vec<u8>> {
    if value.len() <= above {
        return None;
    }
    let packed = lz4_flex::block::compress(value);
    (packed.len() < value.len() / 8 * 7).then_some(packed)
}

fn unpack(packed: &[u8], length: usize) -> Result<Bytes, RedisError> {
    if length > MAX_VALUE {
        return Err(unexpected("a compressed value claims to be too large"));
    }
    let mut value = vec![0; length];
    match lz4_flex::block::decompress_into(packed, &mut value) {
        Ok(written) if written == length => Ok(value.into()),
        _ => Err(unexpected("a compressed value is damaged")),
    }
}

/// What the lookup's script answered. Redis is not trusted: an answer of any other form is an error.
pub fn read(answer: Vec<Value>) -> Result<Found, RedisError> {
    let text = |value: &Value| String::from_redis_value_ref(value).map_err(RedisError::from);
    let number = |value: &Value| {
        text(value)?
            .parse::<u64>()
            .map_err(|_| unexpected("a stamp or a length is not a number"))
    };
    match answer.as_slice() {
        [now] => Ok(Found::Nothing(number(now)?)),
        [_, _] => Ok(Found::Locked),
        [_, value, filled, tags, ttl, stale, length, ahead] => {
            let value = Vec::<u8>::from_redis_value_ref(value).map_err(RedisError::from)?;
            let ttl = i64::from_redis_value_ref(ttl).map_err(RedisError::from)?;
            Ok(Found::Entry {
                value: match number(length)? {
                    0 => value.into(),
                    length => unpack(&value, length as usize)?,
                },
                stamp: number(filled)?,
                tags: text(tags)?.lines().map(str::to_owned).collect(),
                ttl: Duration::from_millis(ttl.max(0) as u64),
                stale: Duration::from_millis(number(stale)?),
                ahead: Duration::from_millis(number(ahead)?),
            })
        }
        _ => Err(unexpected("a lookup answers one, two or eight values")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn values_are_compressed_where_it_pays_and_come_back_whole() {
        let value = "0123456789".repeat(1_000).into_bytes();
        assert_eq!(pack(&value, value.len()), None);
        let packed = pack(&value, 1_000).unwrap();
        assert!(packed.len() < value.len() / 8);
        assert_eq!(unpack(&packed, value.len()).unwrap(), value);
        let noise: Vec<u8> = (0..300_u32)
            .flat_map(|n| Sha256::digest(n.to_be_bytes()))
            .collect();
        assert_eq!(pack(&noise, 1_000), None);
    }

    #[test]
    fn what_is_damaged_or_too_large_is_an_error() {
        let packed = pack(&[7; 10_000], 100).unwrap();
        for (packed, length) in [
            (&packed[..], 9_999),
            (&packed[..], 10_001),
            (&packed[1..], 10_000),
            (&packed[..], MAX_VALUE + 1),
        ] {
            assert!(unpack(packed, length).is_err(), "{length}");
        }
    }
}
