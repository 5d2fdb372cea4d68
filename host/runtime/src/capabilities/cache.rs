//! `trm:platform/cache` for guests: grants and limits of a call; how tiers work is storage's own.

mod written;

use super::Call;
use super::CapabilitiesView;
use super::HasCapabilities;
use super::begin;
use super::cache_bindings::trm::platform::cache;
use super::cache_bindings::trm::platform::cache::{EntryOptions, Error, Freshness, Lookup};
use bytes::Bytes;
use std::time::Duration;
use trm_cache::CacheError;
use wasmtime::component::{Accessor, Resource};

/// A guest's right to compute one entry.
pub struct FillSlot {
    key: String,
    right: Right,
}

enum Right {
    Held(trm_cache::Fill),
    Used,
    /// A script gave it, with what is kept of the entry; nothing is stored.
    Scripted(Option<Vec<u8>>),
}

/// What a lookup found.
pub(super) enum Found {
    Hit(Vec<u8>),
    Fill(FillSlot),
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;
/// What ends a fill: its key, the value and how it is kept.
type Completed = (String, Vec<u8>, EntryOptions, Option<Freshness>);

pub(super) async fn get(call: Call, (key,): (String,)) -> Result<Option<Vec<u8>>, Error> {
    granted(&call, "key", &key)?;
    let found = call.cache().get(&key, call.deadline).await?;
    Ok(found.map(|value| value.to_vec()))
}

pub(super) async fn get_or_fill(call: Call, (key,): (String,)) -> Result<Found, Error> {
    granted(&call, "key", &key)?;
    let found = call.cache().get_or_fill(&key, call.deadline).await?;
    Ok(match found {
        trm_cache::Lookup::Hit(value) => Found::Hit(value.to_vec()),
        trm_cache::Lookup::Fill(fill) => Found::Fill(FillSlot {
            key,
            right: Right::Held(fill),
        }),
    })
}

pub(super) async fn set(
    call: Call,
    (key, value, options): (String, Vec<u8>, EntryOptions),
) -> Result<(), Error> {
    granted(&call, "key", &key)?;
    all_granted(&call, &options.tags)?;
    let (value, options) = (Bytes::from(value), options.into());
    let stored = call.cache().set(&key, value, options, call.deadline);
    Ok(stored.await?)
}

pub(super) async fn delete(call: Call, (key,): (String,)) -> Result<(), Error> {
    granted(&call, "key", &key)?;
    Ok(call.cache().delete(&key, call.deadline).await?)
}

pub(super) async fn invalidate_tag(call: Call, (tag,): (String,)) -> Result<(), Error> {
    granted(&call, "tag", &tag)?;
    Ok(call.cache().invalidate_tag(&tag, call.deadline).await?)
}

pub(super) async fn invalidate_pattern(call: Call, (pattern,): (String,)) -> Result<(), Error> {
    if !call.grants().cache_pattern(&pattern) {
        return Err(denied("pattern", &pattern));
    }
    let done = call.cache().invalidate_pattern(&pattern, call.deadline);
    Ok(done.await?)
}

impl FillSlot {
    /// What is kept of the entry beyond its time.
    fn stale(&self) -> Option<Vec<u8>> {
        match &self.right {
            Right::Held(fill) => fill.stale().map(|value| value.to_vec()),
            Right::Used => None,
            Right::Scripted(stale) => stale.clone(),
        }
    }

    fn take(&mut self) -> Self {
        Self {
            key: self.key.clone(),
            right: std::mem::replace(&mut self.right, Right::Used),
        }
    }

    /// Ends the fill.
    pub(super) async fn complete(
        self,
        call: Call,
        value: Vec<u8>,
        options: EntryOptions,
        freshness: Option<Freshness>,
    ) -> Answer<()> {
        let asked = (self.key, value, options, freshness);
        let end = |call, asked| complete(call, self.right, asked);
        call.verb("cache.complete", asked, end).await
    }
}

async fn complete(
    call: Call,
    right: Right,
    (_, value, options, freshness): Completed,
) -> Result<(), Error> {
    all_granted(&call, &options.tags)?;
    let fill = match right {
        Right::Held(fill) => fill,
        Right::Scripted(_) => return Ok(()),
        Right::Used => {
            return Err(Error::Invalid("this fill was completed before".to_owned()));
        }
    };
    let mut options = trm_cache::EntryOptions::from(options);
    if let Some(freshness) = freshness {
        options.stale = freshness.stale_ms.map(Duration::from_millis);
        options.ahead = freshness.ahead;
    }
    let stored = fill.complete(Bytes::from(value), options, call.deadline);
    Ok(stored.await?)
}

impl CapabilitiesView<'_> {
    pub(super) fn lookup(&mut self, found: Found) -> wasmtime::Result<Lookup> {
        Ok(match found {
            Found::Hit(value) => Lookup::Hit(value),
            Found::Fill(slot) => {
                if let Right::Held(fill) = &slot.right {
                    self.left.soften(fill.soft());
                }
                Lookup::Fill(self.table.push(slot)?)
            }
        })
    }

    /// The fill of a slot, which is used by that.
    pub(super) fn take(&mut self, slot: &Resource<FillSlot>) -> wasmtime::Result<FillSlot> {
        self.left.soften(None);
        Ok(self.table.get_mut(slot)?.take())
    }

    pub(super) fn stale(&self, slot: &Resource<FillSlot>) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.table.get(slot)?.stale())
    }

    /// Dropping an unused fill passes the right on to the next waiter.
    pub(super) fn forget(&mut self, slot: Resource<FillSlot>) -> wasmtime::Result<()> {
        self.left.soften(None);
        Ok(self.table.delete(slot).map(drop)?)
    }
}

impl cache::Host for CapabilitiesView<'_> {}
impl cache::HostFill for CapabilitiesView<'_> {}

impl<T: Send + 'static> cache::HostWithStore<T> for HasCapabilities {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Answer<Option<Vec<u8>>> {
        begin(accessor).verb("cache.get", (key,), get).await
    }

    async fn get_or_fill(accessor: &Accessor<T, Self>, key: String) -> Answer<Lookup> {
        let call = begin(accessor);
        match call.verb("cache.get-or-fill", (key,), get_or_fill).await? {
            Ok(found) => accessor.with(|mut access| access.get().lookup(found).map(Ok)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        key: String,
        value: Vec<u8>,
        options: EntryOptions,
    ) -> Answer<()> {
        let call = begin(accessor);
        call.verb("cache.set", (key, value, options), set).await
    }

    async fn delete(accessor: &Accessor<T, Self>, key: String) -> Answer<()> {
        begin(accessor).verb("cache.delete", (key,), delete).await
    }

    async fn invalidate_tag(accessor: &Accessor<T, Self>, tag: String) -> Answer<()> {
        let call = begin(accessor);
        call.verb("cache.invalidate-tag", (tag,), invalidate_tag)
            .await
    }

    async fn invalidate_pattern(accessor: &Accessor<T, Self>, pattern: String) -> Answer<()> {
        let call = begin(accessor);
        call.verb("cache.invalidate-pattern", (pattern,), invalidate_pattern)
            .await
    }
}

impl<T: Send + 'static> cache::HostFillWithStore<T> for HasCapabilities {
    async fn complete(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
        value: Vec<u8>,
        options: EntryOptions,
    ) -> Answer<()> {
        let fill = accessor.with(|mut access| access.get().take(&slot))?;
        fill.complete(begin(accessor), value, options, None).await
    }

    async fn complete_fresh(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
        value: Vec<u8>,
        options: EntryOptions,
        freshness: Freshness,
    ) -> Answer<()> {
        let fill = accessor.with(|mut access| access.get().take(&slot))?;
        let call = begin(accessor);
        fill.complete(call, value, options, Some(freshness)).await
    }

    async fn stale(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        accessor.with(|mut access| access.get().stale(&slot))
    }

    async fn drop(accessor: &Accessor<T, Self>, slot: Resource<FillSlot>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().forget(slot))
    }
}

fn granted(call: &Call, what: &str, name: &str) -> Result<(), Error> {
    match call.grants().cache(name) {
        true => Ok(()),
        false => Err(denied(what, name)),
    }
}

fn all_granted(call: &Call, tags: &[String]) -> Result<(), Error> {
    tags.iter().try_for_each(|tag| granted(call, "tag", tag))
}

fn denied(what: &str, name: &str) -> Error {
    Error::Denied(format!("no cache grant matches the {what} \"{name}\""))
}

impl From<EntryOptions> for trm_cache::EntryOptions {
    fn from(options: EntryOptions) -> Self {
        Self {
            ttl: options.ttl_ms.map(Duration::from_millis),
            tags: options.tags,
            ..Self::default()
        }
    }
}

impl From<CacheError> for Error {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::Invalid(why) => Self::Invalid(why),
            CacheError::TooLarge(why) => Self::TooLarge(why),
            CacheError::DeadlineExceeded => Self::DeadlineExceeded,
            CacheError::Saturated => Self::Saturated,
        }
    }
}
