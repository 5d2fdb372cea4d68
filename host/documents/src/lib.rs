//! The document stores: MongoDB or, where none is configured, SQLite, behind one set of operations.
//!
//! Invariant: both stores answer an operation alike, or say that they do not support it. Nothing is cached here, and this
//! crate does not depend on Redis or on Wasmtime.

#[cfg(feature = "mongodb")]
mod mongo;
pub mod pipeline;
#[cfg(feature = "sqlite")]
mod sqlite;

use bson::RawDocumentBuf;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use trm_documents::{Outcome, paging, write};
use trm_resilience::breaker::State;
use trm_resilience::chaos;
use trm_resilience::chaos::Struck;
use trm_telemetry::upstream;

#[cfg(feature = "mongodb")]
pub use mongo::{Mongo, MongoSettings};
#[cfg(feature = "sqlite")]
pub use sqlite::{Sqlite, connection};
pub use trm_documents::{
    FindAndUpdateOptions, FindOptions, IndexSpec, Operation, OriginError, Page, UpdateOptions,
    UpdateResult, Write, WriteResult,
};

/// A call that takes longer is logged.
const SLOW: Duration = Duration::from_millis(100);

/// The store of documents.
pub struct Origin {
    store: Store,
    slow: AtomicU64,
}

enum Store {
    #[cfg(feature = "mongodb")]
    Mongo(Box<Mongo>),
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
}

/// The same call on whichever store there is, with its time watched.
macro_rules! on_store {
    ($self:ident, $of:expr, $deadline:ident, $store:ident => $call:ident($($argument:expr),*)) => {{
        let began = Instant::now();
        struck($deadline).await?;
        let done = match &$self.store {
            #[cfg(feature = "mongodb")]
            Store::Mongo($store) => {
                let _call = upstream::call("mongodb");
                $store.$call($($argument,)* $deadline).await
            }
            #[cfg(feature = "sqlite")]
            Store::Sqlite($store) => {
                let _call = upstream::call("sqlite");
                $store.$call($($argument,)* $deadline).await
            }
        };
        $self.took(stringify!($call), $of, began);
        done
    }};
}

/// Away, or later, where chaos has it so.
async fn struck(deadline: Instant) -> Outcome<()> {
    match chaos::spares(Struck::Origin, deadline).await {
        true if Instant::now() < deadline => Ok(()),
        true => Err(OriginError::DeadlineExceeded),
        false => Err(OriginError::Unavailable {
            retry_after_ms: 1_000,
            why: "chaos has it so".to_owned(),
        }),
    }
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
    #[cfg(feature = "mongodb")]
    pub async fn mongo(settings: MongoSettings) -> Outcome<Self> {
        Ok(Self::new(Store::Mongo(Box::new(
            Mongo::new(settings).await?,
        ))))
    }

    /// SQLite in a folder.
    #[cfg(feature = "sqlite")]
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
            #[cfg(feature = "mongodb")]
            Store::Mongo(mongo) => mongo.connections(),
            #[cfg(feature = "sqlite")]
            Store::Sqlite(sqlite) => sqlite.connections(),
        }
    }

    /// Which store it is.
    pub fn kind(&self) -> &'static str {
        match &self.store {
            #[cfg(feature = "mongodb")]
            Store::Mongo(_) => "mongodb",
            #[cfg(feature = "sqlite")]
            Store::Sqlite(_) => "sqlite",
        }
    }

    /// Names the data: hosts that share it share their cache.
    pub fn namespace(&self) -> String {
        match &self.store {
            #[cfg(feature = "mongodb")]
            Store::Mongo(mongo) => mongo.namespace(),
            #[cfg(feature = "sqlite")]
            Store::Sqlite(sqlite) => sqlite.namespace(),
        }
    }

    /// The breaker in front of the store, where it has one.
    pub fn breaker(&self) -> Option<State> {
        match &self.store {
            #[cfg(feature = "mongodb")]
            Store::Mongo(mongo) => Some(mongo.breaker()),
            #[cfg(feature = "sqlite")]
            Store::Sqlite(_) => None,
        }
    }

    /// Failures to reach the store since the start.
    pub fn connection_errors(&self) -> u64 {
        match &self.store {
            #[cfg(feature = "mongodb")]
            Store::Mongo(mongo) => mongo.connection_errors(),
            #[cfg(feature = "sqlite")]
            Store::Sqlite(_) => 0,
        }
    }

    /// Whether the store answers.
    pub async fn ping(&self, deadline: Instant) -> Outcome<()> {
        on_store!(self, "", deadline, store => ping())
    }

    /// Makes an index, where it is not there.
    pub async fn create_index(&self, of: &str, spec: IndexSpec, deadline: Instant) -> Outcome<()> {
        on_store!(self, of, deadline, store => create_index(of, spec))
    }

    /// A page of the matches, with a cursor where more follow.
    pub async fn find(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        options: FindOptions,
        deadline: Instant,
    ) -> Outcome<Page> {
        let (plan, filter, asked) = paging::begin(filter, options)?;
        let found = on_store!(self, of, deadline, store => find(of, filter, asked))?;
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
        on_store!(self, of, deadline, store => explain(of, filter, sort))
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
        let mut found = on_store!(self, of, deadline, store => find(of, filter, options))?;
        Ok(found.pop())
    }

    /// How many match.
    pub async fn count(&self, of: &str, filter: RawDocumentBuf, deadline: Instant) -> Outcome<u64> {
        on_store!(self, of, deadline, store => count(of, filter))
    }

    /// `{"values": […]}`: each value of a field once.
    pub async fn distinct(
        &self,
        of: &str,
        field: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<RawDocumentBuf> {
        on_store!(self, of, deadline, store => distinct(of, field, filter))
    }

    /// The results of a pipeline.
    pub async fn aggregate(
        &self,
        of: &str,
        pipeline: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        on_store!(self, of, deadline, store => aggregate(of, pipeline))
    }

    /// `{"_id": …}` of each inserted document.
    pub async fn insert(
        &self,
        of: &str,
        documents: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        on_store!(self, of, deadline, store => insert(of, documents))
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
        on_store!(self, of, deadline, store => update(of, filter, update, options))
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
        on_store!(self, of, deadline, store => find_one_and_update(of, filter, update, options))
    }

    /// Deletes matches, and says how many.
    pub async fn delete(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        many: bool,
        deadline: Instant,
    ) -> Outcome<u64> {
        on_store!(self, of, deadline, store => delete(of, filter, many))
    }

    /// Makes all the writes, or none.
    pub async fn commit(&self, writes: Vec<Write>, deadline: Instant) -> Outcome<Vec<WriteResult>> {
        write::check_count(writes.len())?;
        on_store!(self, "", deadline, store => commit(writes))
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod origin_tests;
