//! The form in which an answer is kept: one run of bytes, read without copying; decides nothing.

use super::rules::{AGELESS, Lifetime};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PASS: u8 = 0;
const VARY: u8 = 1;
/// 2 was an answer without the time in which it can be confirmed.
const ANSWER: u8 = 3;
/// How far the clocks of two hosts may be apart, in milliseconds.
const APART: u64 = 2_000;

/// What is kept under a key.
#[derive(Debug)]
pub enum Record {
    /// Answers to this request are not stored: nobody need wait for another's.
    Pass,
    /// There is one answer for each variant; the fields that tell them apart.
    Vary(Vec<HeaderName>),
    /// An answer.
    Answer(Answer),
}

/// A stored answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those of one connection.
    pub headers: HeaderMap,
    /// Its `ETag` is the host's: its function does not know it.
    pub own_tag: bool,
    /// Its body.
    pub body: Bytes,
    /// How long it may be served.
    pub lifetime: Lifetime,
    /// When it was made at the origin, in milliseconds since 1970.
    pub made: u64,
}

/// Milliseconds since 1970: hosts share what they store, so no clock of one process will do.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

impl Answer {
    /// How old it is. One from the future is older than anything: the clock was set back since it was made, and nobody
    /// knows by how much less it is fresh.
    pub fn age(&self) -> Duration {
        age(self.made, now())
    }
}

fn age(made: u64, now: u64) -> Duration {
    match made.saturating_sub(now) > APART {
        true => AGELESS,
        false => Duration::from_millis(now.saturating_sub(made)),
    }
}

impl Record {
    /// As bytes.
    pub fn write(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Pass => out.put_u8(PASS),
            Self::Vary(names) => {
                out.put_u8(VARY);
                out.put_u16(names.len() as u16);
                for name in names {
                    put(&mut out, name.as_str().as_bytes());
                }
            }
            Self::Answer(answer) => {
                out.reserve(answer.body.len() + 512);
                out.put_u8(ANSWER);
                out.put_u16(answer.status.as_u16());
                out.put_u8(answer.own_tag.into());
                out.put_u64(answer.made);
                let Lifetime {
                    fresh,
                    while_revalidate,
                    if_error,
                    revalidate,
                } = answer.lifetime;
                for part in [fresh, while_revalidate, if_error, revalidate] {
                    out.put_u64(part.as_secs());
                }
                out.put_u16(answer.headers.len() as u16);
                for (name, value) in &answer.headers {
                    put(&mut out, name.as_str().as_bytes());
                    put(&mut out, value.as_bytes());
                }
                out.put_slice(&answer.body);
            }
        }
        out.freeze()
    }

    /// From bytes; none where they are not of this form, so that another version's are a miss.
    pub fn read(bytes: Bytes) -> Option<Self> {
        let mut left = Reader { all: &bytes, at: 0 };
        match left.number(1)? as u8 {
            PASS => Some(Self::Pass),
            VARY => {
                let count = left.number(2)?;
                let names = (0..count).map(|_| HeaderName::from_bytes(left.text()?).ok());
                Some(Self::Vary(names.collect::<Option<_>>()?))
            }
            ANSWER => {
                let status = StatusCode::from_u16(left.number(2)? as u16).ok()?;
                let own_tag = left.number(1)? != 0;
                let made = left.number(8)?;
                // Longer than any lifetime is damage, and sums of such times must not overflow.
                let mut seconds = || Some(Duration::from_secs(left.number(8)?).min(AGELESS));
                let lifetime = Lifetime {
                    fresh: seconds()?,
                    while_revalidate: seconds()?,
                    if_error: seconds()?,
                    revalidate: seconds()?,
                };
                let count = left.number(2)?;
                // A map has room for some thousands; a count that claims more is none.
                let mut headers = HeaderMap::try_with_capacity(count as usize + 2).ok()?;
                for _ in 0..count {
                    let name = HeaderName::from_bytes(left.text()?).ok()?;
                    let value = bytes.slice_ref(left.text()?);
                    let value = HeaderValue::from_maybe_shared(value).ok()?;
                    headers.try_append(name, value).ok()?;
                }
                Some(Self::Answer(Answer {
                    status,
                    headers,
                    own_tag,
                    body: bytes.slice(left.at..),
                    lifetime,
                    made,
                }))
            }
            _ => None,
        }
    }
}

/// A header's name or value; hyper takes none that is longer than 64 KiB.
fn put(out: &mut BytesMut, text: &[u8]) {
    let length = text.len().min(usize::from(u16::MAX));
    out.put_u16(length as u16);
    out.put_slice(&text[..length]);
}

/// Goes through bytes that it does not hold: a part that is kept counts as one more holder of all, each time.
struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.all.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self, size: usize) -> Option<u64> {
        let bytes = self.take(size)?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number(2)?;
        self.take(length as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            own_tag: false,
            body: Bytes::new(),
            lifetime: Lifetime::default(),
            made: 0,
        }
    }

    #[test]
    fn what_was_made_in_the_future_is_not_fresh_and_clocks_may_be_a_little_apart() {
        assert_eq!(age(5_000, 8_000), Duration::from_secs(3));
        assert_eq!(age(8_000, 7_000), Duration::ZERO);
        assert_eq!(age(3_600_000, 1_000), AGELESS);
        assert_eq!(
            (age(9_000, 7_000), age(9_001, 7_000)),
            (Duration::ZERO, AGELESS)
        );
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        assert!(now().abs_diff(clock.as_millis() as u64) < 1_000);
        let made = now() - 60_000;
        let answer = Answer { made, ..plain() };
        assert_eq!(answer.age().as_secs(), 60);
    }

    #[test]
    fn records_survive_their_writing_and_half_ones_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("etag", HeaderValue::from_static("\"x\""));
        headers.append("x-two", HeaderValue::from_static("1"));
        headers.append("x-two", HeaderValue::from_bytes(b"\xff").unwrap());
        let answer = Answer {
            status: StatusCode::NOT_FOUND,
            headers,
            own_tag: true,
            body: Bytes::from_static(b"body"),
            lifetime: Lifetime {
                fresh: Duration::from_secs(1),
                while_revalidate: Duration::from_secs(2),
                if_error: Duration::from_secs(3),
                revalidate: Duration::from_secs(4),
            },
            made: 1_795_000_000_123,
        };
        let written = Record::Answer(answer.clone()).write();
        let Some(Record::Answer(read)) = Record::read(written.clone()) else {
            panic!("it is no answer")
        };
        assert_eq!(
            (read.status, read.made, read.lifetime),
            (answer.status, answer.made, answer.lifetime)
        );
        assert_eq!((read.headers, read.body), (answer.headers, answer.body));
        assert_eq!(read.own_tag, answer.own_tag);
        for length in 0..written.len() - 4 {
            assert!(Record::read(written.slice(..length)).is_none(), "{length}");
        }
        // Damage that claims more than there can be is none as well, or as little as can be.
        let mut damaged = written.to_vec();
        damaged[44..46].fill(0xff);
        assert!(Record::read(damaged.into()).is_none());
        let mut damaged = written.to_vec();
        damaged[12..44].fill(0xff);
        let Some(Record::Answer(read)) = Record::read(damaged.into()) else {
            panic!("it is no answer")
        };
        assert_eq!(read.lifetime.kept(), AGELESS * 2);
        let longest = HeaderValue::from_bytes(&[b'x'; u16::MAX as usize]).unwrap();
        let headers = HeaderMap::from_iter([("x".parse().unwrap(), longest)]);
        let written = Record::Answer(Answer { headers, ..plain() }).write();
        let read = Record::read(written);
        assert!(matches!(read, Some(Record::Answer(read)) if read.headers["x"].len() == 65_535));
        let names = vec!["accept".parse().unwrap()];
        assert!(
            matches!(Record::read(Record::Vary(names.clone()).write()), Some(Record::Vary(read)) if read == names)
        );
        assert!(matches!(
            Record::read(Record::Pass.write()),
            Some(Record::Pass)
        ));
    }
}
