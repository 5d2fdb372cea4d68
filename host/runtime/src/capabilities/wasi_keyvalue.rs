//! `wasi:keyvalue` for guests: the same stores as `spin:key-value`, with atomics and batches; keeps nothing itself.

use super::Call;
use super::CapabilitiesView;
use super::key_value::Store;
use super::key_value::said;
use super::standard::atomics;
use super::standard::batch;
use super::standard::keyvalue;
use super::standard::keyvalue::{Error, KeyResponse};
use trm_stores::key_value::KeyValueError;
use trm_stores::key_value::Revision;
use wasmtime::component::Resource;

/// The most keys of one batch.
const MAX_BATCH: usize = 1_000;

/// A value that a guest means to replace, as it was read.
pub struct Cas {
    store: Store,
    key: String,
    read: Revision,
}

type Answer<A> = wasmtime::Result<Result<A, Error>>;

fn fault(error: KeyValueError) -> Error {
    Error::Other(said(error))
}

impl keyvalue::Host for CapabilitiesView<'_> {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Store>> {
        match Store::open(&Call::of(self), &identifier) {
            Some(store) => Ok(Ok(self.table.push(store)?)),
            None => Ok(Err(Error::AccessDenied)),
        }
    }
}

impl keyvalue::HostBucket for CapabilitiesView<'_> {
    async fn get(&mut self, bucket: Resource<Store>, key: String) -> Answer<Option<Vec<u8>>> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        Ok(store.get(&key, self.left.until()).await.map_err(fault))
    }

    async fn set(&mut self, bucket: Resource<Store>, key: String, value: Vec<u8>) -> Answer<()> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        Ok(store
            .set(&key, value, self.left.until())
            .await
            .map_err(fault))
    }

    async fn delete(&mut self, bucket: Resource<Store>, key: String) -> Answer<()> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        Ok(store.delete(&key, self.left.until()).await.map_err(fault))
    }

    async fn exists(&mut self, bucket: Resource<Store>, key: String) -> Answer<bool> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        let found = store.get(&key, self.left.until()).await;
        Ok(found.map(|found| found.is_some()).map_err(fault))
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Store>,
        cursor: Option<String>,
    ) -> Answer<KeyResponse> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        let page = store.keys(cursor, self.left.until()).await;
        Ok(page
            .map(|(keys, cursor)| KeyResponse { keys, cursor })
            .map_err(fault))
    }

    async fn drop(&mut self, bucket: Resource<Store>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for CapabilitiesView<'_> {
    async fn increment(&mut self, bucket: Resource<Store>, key: String, delta: i64) -> Answer<i64> {
        let store = self.table.get(&bucket)?.of(self.capabilities);
        let sum = store.increment(&key, delta, self.left.until()).await;
        Ok(sum.map_err(fault))
    }

    async fn swap(
        &mut self,
        cas: Resource<Cas>,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), atomics::CasError>> {
        let mut cas = self.table.delete(cas)?;
        let store = cas.store.of(self.capabilities);
        let failed = |error| Ok(Err(atomics::CasError::StoreError(fault(error))));
        match store
            .swap(&cas.key, &cas.read, value, self.left.until())
            .await
        {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(error) => return failed(error),
        }
        let read = store.read(&cas.key, self.left.until()).await;
        match read {
            Ok(read) => {
                cas.read = read;
                Ok(Err(atomics::CasError::CasFailed(self.table.push(cas)?)))
            }
            Err(error) => failed(error),
        }
    }
}

impl atomics::HostCas for CapabilitiesView<'_> {
    async fn new(&mut self, bucket: Resource<Store>, key: String) -> Answer<Resource<Cas>> {
        let store = self.table.get(&bucket)?.clone();
        let read = store
            .of(self.capabilities)
            .read(&key, self.left.until())
            .await;
        match read {
            Ok(read) => Ok(Ok(self.table.push(Cas { store, key, read })?)),
            Err(error) => Ok(Err(fault(error))),
        }
    }

    async fn current(&mut self, cas: Resource<Cas>) -> Answer<Option<Vec<u8>>> {
        Ok(Ok(self.table.get(&cas)?.read.value.clone()))
    }

    async fn drop(&mut self, cas: Resource<Cas>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

impl batch::Host for CapabilitiesView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Store>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        if let Err(error) = check_batch(keys.len()) {
            return Ok(Err(error));
        }
        let store = self.table.get(&bucket)?.of(self.capabilities);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            match store.get(&key, self.left.until()).await {
                Ok(value) => found.push((key, value)),
                Err(error) => return Ok(Err(fault(error))),
            }
        }
        Ok(Ok(found))
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Store>,
        values: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        if let Err(error) = check_batch(values.len()) {
            return Ok(Err(error));
        }
        let store = self.table.get(&bucket)?.of(self.capabilities);
        for (key, value) in values {
            if let Err(error) = store.set(&key, value, self.left.until()).await {
                return Ok(Err(fault(error)));
            }
        }
        Ok(Ok(()))
    }

    async fn delete_many(&mut self, bucket: Resource<Store>, keys: Vec<String>) -> Answer<()> {
        if let Err(error) = check_batch(keys.len()) {
            return Ok(Err(error));
        }
        let store = self.table.get(&bucket)?.of(self.capabilities);
        for key in keys {
            if let Err(error) = store.delete(&key, self.left.until()).await {
                return Ok(Err(fault(error)));
            }
        }
        Ok(Ok(()))
    }
}

fn check_batch(count: usize) -> Result<(), Error> {
    match count {
        0..=MAX_BATCH => Ok(()),
        _ => Err(Error::Other(format!(
            "a batch has at most {MAX_BATCH} keys, not {count}"
        ))),
    }
}
