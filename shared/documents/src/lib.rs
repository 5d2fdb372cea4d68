//! What is asked of a store of documents, and how SQLite answers it over any [`Sql`] connection; opens none.
//!
//! The host answers by it where no MongoDB is configured, and the platform component under Spin. [`calls`] holds the
//! calls of `trm:platform/documents`; whoever makes them decides on deadlines, transactions and grants.

pub mod calls;
pub mod form;
pub mod paging;
pub mod sql;
pub mod write;

mod ask;
mod commit;
mod index;
mod table;
mod text;
mod update;

use bson::oid::ObjectId;
use bson::{Bson, Document, RawDocumentBuf, doc};
use trm_query::QueryError;

pub use ask::{FindAndUpdateOptions, FindOptions, IndexSpec, Page, UpdateOptions, UpdateResult};
pub use sql::Sql;
pub use write::{MAX_WRITES, Operation, Write, WriteResult};

/// The most documents of one answer.
pub const MAX_DOCUMENTS: u32 = 1_000;
/// The most bytes of one answer.
pub const MAX_BYTES: usize = 16 << 20;

/// Why the origin did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The query, update or cursor is malformed.
    #[error("{0}")]
    Invalid(String),
    /// This store does not offer the operator.
    #[error("{0}")]
    Unsupported(String),
    /// A unique index refused the write.
    #[error("a unique index refused the write: {0}")]
    DuplicateKey(String),
    /// An expectation of a commit did not hold; the number is the write's place.
    #[error("the write at place {0} did not match what was expected; none was made")]
    Conflict(u32),
    /// The answer or document is over the bound.
    #[error("{0}")]
    TooLarge(String),
    /// The deadline passed.
    #[error("the deadline passed")]
    DeadlineExceeded,
    /// The store cannot be reached.
    #[error("the store cannot be reached: {why}")]
    Unavailable {
        /// When it is worth trying again.
        retry_after_ms: u32,
        /// What failed, for the log.
        why: String,
    },
    /// A fault of the store or of this code, for the log.
    #[error("{0}")]
    Internal(String),
}

impl OriginError {
    /// SQLite's message that something is there already. It names an index, or else the primary key.
    pub fn duplicate(message: &str) -> Self {
        let index = message.split("index '").nth(1);
        let index = index.and_then(|rest| rest.split('\'').next());
        Self::DuplicateKey(index.unwrap_or("_id_").to_owned())
    }
}

impl From<QueryError> for OriginError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Invalid(_) => Self::Invalid(error.to_string()),
            QueryError::Unsupported(_) => Self::Unsupported(error.to_string()),
        }
    }
}

/// What a call answers.
pub type Outcome<T> = Result<T, OriginError>;

/// A document of its bytes; `what` names it in the error.
pub fn decode(what: &str, raw: &RawDocumentBuf) -> Outcome<Document> {
    raw.try_into()
        .map_err(|error| OriginError::Invalid(format!("{what}: {error}")))
}

/// The bytes of a document.
pub fn encode(document: &Document) -> Outcome<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).map_err(|error| OriginError::Internal(error.to_string()))
}

/// The documents, each with an `_id`, and the ids in order.
pub fn with_ids(documents: Vec<RawDocumentBuf>) -> Outcome<(Vec<Document>, Vec<Bson>)> {
    let mut ids = Vec::with_capacity(documents.len());
    let mut complete = Vec::with_capacity(documents.len());
    for raw in &documents {
        let mut document = decode("document", raw)?;
        let id = match document.get("_id") {
            Some(id) => id.clone(),
            None => {
                let id = Bson::ObjectId(ObjectId::new());
                let rest = std::mem::replace(&mut document, doc! {"_id": id.clone()});
                document.extend(rest);
                id
            }
        };
        ids.push(id);
        complete.push(document);
    }
    Ok((complete, ids))
}
