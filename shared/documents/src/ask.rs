//! What may be asked of a store of documents beside a filter, and what it answers; asks nothing.

use bson::RawDocumentBuf;

/// What part of the matches is asked for.
#[derive(Debug, Clone, Default)]
pub struct FindOptions {
    /// MongoDB's projection.
    pub projection: Option<RawDocumentBuf>,
    /// MongoDB's sort.
    pub sort: Option<RawDocumentBuf>,
    /// Matches to pass over.
    pub skip: u32,
    /// Matches to return, 1 to 1000.
    pub limit: u32,
    /// `next` of an earlier page.
    pub cursor: Option<String>,
}

/// A part of the matches.
#[derive(Debug, Default)]
pub struct Page {
    /// The documents.
    pub documents: Vec<RawDocumentBuf>,
    /// The cursor of the next page, where there is one.
    pub next: Option<String>,
}

/// How an update goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct UpdateOptions {
    /// Every match, or the first only.
    pub many: bool,
    /// Insert where nothing matches.
    pub upsert: bool,
}

/// What an update did.
#[derive(Debug, Default)]
pub struct UpdateResult {
    /// Documents that matched.
    pub matched: u64,
    /// Documents that are different now.
    pub modified: u64,
    /// `{"_id": …}` of the inserted document.
    pub upserted: Option<RawDocumentBuf>,
}

/// How a find-one-and-update goes.
#[derive(Debug, Clone, Default)]
pub struct FindAndUpdateOptions {
    /// MongoDB's projection.
    pub projection: Option<RawDocumentBuf>,
    /// MongoDB's sort.
    pub sort: Option<RawDocumentBuf>,
    /// Insert where nothing matches.
    pub upsert: bool,
    /// Answer with the document after the update.
    pub return_new: bool,
}

/// One index to be made.
#[derive(Debug, Clone, Copy)]
pub struct IndexSpec {
    /// The fields in order, 1 ascending, -1 descending.
    pub keys: &'static [(&'static str, i32)],
    /// No two documents share the fields' values.
    pub unique: bool,
    /// Documents without the fields are left out.
    pub sparse: bool,
    /// The fields' words are searched by `$text`; a collection has one such index.
    pub text: bool,
}
