//! MongoDB's query language where there is SQLite: filters and sorts as SQL, updates and projections as rules; runs nothing.
//!
//! A document is kept twice: its BSON, which is answered, and a JSON form made by [`key`], in which every
//! scalar is a text that sorts as MongoDB sorts values. One expression over that form serves equality,
//! ranges, sorting and indexes. What is outside of this subset is [`QueryError::Unsupported`].

pub mod aggregate;
pub mod filter;
pub mod key;
pub mod matches;
pub mod operators;
pub mod path;
pub mod project;
pub mod text;
pub mod update;

/// Why a query is not translated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// MongoDB would refuse it as well.
    #[error("{0}")]
    Invalid(String),
    /// MongoDB would take it, this store does not.
    #[error("the embedded store does not support {0}; MongoDB does (MONGODB_URI)")]
    Unsupported(String),
}

impl QueryError {
    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
