//! `trm:platform/documents` for guests: grants and bounds of a call; what a query means is storage's own.

pub(super) mod commit;
mod pipeline;
pub(super) mod verbs;

use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::documents;
use super::bindings::trm::platform::documents::{
    Error, FindAndUpdateOptions, FindOptions, Page, UpdateOptions, UpdateResult, Write, WriteResult,
};
use crate::storage::origin;
use crate::storage::origin::OriginError;
use bson::RawDocumentBuf;
use wasmtime::component::Accessor;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl documents::Host for super::CapabilitiesView<'_> {}

impl<T: Send + 'static> documents::HostWithStore<T> for HasCapabilities {
    async fn find(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        options: FindOptions,
    ) -> Answer<Page> {
        Ok(verbs::find(begin(accessor), collection, filter, options).await)
    }

    async fn find_one(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        projection: Option<Vec<u8>>,
    ) -> Answer<Option<Vec<u8>>> {
        Ok(verbs::find_one(begin(accessor), collection, filter, projection).await)
    }

    async fn count(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
    ) -> Answer<u64> {
        Ok(verbs::count(begin(accessor), collection, filter).await)
    }

    async fn distinct(
        accessor: &Accessor<T, Self>,
        collection: String,
        field: String,
        filter: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        Ok(verbs::distinct(begin(accessor), collection, field, filter).await)
    }

    async fn aggregate(
        accessor: &Accessor<T, Self>,
        collection: String,
        pipeline: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        Ok(verbs::aggregate(begin(accessor), collection, pipeline).await)
    }

    async fn insert(
        accessor: &Accessor<T, Self>,
        collection: String,
        inserted: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        Ok(verbs::insert(begin(accessor), collection, inserted).await)
    }

    async fn update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: UpdateOptions,
    ) -> Answer<UpdateResult> {
        Ok(verbs::update(begin(accessor), collection, filter, update, options).await)
    }

    async fn find_one_and_update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: FindAndUpdateOptions,
    ) -> Answer<Option<Vec<u8>>> {
        Ok(verbs::find_one_and_update(begin(accessor), collection, filter, update, options).await)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        many: bool,
    ) -> Answer<u64> {
        Ok(verbs::delete(begin(accessor), collection, filter, many).await)
    }

    async fn commit(accessor: &Accessor<T, Self>, writes: Vec<Write>) -> Answer<Vec<WriteResult>> {
        Ok(commit::commit(begin(accessor), writes).await)
    }
}

impl From<origin::UpdateResult> for UpdateResult {
    fn from(result: origin::UpdateResult) -> Self {
        Self {
            matched: result.matched,
            modified: result.modified,
            upserted: result.upserted.map(RawDocumentBuf::into_bytes),
        }
    }
}

impl From<OriginError> for Error {
    fn from(error: OriginError) -> Self {
        match error {
            OriginError::Invalid(why) => Self::Invalid(why),
            OriginError::Unsupported(why) => Self::Unsupported(why),
            OriginError::DuplicateKey(index) => Self::DuplicateKey(index),
            OriginError::Conflict(place) => Self::Conflict(place),
            OriginError::TooLarge(why) => Self::TooLarge(why),
            OriginError::DeadlineExceeded => Self::DeadlineExceeded,
            OriginError::Unavailable { retry_after_ms, .. } => Self::Unavailable(retry_after_ms),
            OriginError::Internal(why) => {
                tracing::error!("the origin failed: {why}");
                Self::Internal
            }
        }
    }
}
