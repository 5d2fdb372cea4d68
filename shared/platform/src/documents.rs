//! `trm:platform/documents`: its types and errors on both sides; what a call means is the matter of `trm-documents`.

use crate::Platform;
use crate::bindings::exports::trm::platform::documents::{
    Error, FindAndUpdateOptions, FindOptions, Guest, Operation, Page, UpdateOptions, UpdateResult,
    Write, WriteResult,
};
use crate::database::{read, snapshot, write};
use bson::RawDocumentBuf;
use trm_documents::form::{all_bytes, document, documents, optional};
use trm_documents::{OriginError, Outcome, calls, paging};

type Bytes = Vec<u8>;
type Answer<T> = Result<T, Error>;

impl Guest for Platform {
    fn find(of: String, filter: Bytes, options: FindOptions) -> Answer<Page> {
        let asked = trm_documents::FindOptions {
            projection: optional("projection", options.projection)?,
            sort: optional("sort", options.sort)?,
            skip: options.skip,
            limit: options.limit,
            cursor: options.cursor,
        };
        let (plan, filter, asked) = paging::begin(document("filter", filter)?, asked)?;
        let page = plan.end(read(|on| calls::find(on, &of, &filter, &asked))?)?;
        Ok(Page {
            documents: all_bytes(page.documents),
            next: page.next,
        })
    }

    fn find_one(of: String, filter: Bytes, projection: Option<Bytes>) -> Answer<Option<Bytes>> {
        let filter = document("filter", filter)?;
        let asked = trm_documents::FindOptions {
            projection: optional("projection", projection)?,
            limit: 1,
            ..Default::default()
        };
        let mut found = read(|on| calls::find(on, &of, &filter, &asked))?;
        Ok(found.pop().map(RawDocumentBuf::into_bytes))
    }

    fn count(of: String, filter: Bytes) -> Answer<u64> {
        let filter = document("filter", filter)?;
        Ok(read(|on| calls::count(on, &of, &filter))?)
    }

    fn distinct(of: String, field: String, filter: Bytes) -> Answer<Bytes> {
        let filter = document("filter", filter)?;
        Ok(read(|on| calls::distinct(on, &of, &field, &filter))?.into_bytes())
    }

    fn aggregate(of: String, pipeline: Vec<Bytes>) -> Answer<Vec<Bytes>> {
        let pipeline = documents("pipeline stage", pipeline)?;
        Ok(all_bytes(snapshot(|on| {
            calls::aggregate(on, &of, &pipeline)
        })?))
    }

    fn insert(of: String, inserted: Vec<Bytes>) -> Answer<Vec<Bytes>> {
        let inserted = documents("document", inserted)?;
        Ok(all_bytes(write(|on| calls::insert(on, &of, inserted))?))
    }

    fn update(
        of: String,
        filter: Bytes,
        update: Bytes,
        options: UpdateOptions,
    ) -> Answer<UpdateResult> {
        let (filter, update) = (document("filter", filter)?, document("update", update)?);
        let done = write(|on| calls::update(on, &of, &filter, &update, options.into()))?;
        Ok(done.into())
    }

    fn find_one_and_update(
        of: String,
        filter: Bytes,
        update: Bytes,
        options: FindAndUpdateOptions,
    ) -> Answer<Option<Bytes>> {
        let (filter, update) = (document("filter", filter)?, document("update", update)?);
        let asked = trm_documents::FindAndUpdateOptions {
            projection: optional("projection", options.projection)?,
            sort: optional("sort", options.sort)?,
            upsert: options.upsert,
            return_new: options.return_new,
        };
        let found = write(|on| calls::find_one_and_update(on, &of, &filter, &update, &asked))?;
        Ok(found.map(RawDocumentBuf::into_bytes))
    }

    fn delete(of: String, filter: Bytes, many: bool) -> Answer<u64> {
        let filter = document("filter", filter)?;
        Ok(write(|on| calls::delete(on, &of, &filter, many))?)
    }

    fn commit(writes: Vec<Write>) -> Answer<Vec<WriteResult>> {
        trm_documents::write::check_count(writes.len())?;
        let writes = writes.into_iter().map(checked);
        let writes = writes.collect::<Outcome<Vec<_>>>()?;
        let done = write(|on| calls::commit(on, writes))?;
        Ok(done.into_iter().map(WriteResult::from).collect())
    }
}

fn checked(write: Write) -> Outcome<trm_documents::Write> {
    use trm_documents::Operation as Checked;
    let operation = match write.operation {
        Operation::Insert(inserted) => Checked::Insert(documents("document", inserted)?),
        Operation::Update((filter, update, options)) => Checked::Update {
            filter: document("filter", filter)?,
            update: document("update", update)?,
            options: options.into(),
        },
        Operation::Delete((filter, many)) => Checked::Delete {
            filter: document("filter", filter)?,
            many,
        },
    };
    Ok(trm_documents::Write {
        collection: write.collection,
        operation,
        expected: write.expected,
    })
}

impl From<UpdateOptions> for trm_documents::UpdateOptions {
    fn from(options: UpdateOptions) -> Self {
        Self {
            many: options.many,
            upsert: options.upsert,
        }
    }
}

impl From<trm_documents::UpdateResult> for UpdateResult {
    fn from(result: trm_documents::UpdateResult) -> Self {
        Self {
            matched: result.matched,
            modified: result.modified,
            upserted: result.upserted.map(RawDocumentBuf::into_bytes),
        }
    }
}

impl From<trm_documents::WriteResult> for WriteResult {
    fn from(result: trm_documents::WriteResult) -> Self {
        match result {
            trm_documents::WriteResult::Inserted(ids) => Self::Inserted(all_bytes(ids)),
            trm_documents::WriteResult::Updated(result) => Self::Updated(result.into()),
            trm_documents::WriteResult::Deleted(count) => Self::Deleted(count),
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
                eprintln!("the database failed: {why}");
                Self::Internal
            }
        }
    }
}
