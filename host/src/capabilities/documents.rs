//! `trm:platform/documents` for guests: grants and bounds of a call; what a query means is storage's own.

mod commit;
mod guard;
mod pipeline;

use super::Capabilities;
use super::HasCapabilities;
use super::begin;
use super::bindings::trm::platform::documents;
use super::bindings::trm::platform::documents::{
    Error, FindAndUpdateOptions, FindOptions, Page, UpdateOptions, UpdateResult, Write, WriteResult,
};
use crate::grants::Access;
use crate::storage::origin;
use crate::storage::origin::OriginError;
use bson::RawDocumentBuf;
use guard::document;
use pipeline::foreign_collections;
use std::sync::Arc;
use std::time::Instant;
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
        call(
            accessor,
            &collection,
            Access::Read,
            async |capabilities, deadline| {
                let options = origin::FindOptions {
                    projection: optional("projection", options.projection)?,
                    sort: optional("sort", options.sort)?,
                    skip: options.skip,
                    limit: options.limit,
                    cursor: options.cursor,
                };
                let filter = document("filter", filter)?;
                let page = capabilities
                    .origin()
                    .find(&collection, filter, options, deadline)
                    .await?;
                Ok(Page {
                    documents: all_bytes(page.documents),
                    next: page.next,
                })
            },
        )
        .await
    }

    async fn find_one(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        projection: Option<Vec<u8>>,
    ) -> Answer<Option<Vec<u8>>> {
        call(
            accessor,
            &collection,
            Access::Read,
            async |capabilities, deadline| {
                let filter = document("filter", filter)?;
                let projection = optional("projection", projection)?;
                let origin = capabilities.origin();
                let found = origin
                    .find_one(&collection, filter, projection, deadline)
                    .await?;
                Ok(found.map(RawDocumentBuf::into_bytes))
            },
        )
        .await
    }

    async fn count(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
    ) -> Answer<u64> {
        call(
            accessor,
            &collection,
            Access::Read,
            async |capabilities, deadline| {
                let filter = document("filter", filter)?;
                Ok(capabilities
                    .origin()
                    .count(&collection, filter, deadline)
                    .await?)
            },
        )
        .await
    }

    async fn distinct(
        accessor: &Accessor<T, Self>,
        collection: String,
        field: String,
        filter: Vec<u8>,
    ) -> Answer<Vec<u8>> {
        call(
            accessor,
            &collection,
            Access::Read,
            async |capabilities, deadline| {
                let filter = document("filter", filter)?;
                let values = capabilities
                    .origin()
                    .distinct(&collection, &field, filter, deadline)
                    .await?;
                Ok(values.into_bytes())
            },
        )
        .await
    }

    async fn aggregate(
        accessor: &Accessor<T, Self>,
        collection: String,
        pipeline: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        call(
            accessor,
            &collection,
            Access::Read,
            async |capabilities, deadline| {
                let pipeline = documents("pipeline stage", pipeline)?;
                for (stage, other) in foreign_collections(&pipeline)? {
                    granted(capabilities, &other, Access::Read).map_err(|error| match error {
                        Error::Denied(why) => Error::Denied(format!("{stage}: {why}")),
                        other => other,
                    })?;
                }
                let found = capabilities
                    .origin()
                    .aggregate(&collection, pipeline, deadline)
                    .await?;
                Ok(all_bytes(found))
            },
        )
        .await
    }

    async fn insert(
        accessor: &Accessor<T, Self>,
        collection: String,
        inserted: Vec<Vec<u8>>,
    ) -> Answer<Vec<Vec<u8>>> {
        call(
            accessor,
            &collection,
            Access::Write,
            async |capabilities, deadline| {
                let inserted = documents("document", inserted)?;
                let ids = capabilities
                    .origin()
                    .insert(&collection, inserted, deadline)
                    .await?;
                Ok(all_bytes(ids))
            },
        )
        .await
    }

    async fn update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: UpdateOptions,
    ) -> Answer<UpdateResult> {
        call(
            accessor,
            &collection,
            Access::Write,
            async |capabilities, deadline| {
                let (filter, update) = (document("filter", filter)?, document("update", update)?);
                let options = origin::UpdateOptions {
                    many: options.many,
                    upsert: options.upsert,
                };
                let origin = capabilities.origin();
                let result = origin
                    .update(&collection, filter, update, options, deadline)
                    .await?;
                Ok(result.into())
            },
        )
        .await
    }

    async fn find_one_and_update(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        update: Vec<u8>,
        options: FindAndUpdateOptions,
    ) -> Answer<Option<Vec<u8>>> {
        call(
            accessor,
            &collection,
            Access::Write,
            async |capabilities, deadline| {
                let (filter, update) = (document("filter", filter)?, document("update", update)?);
                let options = origin::FindAndUpdateOptions {
                    projection: optional("projection", options.projection)?,
                    sort: optional("sort", options.sort)?,
                    upsert: options.upsert,
                    return_new: options.return_new,
                };
                let origin = capabilities.origin();
                let found = origin
                    .find_one_and_update(&collection, filter, update, options, deadline)
                    .await?;
                Ok(found.map(RawDocumentBuf::into_bytes))
            },
        )
        .await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        collection: String,
        filter: Vec<u8>,
        many: bool,
    ) -> Answer<u64> {
        call(
            accessor,
            &collection,
            Access::Write,
            async |capabilities, deadline| {
                let filter = document("filter", filter)?;
                Ok(capabilities
                    .origin()
                    .delete(&collection, filter, many, deadline)
                    .await?)
            },
        )
        .await
    }

    async fn commit(accessor: &Accessor<T, Self>, writes: Vec<Write>) -> Answer<Vec<WriteResult>> {
        let (capabilities, deadline) = begin(accessor);
        Ok(commit::commit(&capabilities, writes, deadline).await)
    }
}

/// One call: its grant first, then the work, with faults of the origin logged.
async fn call<T: Send + 'static, A>(
    accessor: &Accessor<T, HasCapabilities>,
    collection: &str,
    access: Access,
    work: impl AsyncFnOnce(&Capabilities, Instant) -> Result<A, Error>,
) -> Answer<A> {
    let (capabilities, deadline): (Arc<Capabilities>, _) = begin(accessor);
    if let Err(error) = granted(&capabilities, collection, access) {
        return Ok(Err(error));
    }
    Ok(work(&capabilities, deadline).await)
}

fn granted(capabilities: &Capabilities, collection: &str, access: Access) -> Result<(), Error> {
    if capabilities.grants().documents(collection, access) {
        return Ok(());
    }
    let access = match access {
        Access::Read => "read",
        Access::Write => "write",
    };
    Err(Error::Denied(format!(
        "no documents grant lets this function {access} \"{collection}\""
    )))
}

fn optional(what: &str, bytes: Option<Vec<u8>>) -> Result<Option<RawDocumentBuf>, Error> {
    bytes.map(|bytes| document(what, bytes)).transpose()
}

fn documents(what: &str, all: Vec<Vec<u8>>) -> Result<Vec<RawDocumentBuf>, Error> {
    all.into_iter().map(|bytes| document(what, bytes)).collect()
}

fn all_bytes(documents: Vec<RawDocumentBuf>) -> Vec<Vec<u8>> {
    documents
        .into_iter()
        .map(RawDocumentBuf::into_bytes)
        .collect()
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
