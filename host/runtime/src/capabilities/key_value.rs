//! `spin:key-value` for guests, in both of its versions: stores granted by `key_value_stores`; keeps nothing itself.

use super::Call;
use super::Capabilities;
use super::CapabilitiesView;
use super::HasCapabilities;
use super::begin;
use super::standard::key_value;
use super::standard::key_value_v2;
use std::sync::Arc;
use std::time::Instant;
use trm_stores::key_value::KeyValue;
use trm_stores::key_value::KeyValueError;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

/// The most keys of one list; more are read by `wasi:keyvalue`, page by page.
const MAX_KEYS: usize = 10_000;

/// An open store of a guest's.
#[derive(Clone)]
pub struct Store(Arc<str>);

type Answer<A> = wasmtime::Result<Result<A, key_value::Error>>;
type Keys = (
    StreamReader<String>,
    FutureReader<Result<(), key_value::Error>>,
);

impl Store {
    /// The store of a label, if the function was granted it.
    pub(super) fn open(call: &Call, label: &str) -> Option<Self> {
        call.unkept("key-value");
        let granted = call.grants().key_value(label);
        granted.then(|| Self(label.into()))
    }

    /// Where its values are.
    pub(super) fn of<'a>(&'a self, capabilities: &'a Capabilities) -> KeyValue<'a> {
        KeyValue::new(capabilities.cache(), capabilities.origin(), &self.0)
    }

    async fn all_keys(
        &self,
        capabilities: &Capabilities,
        deadline: Instant,
    ) -> Result<Vec<String>, String> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.of(capabilities).keys(cursor, deadline).await;
            let (keys, next) = page.map_err(said)?;
            all.extend(keys);
            match next {
                Some(_) if all.len() >= MAX_KEYS => {
                    return Err(format!(
                        "the store has more than {MAX_KEYS} keys; list them with wasi:keyvalue"
                    ));
                }
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }
}

/// A fault as a guest may read it; the host's own is in the log.
pub(super) fn said(error: KeyValueError) -> String {
    use trm_document_stores::OriginError;
    match error {
        KeyValueError::Origin(OriginError::Internal(why)) => {
            tracing::error!("the origin failed: {why}");
            "the host failed; its log says why".to_owned()
        }
        other => other.to_string(),
    }
}

fn fault(error: KeyValueError) -> key_value::Error {
    key_value::Error::Other(said(error))
}

impl key_value::Host for CapabilitiesView<'_> {}

impl key_value::HostStore for CapabilitiesView<'_> {
    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send + 'static> key_value::HostStoreWithStore<T> for HasCapabilities {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Answer<Resource<Store>> {
        let call = begin(accessor);
        match Store::open(&call, &label) {
            Some(store) => accessor.with(|mut access| Ok(Ok(access.get().table.push(store)?))),
            None => Ok(Err(key_value::Error::AccessDenied)),
        }
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        let (store, capabilities, deadline) = opened(accessor, &store)?;
        let found = store.of(&capabilities).get(&key, deadline).await;
        Ok(found.map_err(fault))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        let (store, capabilities, deadline) = opened(accessor, &store)?;
        let done = store.of(&capabilities).set(&key, value, deadline).await;
        Ok(done.map_err(fault))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Answer<()> {
        let (store, capabilities, deadline) = opened(accessor, &store)?;
        let done = store.of(&capabilities).delete(&key, deadline).await;
        Ok(done.map_err(fault))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Answer<bool> {
        let (store, capabilities, deadline) = opened(accessor, &store)?;
        let found = store.of(&capabilities).get(&key, deadline).await;
        Ok(found.map(|found| found.is_some()).map_err(fault))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<Keys> {
        let (store, capabilities, deadline) = opened(accessor, &store)?;
        let (keys, outcome) = match store.all_keys(&capabilities, deadline).await {
            Ok(keys) => (keys, Ok(())),
            Err(why) => (Vec::new(), Err(key_value::Error::Other(why))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}

fn opened<T: Send + 'static>(
    accessor: &Accessor<T, HasCapabilities>,
    store: &Resource<Store>,
) -> wasmtime::Result<(Store, Arc<Capabilities>, Instant)> {
    accessor.with(|mut access| {
        let view = access.get();
        let store = view.table.get(store)?.clone();
        Ok((store, view.capabilities.clone(), view.left.until()))
    })
}

fn fault_v2(error: KeyValueError) -> key_value_v2::Error {
    key_value_v2::Error::Other(said(error))
}

type AnswerV2<A> = wasmtime::Result<Result<A, key_value_v2::Error>>;

impl key_value_v2::Host for CapabilitiesView<'_> {}

impl key_value_v2::HostStore for CapabilitiesView<'_> {
    async fn open(&mut self, label: String) -> AnswerV2<Resource<Store>> {
        match Store::open(&Call::of(self), &label) {
            Some(store) => Ok(Ok(self.table.push(store)?)),
            None => Ok(Err(key_value_v2::Error::AccessDenied)),
        }
    }

    async fn get(&mut self, store: Resource<Store>, key: String) -> AnswerV2<Option<Vec<u8>>> {
        let store = self.table.get(&store)?.of(self.capabilities);
        Ok(store.get(&key, self.left.until()).await.map_err(fault_v2))
    }

    async fn set(&mut self, store: Resource<Store>, key: String, value: Vec<u8>) -> AnswerV2<()> {
        let store = self.table.get(&store)?.of(self.capabilities);
        let done = store.set(&key, value, self.left.until()).await;
        Ok(done.map_err(fault_v2))
    }

    async fn delete(&mut self, store: Resource<Store>, key: String) -> AnswerV2<()> {
        let store = self.table.get(&store)?.of(self.capabilities);
        Ok(store
            .delete(&key, self.left.until())
            .await
            .map_err(fault_v2))
    }

    async fn exists(&mut self, store: Resource<Store>, key: String) -> AnswerV2<bool> {
        let store = self.table.get(&store)?.of(self.capabilities);
        let found = store.get(&key, self.left.until()).await;
        Ok(found.map(|found| found.is_some()).map_err(fault_v2))
    }

    async fn get_keys(&mut self, store: Resource<Store>) -> AnswerV2<Vec<String>> {
        let store = self.table.get(&store)?;
        let keys = store.all_keys(self.capabilities, self.left.until()).await;
        Ok(keys.map_err(key_value_v2::Error::Other))
    }

    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}
