//! `trm:platform/cache`: its bounds and errors; how entries are kept is the matter of `entries`.

use crate::Platform;
use crate::bindings::exports::trm::platform::cache::{
    EntryOptions, Error, Fill, Freshness, Guest, GuestFill, Lookup,
};
use crate::entries::{self, Began, Keep, Scope};
use std::cell::Cell;
use trm_documents::OriginError;

const MAX_KEY: usize = 512;
const MAX_TAG: usize = 256;
const MAX_TAGS: usize = 16;
const MAX_VALUE: usize = 1 << 20;
/// The longest time to live, and the longest time beyond it.
const MAX_TTL_MS: u64 = 24 * 3_600_000;
/// The time to live of an entry whose options say none.
const TTL_MS: u64 = 300_000;

/// The right to compute one entry, which every caller that misses has.
pub struct OpenFill {
    key: String,
    began: Began,
    stale: Option<Vec<u8>>,
    used: Cell<bool>,
}

impl Guest for Platform {
    type Fill = OpenFill;

    fn get(key: String) -> Result<Option<Vec<u8>>, Error> {
        check("key", &key, MAX_KEY)?;
        let (entry, _) = entries::look(&key)?;
        Ok(entry.filter(|entry| entry.fresh).map(|entry| entry.value))
    }

    fn get_or_fill(key: String) -> Result<Lookup, Error> {
        check("key", &key, MAX_KEY)?;
        let (entry, began) = entries::look(&key)?;
        Ok(match entry {
            Some(entry) if entry.fresh => Lookup::Hit(entry.value),
            stale => Lookup::Fill(Fill::new(OpenFill {
                key,
                began,
                stale: stale.map(|entry| entry.value),
                used: Cell::new(false),
            })),
        })
    }

    fn set(key: String, value: Vec<u8>, options: EntryOptions) -> Result<(), Error> {
        check("key", &key, MAX_KEY)?;
        keep(&key, value, &options, 0, None)
    }

    fn delete(key: String) -> Result<(), Error> {
        check("key", &key, MAX_KEY)?;
        Ok(entries::invalidate(Scope::Key(&key))?)
    }

    fn invalidate_tag(tag: String) -> Result<(), Error> {
        check("tag", &tag, MAX_TAG)?;
        Ok(entries::invalidate(Scope::Tag(&tag))?)
    }

    fn invalidate_pattern(pattern: String) -> Result<(), Error> {
        check("pattern", &pattern, MAX_KEY)?;
        match pattern.strip_suffix('*') {
            Some(prefix)
                if !prefix.contains('*') && (prefix.is_empty() || prefix.ends_with(':')) =>
            {
                Ok(entries::invalidate(Scope::Prefix(prefix))?)
            }
            _ => Err(Error::Invalid(format!(
                "the pattern \"{pattern}\" is not whole segments followed by *, like jobs:*"
            ))),
        }
    }
}

impl GuestFill for OpenFill {
    fn complete(&self, value: Vec<u8>, options: EntryOptions) -> Result<(), Error> {
        self.end(value, &options, 0)
    }

    /// Nobody renews an entry ahead here: there is nobody whom it would spare.
    fn complete_fresh(
        &self,
        value: Vec<u8>,
        options: EntryOptions,
        freshness: Freshness,
    ) -> Result<(), Error> {
        self.end(value, &options, freshness.stale_ms.unwrap_or(0))
    }

    fn stale(&self) -> Option<Vec<u8>> {
        self.stale.clone()
    }
}

impl OpenFill {
    fn end(&self, value: Vec<u8>, options: &EntryOptions, stale_ms: u64) -> Result<(), Error> {
        if self.used.replace(true) {
            return Err(Error::Invalid("this fill was completed before".to_owned()));
        }
        keep(&self.key, value, options, stale_ms, Some(self.began))
    }
}

fn keep(
    key: &str,
    value: Vec<u8>,
    options: &EntryOptions,
    stale_ms: u64,
    began: Option<Began>,
) -> Result<(), Error> {
    let ttl_ms = options.ttl_ms.unwrap_or(TTL_MS);
    if value.len() > MAX_VALUE {
        return Err(Error::TooLarge(format!(
            "the value has {} bytes; at most {MAX_VALUE} are cached",
            value.len()
        )));
    }
    if !(1..=MAX_TTL_MS).contains(&ttl_ms) || stale_ms > MAX_TTL_MS {
        return Err(Error::Invalid(
            "a ttl is from 1 ms to 24 hours, a stale time at most 24 hours".to_owned(),
        ));
    }
    if options.tags.len() > MAX_TAGS {
        return Err(Error::Invalid(format!(
            "an entry has at most {MAX_TAGS} tags"
        )));
    }
    for tag in &options.tags {
        check("tag", tag, MAX_TAG)?;
    }
    let how = Keep {
        tags: &options.tags,
        ttl_ms: ttl_ms as i64,
        stale_ms: stale_ms as i64,
    };
    Ok(entries::keep(key, value, &how, began)?)
}

fn check(what: &str, name: &str, most: usize) -> Result<(), Error> {
    match name.len() {
        length if (1..=most).contains(&length) && !name.contains(['\n', '\0']) => Ok(()),
        length => Err(Error::Invalid(format!(
            "a {what} is 1 to {most} bytes without line breaks; this one has {length}"
        ))),
    }
}

impl From<OriginError> for Error {
    fn from(error: OriginError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
