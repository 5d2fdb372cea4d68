//! SQLite as the embedded origin: connections, deadlines and transactions; what it is asked and how is `trm-documents`'s.

pub mod connection;
mod lane;

use super::FindAndUpdateOptions;
use super::FindOptions;
use super::IndexSpec;
use super::PoolUse;
use super::UpdateOptions;
use super::UpdateResult;
use super::Write;
use super::WriteResult;
use bson::RawDocumentBuf;
use connection::Lent;
use connection::fault;
use lane::Lane;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;
use trm_documents::{Outcome, Sql, calls};

/// Connections that read at one time; SQLite lets any number read beside the one that writes.
const READERS: usize = 4;

/// A database file.
pub struct Sqlite {
    file: PathBuf,
    readers: Lane,
    writer: Lane,
}

impl Sqlite {
    /// Opens `documents.sqlite` in a folder, or makes it.
    pub(super) fn open(folder: &Path) -> Outcome<Self> {
        let file = folder.join("documents.sqlite");
        let writer = Lane::open(&file, 1)?;
        Ok(Self {
            writer,
            readers: Lane::open(&file, READERS)?,
            file,
        })
    }

    /// The file, as no other path on this machine spells it.
    pub(super) fn namespace(&self) -> String {
        let file = self.file.canonicalize();
        file.as_ref().unwrap_or(&self.file).display().to_string()
    }

    async fn read<A: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&dyn Sql) -> Outcome<A> + Send + 'static,
    ) -> Outcome<A> {
        let work = move |connection: &mut Connection| work(&Lent(connection));
        self.readers.run(deadline, work).await
    }

    /// One transaction: everything that `work` did, or nothing.
    async fn write<A: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&dyn Sql) -> Outcome<A> + Send + 'static,
    ) -> Outcome<A> {
        let work = move |connection: &mut Connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(fault)?;
            let done = work(&Lent(&transaction))?;
            transaction.commit().map_err(fault)?;
            Ok(done)
        };
        self.writer.run(deadline, work).await
    }

    /// All are open from the start. Nobody counts the calls that wait.
    pub(super) fn connections(&self) -> PoolUse {
        let all = READERS as u64 + 1;
        PoolUse {
            open: all,
            in_use: self.readers.used() + self.writer.used(),
            waiting: 0,
            limit: all,
        }
    }

    pub(super) async fn ping(&self, deadline: Instant) -> Outcome<()> {
        let work = |connection: &dyn Sql| connection.first("SELECT 1", &[]).map(drop);
        self.read(deadline, work).await
    }

    pub(super) async fn create_index(
        &self,
        of: &str,
        spec: IndexSpec,
        deadline: Instant,
    ) -> Outcome<()> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            calls::create_index(connection, &of, spec)
        })
        .await
    }

    pub(super) async fn find(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        options: FindOptions,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let of = of.to_owned();
        self.read(deadline, move |connection| {
            calls::find(connection, &of, &filter, &options)
        })
        .await
    }

    pub(super) async fn explain(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        sort: Option<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<String> {
        let of = of.to_owned();
        self.read(deadline, move |connection| {
            calls::explain(connection, &of, &filter, sort.as_ref())
        })
        .await
    }

    pub(super) async fn count(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<u64> {
        let of = of.to_owned();
        self.read(deadline, move |connection| {
            calls::count(connection, &of, &filter)
        })
        .await
    }

    pub(super) async fn distinct(
        &self,
        of: &str,
        field: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<RawDocumentBuf> {
        let (of, field) = (of.to_owned(), field.to_owned());
        self.read(deadline, move |connection| {
            calls::distinct(connection, &of, &field, &filter)
        })
        .await
    }

    pub(super) async fn aggregate(
        &self,
        of: &str,
        pipeline: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let of = of.to_owned();
        let work = move |connection: &mut Connection| {
            // One transaction, so that what a pipeline joins is of one moment.
            let snapshot = connection.transaction().map_err(fault)?;
            calls::aggregate(&Lent(&snapshot), &of, &pipeline)
        };
        self.readers.run(deadline, work).await
    }

    pub(super) async fn insert(
        &self,
        of: &str,
        documents: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            calls::insert(connection, &of, documents)
        })
        .await
    }

    pub(super) async fn update(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        options: UpdateOptions,
        deadline: Instant,
    ) -> Outcome<UpdateResult> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            calls::update(connection, &of, &filter, &update, options)
        })
        .await
    }

    pub(super) async fn find_one_and_update(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        options: FindAndUpdateOptions,
        deadline: Instant,
    ) -> Outcome<Option<RawDocumentBuf>> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            calls::find_one_and_update(connection, &of, &filter, &update, &options)
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        many: bool,
        deadline: Instant,
    ) -> Outcome<u64> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            calls::delete(connection, &of, &filter, many)
        })
        .await
    }

    /// All the writes, or none: the first error, or the first broken expectation, rolls back.
    pub(super) async fn commit(
        &self,
        writes: Vec<Write>,
        deadline: Instant,
    ) -> Outcome<Vec<WriteResult>> {
        self.write(deadline, move |connection| {
            calls::commit(connection, writes)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
