//! Writes that are made together, or not at all; makes none.

use crate::OriginError;
use crate::Outcome;
use crate::UpdateOptions;
use crate::UpdateResult;
use bson::RawDocumentBuf;

/// The most writes of one commit: a transaction holds locks while it runs.
pub const MAX_WRITES: usize = 100;

/// Whether one commit holds so many writes.
pub fn check_count(writes: usize) -> Outcome<()> {
    if writes > MAX_WRITES {
        return Err(OriginError::Invalid(format!(
            "a commit holds at most {MAX_WRITES} writes, not {writes}"
        )));
    }
    Ok(())
}

/// One write of a commit.
#[derive(Debug)]
pub struct Write {
    /// The collection.
    pub collection: String,
    /// What is written.
    pub operation: Operation,
    /// How many documents must match; anything else makes none of the writes.
    pub expected: Option<u64>,
}

/// What a write does.
#[derive(Debug)]
pub enum Operation {
    /// Inserts documents.
    Insert(Vec<RawDocumentBuf>),
    /// Updates matches.
    Update {
        /// Which documents.
        filter: RawDocumentBuf,
        /// How.
        update: RawDocumentBuf,
        /// How many of them, and what happens where there is none.
        options: UpdateOptions,
    },
    /// Deletes matches.
    Delete {
        /// Which documents.
        filter: RawDocumentBuf,
        /// Every match, or the first only.
        many: bool,
    },
}

/// What a write did.
#[derive(Debug)]
pub enum WriteResult {
    /// `{"_id": …}` of each inserted document.
    Inserted(Vec<RawDocumentBuf>),
    /// What an update did.
    Updated(UpdateResult),
    /// How many were deleted.
    Deleted(u64),
}

impl WriteResult {
    /// Whether as many documents matched as were expected of the write at this place.
    pub fn meets(&self, expected: Option<u64>, place: usize) -> Outcome<()> {
        let matched = match self {
            Self::Inserted(ids) => ids.len() as u64,
            Self::Updated(done) => done.matched,
            Self::Deleted(count) => *count,
        };
        match expected {
            Some(expected) if expected != matched => Err(OriginError::Conflict(place as u32)),
            _ => Ok(()),
        }
    }
}
