//! `trm:platform/cache` for guests: grants and limits of a call; how tiers work is storage's own.

use super::Call;
use super::CapabilitiesView;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::cache;
use super::bindings::trm::platform::cache::{EntryOptions, Error, Freshness, Lookup};
use crate::storage;
use crate::storage::CacheError;
use bytes::Bytes;
use std::time::Duration;
use wasmtime::component::{Accessor, Resource};

/// A guest's right to compute one entry; empty once it is used.
pub struct FillSlot(Option<storage::Fill>);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

pub(super) async fn get(call: Call, key: String) -> Result<Option<Vec<u8>>, Error> {
    granted(&call, "key", &key)?;
    let found = call.cache().get(&key, call.deadline).await?;
    Ok(found.map(|value| value.to_vec()))
}

pub(super) async fn get_or_fill(call: Call, key: String) -> Result<storage::Lookup, Error> {
    granted(&call, "key", &key)?;
    Ok(call.cache().get_or_fill(&key, call.deadline).await?)
}

pub(super) async fn set(
    call: Call,
    key: String,
    value: Vec<u8>,
    options: EntryOptions,
) -> Result<(), Error> {
    granted(&call, "key", &key)?;
    all_granted(&call, &options.tags)?;
    let (value, options) = (Bytes::from(value), options.into());
    let stored = call.cache().set(&key, value, options, call.deadline);
    Ok(stored.await?)
}

pub(super) async fn delete(call: Call, key: String) -> Result<(), Error> {
    granted(&call, "key", &key)?;
    Ok(call.cache().delete(&key, call.deadline).await?)
}

pub(super) async fn invalidate_tag(call: Call, tag: String) -> Result<(), Error> {
    granted(&call, "tag", &tag)?;
    Ok(call.cache().invalidate_tag(&tag, call.deadline).await?)
}

pub(super) async fn invalidate_pattern(call: Call, pattern: String) -> Result<(), Error> {
    if !call.grants().cache_pattern(&pattern) {
        return Err(denied("pattern", &pattern));
    }
    let done = call.cache().invalidate_pattern(&pattern, call.deadline);
    Ok(done.await?)
}

/// `fill` is what the slot held: none where it was completed before.
pub(super) async fn complete(
    call: Call,
    fill: Option<storage::Fill>,
    value: Vec<u8>,
    options: EntryOptions,
    freshness: Option<Freshness>,
) -> Result<(), Error> {
    all_granted(&call, &options.tags)?;
    let fill = fill.ok_or_else(|| Error::Invalid("this fill was completed before".to_owned()))?;
    let mut options = storage::EntryOptions::from(options);
    if let Some(freshness) = freshness {
        options.stale = freshness.stale_ms.map(Duration::from_millis);
        options.ahead = freshness.ahead;
    }
    let stored = fill.complete(Bytes::from(value), options, call.deadline);
    Ok(stored.await?)
}

impl CapabilitiesView<'_> {
    pub(super) fn lookup(&mut self, found: storage::Lookup) -> wasmtime::Result<Lookup> {
        Ok(match found {
            storage::Lookup::Hit(value) => Lookup::Hit(value.to_vec()),
            storage::Lookup::Fill(fill) => Lookup::Fill(self.table.push(FillSlot(Some(fill)))?),
        })
    }

    pub(super) fn take(
        &mut self,
        slot: &Resource<FillSlot>,
    ) -> wasmtime::Result<Option<storage::Fill>> {
        Ok(self.table.get_mut(slot)?.0.take())
    }

    pub(super) fn stale(&self, slot: &Resource<FillSlot>) -> wasmtime::Result<Option<Vec<u8>>> {
        let fill = self.table.get(slot)?.0.as_ref();
        Ok(fill
            .and_then(storage::Fill::stale)
            .map(|value| value.to_vec()))
    }

    /// Dropping an unused fill passes the right on to the next waiter.
    pub(super) fn forget(&mut self, slot: Resource<FillSlot>) -> wasmtime::Result<()> {
        Ok(self.table.delete(slot).map(drop)?)
    }
}

impl cache::Host for CapabilitiesView<'_> {}
impl cache::HostFill for CapabilitiesView<'_> {}

impl<T: Send + 'static> cache::HostWithStore<T> for HasCapabilities {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(get(begin(accessor), key).await)
    }

    async fn get_or_fill(accessor: &Accessor<T, Self>, key: String) -> Answer<Lookup> {
        match get_or_fill(begin(accessor), key).await {
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
        Ok(set(begin(accessor), key, value, options).await)
    }

    async fn delete(accessor: &Accessor<T, Self>, key: String) -> Answer<()> {
        Ok(delete(begin(accessor), key).await)
    }

    async fn invalidate_tag(accessor: &Accessor<T, Self>, tag: String) -> Answer<()> {
        Ok(invalidate_tag(begin(accessor), tag).await)
    }

    async fn invalidate_pattern(accessor: &Accessor<T, Self>, pattern: String) -> Answer<()> {
        Ok(invalidate_pattern(begin(accessor), pattern).await)
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
        Ok(complete(begin(accessor), fill, value, options, None).await)
    }

    async fn complete_fresh(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
        value: Vec<u8>,
        options: EntryOptions,
        freshness: Freshness,
    ) -> Answer<()> {
        let fill = accessor.with(|mut access| access.get().take(&slot))?;
        Ok(complete(begin(accessor), fill, value, options, Some(freshness)).await)
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

impl From<EntryOptions> for storage::EntryOptions {
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
