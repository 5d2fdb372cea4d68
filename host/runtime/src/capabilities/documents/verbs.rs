//! What each verb of `trm:platform/documents` does: its grant, its arguments read, the origin asked; links nothing.

use super::Error;
use crate::capabilities::Call;
use crate::capabilities::bindings::trm::platform::documents::{
    FindAndUpdateOptions, FindOptions, Page, UpdateOptions, UpdateResult,
};
use bson::RawDocumentBuf;
use trm_document_stores as origin;
use trm_document_stores::pipeline::{PipelineError, foreign_collections};
use trm_documents::form::{all_bytes, document, documents, optional};
use trm_policy::grants::Access;

pub async fn find(
    call: Call,
    (collection, filter, options): (String, Vec<u8>, FindOptions),
) -> Result<Page, Error> {
    granted(&call, &collection, Access::Read)?;
    let options = origin::FindOptions {
        projection: optional("projection", options.projection)?,
        sort: optional("sort", options.sort)?,
        skip: options.skip,
        limit: options.limit,
        cursor: options.cursor,
    };
    let filter = document("filter", filter)?;
    let found = call
        .origin()
        .find(&collection, filter, options, call.deadline);
    let page = found.await?;
    Ok(Page {
        documents: all_bytes(page.documents),
        next: page.next,
    })
}

pub async fn find_one(
    call: Call,
    (collection, filter, projection): (String, Vec<u8>, Option<Vec<u8>>),
) -> Result<Option<Vec<u8>>, Error> {
    granted(&call, &collection, Access::Read)?;
    let filter = document("filter", filter)?;
    let projection = optional("projection", projection)?;
    let found = call
        .origin()
        .find_one(&collection, filter, projection, call.deadline);
    Ok(found.await?.map(RawDocumentBuf::into_bytes))
}

pub async fn count(call: Call, (collection, filter): (String, Vec<u8>)) -> Result<u64, Error> {
    granted(&call, &collection, Access::Read)?;
    let filter = document("filter", filter)?;
    let counted = call.origin().count(&collection, filter, call.deadline);
    Ok(counted.await?)
}

pub async fn distinct(
    call: Call,
    (collection, field, filter): (String, String, Vec<u8>),
) -> Result<Vec<u8>, Error> {
    granted(&call, &collection, Access::Read)?;
    let filter = document("filter", filter)?;
    let found = call
        .origin()
        .distinct(&collection, &field, filter, call.deadline);
    Ok(found.await?.into_bytes())
}

pub async fn aggregate(
    call: Call,
    (collection, pipeline): (String, Vec<Vec<u8>>),
) -> Result<Vec<Vec<u8>>, Error> {
    granted(&call, &collection, Access::Read)?;
    let pipeline = documents("pipeline stage", pipeline)?;
    for (stage, other) in foreign_collections(&pipeline)? {
        granted(&call, &other, Access::Read).map_err(|error| match error {
            Error::Denied(why) => Error::Denied(format!("{stage}: {why}")),
            other => other,
        })?;
    }
    let found = call
        .origin()
        .aggregate(&collection, pipeline, call.deadline);
    Ok(all_bytes(found.await?))
}

pub async fn insert(
    call: Call,
    (collection, inserted): (String, Vec<Vec<u8>>),
) -> Result<Vec<Vec<u8>>, Error> {
    granted(&call, &collection, Access::Write)?;
    let inserted = documents("document", inserted)?;
    let ids = call.origin().insert(&collection, inserted, call.deadline);
    Ok(all_bytes(ids.await?))
}

pub async fn update(
    call: Call,
    (collection, filter, update, options): (String, Vec<u8>, Vec<u8>, UpdateOptions),
) -> Result<UpdateResult, Error> {
    granted(&call, &collection, Access::Write)?;
    let (filter, update) = (document("filter", filter)?, document("update", update)?);
    let options = origin::UpdateOptions {
        many: options.many,
        upsert: options.upsert,
    };
    let updated = call
        .origin()
        .update(&collection, filter, update, options, call.deadline);
    Ok(updated.await?.into())
}

pub async fn find_one_and_update(
    call: Call,
    (collection, filter, update, options): (String, Vec<u8>, Vec<u8>, FindAndUpdateOptions),
) -> Result<Option<Vec<u8>>, Error> {
    granted(&call, &collection, Access::Write)?;
    let (filter, update) = (document("filter", filter)?, document("update", update)?);
    let options = origin::FindAndUpdateOptions {
        projection: optional("projection", options.projection)?,
        sort: optional("sort", options.sort)?,
        upsert: options.upsert,
        return_new: options.return_new,
    };
    let origin = call.origin();
    let found = origin.find_one_and_update(&collection, filter, update, options, call.deadline);
    Ok(found.await?.map(RawDocumentBuf::into_bytes))
}

pub async fn delete(
    call: Call,
    (collection, filter, many): (String, Vec<u8>, bool),
) -> Result<u64, Error> {
    granted(&call, &collection, Access::Write)?;
    let filter = document("filter", filter)?;
    let deleted = call
        .origin()
        .delete(&collection, filter, many, call.deadline);
    Ok(deleted.await?)
}

pub(super) fn granted(call: &Call, collection: &str, access: Access) -> Result<(), Error> {
    if call.grants().documents(collection, access) {
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

impl From<PipelineError> for Error {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Invalid(why) => Self::Invalid(why),
            PipelineError::Denied(why) => Self::Denied(why),
        }
    }
}
