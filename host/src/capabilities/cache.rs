//! `trm:platform/cache` for guests: grants and limits of a call; how tiers work is storage's own.

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

impl cache::Host for super::CapabilitiesView<'_> {}
impl cache::HostFill for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> cache::HostWithStore<T> for HasCapabilities {
    async fn get(accessor: &Accessor<T, Self>, key: String) -> Answer<Option<Vec<u8>>> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache(&key) {
            return Ok(Err(denied("key", &key)));
        }
        let found = capabilities.cache().get(&key, deadline).await;
        Ok(found
            .map(|value| value.map(|bytes| bytes.to_vec()))
            .map_err(Error::from))
    }

    async fn get_or_fill(accessor: &Accessor<T, Self>, key: String) -> Answer<Lookup> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache(&key) {
            return Ok(Err(denied("key", &key)));
        }
        let cache = capabilities.cache();
        match cache.get_or_fill(&key, deadline).await {
            Ok(storage::Lookup::Hit(value)) => Ok(Ok(Lookup::Hit(value.to_vec()))),
            Ok(storage::Lookup::Fill(fill)) => accessor.with(|mut access| {
                let fill = access.get().table.push(FillSlot(Some(fill)))?;
                Ok(Ok(Lookup::Fill(fill)))
            }),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        key: String,
        value: Vec<u8>,
        options: EntryOptions,
    ) -> Answer<()> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache(&key) {
            return Ok(Err(denied("key", &key)));
        }
        if let Some(tag) = options
            .tags
            .iter()
            .find(|tag| !capabilities.grants().cache(tag))
        {
            return Ok(Err(denied("tag", tag)));
        }
        let (value, options) = (Bytes::from(value), options.into());
        Ok(capabilities
            .cache()
            .set(&key, value, options, deadline)
            .await
            .map_err(Error::from))
    }

    async fn delete(accessor: &Accessor<T, Self>, key: String) -> Answer<()> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache(&key) {
            return Ok(Err(denied("key", &key)));
        }
        Ok(capabilities
            .cache()
            .delete(&key, deadline)
            .await
            .map_err(Error::from))
    }

    async fn invalidate_tag(accessor: &Accessor<T, Self>, tag: String) -> Answer<()> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache(&tag) {
            return Ok(Err(denied("tag", &tag)));
        }
        Ok(capabilities
            .cache()
            .invalidate_tag(&tag, deadline)
            .await
            .map_err(Error::from))
    }

    async fn invalidate_pattern(accessor: &Accessor<T, Self>, pattern: String) -> Answer<()> {
        let (capabilities, deadline) = begin(accessor);
        if !capabilities.grants().cache_pattern(&pattern) {
            return Ok(Err(denied("pattern", &pattern)));
        }
        Ok(capabilities
            .cache()
            .invalidate_pattern(&pattern, deadline)
            .await
            .map_err(Error::from))
    }
}

impl<T: Send + 'static> cache::HostFillWithStore<T> for HasCapabilities {
    async fn complete(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
        value: Vec<u8>,
        options: EntryOptions,
    ) -> Answer<()> {
        complete(accessor, slot, value, options.into()).await
    }

    async fn complete_fresh(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
        value: Vec<u8>,
        options: EntryOptions,
        freshness: Freshness,
    ) -> Answer<()> {
        let options = storage::EntryOptions {
            stale: freshness.stale_ms.map(Duration::from_millis),
            ahead: freshness.ahead,
            ..options.into()
        };
        complete(accessor, slot, value, options).await
    }

    async fn stale(
        accessor: &Accessor<T, Self>,
        slot: Resource<FillSlot>,
    ) -> wasmtime::Result<Option<Vec<u8>>> {
        accessor.with(|mut access| {
            let slot = access.get().table.get(&slot)?;
            let value = slot.0.as_ref().and_then(storage::Fill::stale);
            Ok(value.map(|value| value.to_vec()))
        })
    }

    async fn drop(accessor: &Accessor<T, Self>, slot: Resource<FillSlot>) -> wasmtime::Result<()> {
        // Dropping an unused fill passes the right on to the next waiter.
        accessor.with(|mut access| access.get().table.delete(slot).map(drop))?;
        Ok(())
    }
}

async fn complete<T: Send + 'static>(
    accessor: &Accessor<T, HasCapabilities>,
    slot: Resource<FillSlot>,
    value: Vec<u8>,
    options: storage::EntryOptions,
) -> Answer<()> {
    let (capabilities, deadline) = begin(accessor);
    if let Some(tag) = options
        .tags
        .iter()
        .find(|tag| !capabilities.grants().cache(tag))
    {
        return Ok(Err(denied("tag", tag)));
    }
    let fill = accessor
        .with(|mut access| wasmtime::error::Ok(access.get().table.get_mut(&slot)?.0.take()))?;
    let Some(fill) = fill else {
        return Ok(Err(Error::Invalid(
            "this fill was completed before".to_owned(),
        )));
    };
    Ok(fill
        .complete(Bytes::from(value), options, deadline)
        .await
        .map_err(Error::from))
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
