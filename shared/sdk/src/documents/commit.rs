//! Writes that are made together or not at all; makes none by itself.

use super::{Collection, Error, Updated, bytes, id};
use crate::bindings::trm::platform::documents::{
    self as host, Operation, UpdateOptions, WriteResult,
};
use bson::{Bson, Document};
use serde::Serialize;

/// One write of a [`commit`].
#[derive(Debug, Clone)]
pub struct Write {
    collection: Collection,
    what: What,
    expected: Option<u64>,
}

#[derive(Debug, Clone)]
enum What {
    Insert(Result<Vec<u8>, Error>),
    Update {
        filter: Document,
        update: Document,
        many: bool,
        upsert: bool,
    },
    Delete {
        filter: Document,
        many: bool,
    },
}

/// What one write of a commit did.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// The `_id` of each inserted document.
    Inserted(Vec<Bson>),
    /// What an update did.
    Updated(Updated),
    /// How many were deleted.
    Deleted(u64),
}

impl Write {
    /// Inserts one document; one without an `_id` is given an ObjectId.
    pub fn insert<T: Serialize + 'static>(collection: Collection, document: &T) -> Self {
        Self::new(collection, What::Insert(bytes(document)))
    }

    /// Updates the first match.
    pub fn update_one(collection: Collection, filter: Document, update: Document) -> Self {
        Self::update(collection, filter, update, false, false)
    }

    /// Updates every match.
    pub fn update_many(collection: Collection, filter: Document, update: Document) -> Self {
        Self::update(collection, filter, update, true, false)
    }

    /// Updates the first match, or inserts what the filter's equalities and the update make.
    pub fn upsert_one(collection: Collection, filter: Document, update: Document) -> Self {
        Self::update(collection, filter, update, false, true)
    }

    /// Deletes the first match.
    pub fn delete_one(collection: Collection, filter: Document) -> Self {
        let many = false;
        Self::new(collection, What::Delete { filter, many })
    }

    /// Deletes every match.
    pub fn delete_many(collection: Collection, filter: Document) -> Self {
        let many = true;
        Self::new(collection, What::Delete { filter, many })
    }

    /// Makes the whole commit depend on how many documents this write matches: with another number it
    /// ends in [`Error::Conflict`] and none of its writes is made.
    pub fn expecting(self, matches: u64) -> Self {
        Self {
            expected: Some(matches),
            ..self
        }
    }

    fn new(collection: Collection, what: What) -> Self {
        Self {
            collection,
            what,
            expected: None,
        }
    }

    fn update(
        collection: Collection,
        filter: Document,
        update: Document,
        many: bool,
        upsert: bool,
    ) -> Self {
        let what = What::Update {
            filter,
            update,
            many,
            upsert,
        };
        Self::new(collection, what)
    }

    fn into_wit(self) -> Result<host::Write, Error> {
        let operation = match self.what {
            What::Insert(document) => Operation::Insert(vec![document?]),
            What::Update {
                filter,
                update,
                many,
                upsert,
            } => {
                let options = UpdateOptions { many, upsert };
                Operation::Update((bytes(&filter)?, bytes(&update)?, options))
            }
            What::Delete { filter, many } => Operation::Delete((bytes(&filter)?, many)),
        };
        Ok(host::Write {
            collection: self.collection.0.to_owned(),
            operation,
            expected: self.expected,
        })
    }
}

/// Makes up to 100 writes in order, in one transaction: all of them, or none where one fails or misses
/// what it was [expecting](Write::expecting). After [`Error::DeadlineExceeded`] they may have been made.
pub async fn commit(writes: impl IntoIterator<Item = Write>) -> Result<Vec<Written>, Error> {
    let writes = writes
        .into_iter()
        .map(Write::into_wit)
        .collect::<Result<Vec<_>, _>>()?;
    let results = host::commit(&writes)?;
    let written = results.into_iter().map(|result| {
        Ok(match result {
            WriteResult::Inserted(ids) => {
                let ids = ids.iter().map(|found| id(found));
                Written::Inserted(ids.collect::<Result<_, _>>()?)
            }
            WriteResult::Updated(result) => Written::Updated(result.try_into()?),
            WriteResult::Deleted(count) => Written::Deleted(count),
        })
    });
    written.collect()
}
