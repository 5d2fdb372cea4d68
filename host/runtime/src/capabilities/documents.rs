//! `trm:platform/documents` for guests: grants and bounds of a call; what a query means is storage's own.

pub(super) mod commit;
pub(super) mod verbs;

use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::documents;
use super::bindings::trm::platform::documents::{
    Error, FindAndUpdateOptions, FindOptions, Page, UpdateOptions, UpdateResult, Write, WriteResult,
};
use bson::RawDocumentBuf;
use trm_document_stores as origin;
use trm_document_stores::OriginError;
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
        let asked = (collection, filter, options);
        let call = begin(accessor);
        call.verb("documents.find", asked, verbs::find).await
    }

    async fn find_one(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        projection: Option<Vec<u8>>,
    ) -> Answer<Option<Vec<u8>>> {
        let asked = (collection, filter, projection);
        let call = begin(accessor);
        call.verb("documents.find-one", asked, verbs::find_one)
            .await
    }

    async fn count(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
    ) -> Answer<u64> {
        let asked = (collection, filter);
        let call = begin(accessor);
        call.verb("documents.count", asked, verbs::count).await
    }

    async fn distinct(
        accessor: &Accessor<T, Self>,
        collection: String,
        field: String,
        filter: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        let asked = (collection, field, filter);
        let call = begin(accessor);
        call.verb("documents.distinct", asked, verbs::distinct)
            .await
    }

    async fn aggregate(
        accessor: &Accessor<T, Self>,
        collection: String,
        pipeline: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        let asked = (collection, pipeline);
        let call = begin(accessor);
        call.verb("documents.aggregate", asked, verbs::aggregate)
            .await
    }

    async fn insert(
        accessor: &Accessor<T, Self>,
        collection: String,
        inserted: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        let asked = (collection, inserted);
        let call = begin(accessor);
        call.verb("documents.insert", asked, verbs::insert).await
    }

    async fn update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: UpdateOptions,
    ) -> Answer<UpdateResult> {
        let asked = (collection, filter, update, options);
        let call = begin(accessor);
        call.verb("documents.update", asked, verbs::update).await
    }

    async fn find_one_and_update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: FindAndUpdateOptions,
    ) -> Answer<Option<Vec<u8>>> {
        let asked = (collection, filter, update, options);
        let call = begin(accessor);
        call.verb(
            "documents.find-one-and-update",
            asked,
            verbs::find_one_and_update,
        )
        .await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        many: bool,
    ) -> Answer<u64> {
        let asked = (collection, filter, many);
        let call = begin(accessor);
        call.verb("documents.delete", asked, verbs::delete).await
    }

    async fn commit(accessor: &Accessor<T, Self>, writes: Vec<Write>) -> Answer<Vec<WriteResult>> {
        let call = begin(accessor);
        call.verb("documents.commit", (writes,), commit::commit)
            .await
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
