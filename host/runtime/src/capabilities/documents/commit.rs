//! The commit of `trm:platform/documents`: the grant of each write, then all of them; makes none itself.

use super::Error;
use super::Write;
use super::WriteResult;
use super::verbs::granted;
use crate::capabilities::Call;
use crate::capabilities::bindings::trm::platform::documents::Operation;
use trm_document_stores as origin;
use trm_documents::form::{all_bytes, document, documents};
use trm_documents::write;
use trm_policy::grants::Access;

pub async fn commit(call: Call, (writes,): (Vec<Write>,)) -> Result<Vec<WriteResult>, Error> {
    write::check_count(writes.len())?;
    let mut checked = Vec::with_capacity(writes.len());
    for write in writes {
        granted(&call, &write.collection, Access::Write)?;
        checked.push(origin::Write {
            collection: write.collection,
            operation: operation(write.operation)?,
            expected: write.expected,
        });
    }
    let results = call.origin().commit(checked, call.deadline).await?;
    Ok(results.into_iter().map(WriteResult::from).collect())
}

fn operation(operation: Operation) -> Result<origin::Operation, Error> {
    Ok(match operation {
        Operation::Insert(inserted) => origin::Operation::Insert(documents("document", inserted)?),
        Operation::Update((filter, update, options)) => origin::Operation::Update {
            filter: document("filter", filter)?,
            update: document("update", update)?,
            options: origin::UpdateOptions {
                many: options.many,
                upsert: options.upsert,
            },
        },
        Operation::Delete((filter, many)) => origin::Operation::Delete {
            filter: document("filter", filter)?,
            many,
        },
    })
}

impl From<origin::WriteResult> for WriteResult {
    fn from(result: origin::WriteResult) -> Self {
        match result {
            origin::WriteResult::Inserted(ids) => Self::Inserted(all_bytes(ids)),
            origin::WriteResult::Updated(result) => Self::Updated(result.into()),
            origin::WriteResult::Deleted(count) => Self::Deleted(count),
        }
    }
}
