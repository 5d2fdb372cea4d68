//! The origin: documents in MongoDB or, where none is configured, in SQLite; caches nothing.

mod cursor;
mod mongo;
mod sqlite;
mod write;

use crate::storage::breaker::State;
use crate::telemetry::upstream;
use bson::RawDocumentBuf;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

pub use mongo::Mongo;
pub use mongo::MongoSettings;
pub use sqlite::Sqlite;
pub use write::MAX_WRITES;
pub use write::Operation;
pub use write::Write;
pub use write::WriteResult;

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

/// A call that takes longer is logged.
const SLOW: Duration = Duration::from_millis(100);

/// The store of documents.
pub struct Origin {
    store: Store,
    slow: AtomicU64,
}

enum Store {
    Mongo(Mongo),
    Sqlite(Sqlite),
}

type Outcome<T> = Result<T, OriginError>;

/// The same call on whichever store there is, with its time watched.
macro_rules! on_store {
    ($self:ident, $of:expr, $store:ident => $call:ident($($argument:expr),*)) => {{
        let began = Instant::now();
        let done = match &$self.store {
            Store::Mongo($store) => {
                let _call = upstream::call("mongodb");
                $store.$call($($argument),*).await
            }
            Store::Sqlite($store) => {
                let _call = upstream::call("sqlite");
                $store.$call($($argument),*).await
            }
        };
        $self.took(stringify!($call), $of, began);
        done
    }};
}

/// How a store's connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections that are open.
    pub open: u64,
    /// Those of them that serve a call.
    pub in_use: u64,
    /// Calls that wait for one.
    pub waiting: u64,
    /// The most that may be open.
    pub limit: u64,
}

impl Origin {
    /// MongoDB, connected to when first asked.
    pub async fn mongo(settings: MongoSettings) -> Outcome<Self> {
        Ok(Self::new(Store::Mongo(Mongo::new(settings).await?)))
    }

    /// SQLite in a folder.
    pub fn sqlite(folder: &Path) -> Outcome<Self> {
        Ok(Self::new(Store::Sqlite(Sqlite::open(folder)?)))
    }

    fn new(store: Store) -> Self {
        Self {
            store,
            slow: AtomicU64::new(0),
        }
    }

    /// The log names the call and the collection, never a value of the query.
    fn took(&self, call: &'static str, of: &str, began: Instant) {
        let took = began.elapsed();
        if took > SLOW {
            self.slow.fetch_add(1, Relaxed);
            let took_ms = took.as_millis() as u64;
            tracing::warn!(call, collection = of, took_ms, "SLOW QUERY");
        }
    }

    /// Calls that took longer than 100 ms, since the start.
    pub fn slow(&self) -> u64 {
        self.slow.load(Relaxed)
    }

    /// How its connections are used now.
    pub fn connections(&self) -> PoolUse {
        match &self.store {
            Store::Mongo(mongo) => mongo.connections(),
            Store::Sqlite(sqlite) => sqlite.connections(),
        }
    }

    /// Which store it is.
    pub fn kind(&self) -> &'static str {
        match &self.store {
            Store::Mongo(_) => "mongodb",
            Store::Sqlite(_) => "sqlite",
        }
    }

    /// Names the data: hosts that share it share their cache.
    pub fn namespace(&self) -> String {
        match &self.store {
            Store::Mongo(mongo) => mongo.namespace(),
            Store::Sqlite(sqlite) => sqlite.namespace(),
        }
    }

    /// The breaker in front of the store, where it has one.
    pub fn breaker(&self) -> Option<State> {
        match &self.store {
            Store::Mongo(mongo) => Some(mongo.breaker()),
            Store::Sqlite(_) => None,
        }
    }

    /// Failures to reach the store since the start.
    pub fn connection_errors(&self) -> u64 {
        match &self.store {
            Store::Mongo(mongo) => mongo.connection_errors(),
            Store::Sqlite(_) => 0,
        }
    }

    /// Whether the store answers.
    pub async fn ping(&self, deadline: Instant) -> Outcome<()> {
        on_store!(self, "", store => ping(deadline))
    }

    /// Makes an index, where it is not there.
    pub async fn create_index(&self, of: &str, spec: IndexSpec, deadline: Instant) -> Outcome<()> {
        on_store!(self, of, store => create_index(of, spec, deadline))
    }

    /// A page of the matches, with a cursor where more follow.
    pub async fn find(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        options: FindOptions,
        deadline: Instant,
    ) -> Outcome<Page> {
        let (plan, filter, asked) = cursor::begin(filter, options)?;
        let found = on_store!(self, of, store => find(of, filter, asked, deadline))?;
        plan.end(found)
    }

    /// How the store would answer a query, in its own words: for tests and for whoever tunes it.
    pub async fn explain(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        sort: Option<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<String> {
        on_store!(self, of, store => explain(of, filter, sort, deadline))
    }

    /// The first match.
    pub async fn find_one(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        projection: Option<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Option<RawDocumentBuf>> {
        let options = FindOptions {
            projection,
            limit: 1,
            ..FindOptions::default()
        };
        let mut found = on_store!(self, of, store => find(of, filter, options, deadline))?;
        Ok(found.pop())
    }

    /// How many match.
    pub async fn count(&self, of: &str, filter: RawDocumentBuf, deadline: Instant) -> Outcome<u64> {
        on_store!(self, of, store => count(of, filter, deadline))
    }

    /// `{"values": […]}`: each value of a field once.
    pub async fn distinct(
        &self,
        of: &str,
        field: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<RawDocumentBuf> {
        on_store!(self, of, store => distinct(of, field, filter, deadline))
    }

    /// The results of a pipeline.
    pub async fn aggregate(
        &self,
        of: &str,
        pipeline: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        on_store!(self, of, store => aggregate(of, pipeline, deadline))
    }

    /// `{"_id": …}` of each inserted document.
    pub async fn insert(
        &self,
        of: &str,
        documents: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        on_store!(self, of, store => insert(of, documents, deadline))
    }

    /// Updates matches.
    pub async fn update(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        options: UpdateOptions,
        deadline: Instant,
    ) -> Outcome<UpdateResult> {
        on_store!(self, of, store => update(of, filter, update, options, deadline))
    }

    /// Updates the first match and answers with it.
    pub async fn find_one_and_update(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        options: FindAndUpdateOptions,
        deadline: Instant,
    ) -> Outcome<Option<RawDocumentBuf>> {
        on_store!(self, of, store => find_one_and_update(of, filter, update, options, deadline))
    }

    /// Deletes matches, and says how many.
    pub async fn delete(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        many: bool,
        deadline: Instant,
    ) -> Outcome<u64> {
        on_store!(self, of, store => delete(of, filter, many, deadline))
    }

    /// Makes all the writes, or none.
    pub async fn commit(&self, writes: Vec<Write>, deadline: Instant) -> Outcome<Vec<WriteResult>> {
        if writes.len() > MAX_WRITES {
            let fault = format!(
                "a commit holds at most {MAX_WRITES} writes, not {}",
                writes.len()
            );
            return Err(OriginError::Invalid(fault));
        }
        on_store!(self, "", store => commit(writes, deadline))
    }
}

fn decode(what: &str, raw: &RawDocumentBuf) -> Outcome<bson::Document> {
    raw.try_into()
        .map_err(|error| OriginError::Invalid(format!("{what}: {error}")))
}

fn encode(document: &bson::Document) -> Outcome<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).map_err(|error| OriginError::Internal(error.to_string()))
}
