//! SQLite as the embedded origin: connections, deadlines and transactions; the query language is `trm-query`'s.

mod commit;
mod lane;
mod table;
mod text;
mod update;

use super::FindAndUpdateOptions;
use super::FindOptions;
use super::IndexSpec;
use super::OriginError;
use super::Outcome;
use super::PoolUse;
use super::UpdateOptions;
use super::UpdateResult;
use super::decode;
use super::encode;
use super::mongo::with_ids;
use bson::{Document, RawDocumentBuf, doc};
use lane::Lane;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;
use trm_query::QueryError;
use update::Update;

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
        work: impl FnOnce(&mut Connection) -> Outcome<A> + Send + 'static,
    ) -> Outcome<A> {
        self.readers.run(deadline, work).await
    }

    /// One transaction: everything that `work` did, or nothing.
    async fn write<A: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Connection) -> Outcome<A> + Send + 'static,
    ) -> Outcome<A> {
        self.writer
            .run(deadline, move |connection| {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .await
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
        self.read(deadline, |connection| {
            Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)
        })
        .await
    }

    pub(super) async fn create_index(
        &self,
        of: &str,
        spec: IndexSpec,
        deadline: Instant,
    ) -> Outcome<()> {
        let of = of.to_owned();
        self.write(deadline, move |connection| {
            table::create_index(connection, &of, spec)
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
        let (of, filter) = (of.to_owned(), decode("filter", &filter)?);
        let sort = optional("sort", options.sort.as_ref())?;
        let projection = optional("projection", options.projection.as_ref())?;
        self.read(deadline, move |connection| {
            let part = (options.limit, options.skip);
            let score = projection.as_ref().and_then(|projection| {
                let mut fields = projection.iter();
                let scored = fields.find(|(_, how)| trm_query::text::is_score(how))?;
                Some(scored.0.as_str())
            });
            let found = table::find(connection, &of, &filter, sort.as_ref(), score, part)?;
            found
                .into_iter()
                .map(|raw| projected(raw, projection.as_ref()))
                .collect()
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
        let (of, filter) = (of.to_owned(), decode("filter", &filter)?);
        let sort = optional("sort", sort.as_ref())?;
        self.read(deadline, move |connection| {
            table::explain(connection, &of, &filter, sort.as_ref())
        })
        .await
    }

    pub(super) async fn count(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<u64> {
        let (of, filter) = (of.to_owned(), decode("filter", &filter)?);
        self.read(deadline, move |connection| {
            table::count(connection, &of, &filter)
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
        let (of, filter) = (of.to_owned(), decode("filter", &filter)?);
        let field = field.to_owned();
        self.read(deadline, move |connection| {
            encode(&doc! {"values": table::distinct(connection, &of, &field, &filter)?})
        })
        .await
    }

    pub(super) async fn aggregate(
        &self,
        of: &str,
        pipeline: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let pipeline: Vec<Document> = pipeline
            .iter()
            .map(|stage| decode("pipeline", stage))
            .collect::<Result<_, _>>()?;
        let of = of.to_owned();
        self.read(deadline, move |connection| {
            // One transaction, so that what a pipeline joins is of one moment.
            let snapshot = connection.transaction()?;
            table::aggregate(&snapshot, &of, &pipeline)
        })
        .await
    }

    pub(super) async fn insert(
        &self,
        of: &str,
        documents: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let of = of.to_owned();
        let (documents, ids) = with_ids(documents)?;
        self.write(deadline, move |connection| {
            table::insert(connection, &of, &documents)
        })
        .await?;
        ids.into_iter()
            .map(|id| encode(&doc! {"_id": id}))
            .collect()
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
        let change = Update {
            filter: decode("filter", &filter)?,
            update: decode("update", &update)?,
            sort: None,
            many: options.many,
            upsert: options.upsert,
        };
        self.write(deadline, move |connection| {
            update::update(connection, &of, &change)?.result()
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
        let change = Update {
            filter: decode("filter", &filter)?,
            update: decode("update", &update)?,
            sort: optional("sort", options.sort.as_ref())?,
            many: false,
            upsert: options.upsert,
        };
        let projection = optional("projection", options.projection.as_ref())?;
        self.write(deadline, move |connection| {
            let done = update::update(connection, &of, &change)?;
            let shown = if options.return_new {
                done.after
            } else {
                done.before
            };
            shown
                .map(|shown| projected(encode(&shown)?, projection.as_ref()))
                .transpose()
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
        let (of, filter) = (of.to_owned(), decode("filter", &filter)?);
        self.write(deadline, move |connection| {
            table::delete(connection, &of, &filter, many)
        })
        .await
    }
}

fn optional(what: &str, raw: Option<&RawDocumentBuf>) -> Outcome<Option<Document>> {
    raw.map(|raw| decode(what, raw)).transpose()
}

fn projected(raw: RawDocumentBuf, projection: Option<&Document>) -> Outcome<RawDocumentBuf> {
    match projection {
        Some(projection) => encode(&trm_query::project::project(
            &decode("a document", &raw)?,
            projection,
        )?),
        None => Ok(raw),
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

impl From<rusqlite::Error> for OriginError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::DeadlineExceeded,
            Some(ErrorCode::ConstraintViolation) => {
                let index = text
                    .split("index '")
                    .nth(1)
                    .and_then(|rest| rest.split('\'').next());
                Self::DuplicateKey(index.unwrap_or("_id_").to_owned())
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
                Self::Unavailable {
                    retry_after_ms: 1_000,
                    why: text,
                }
            }
            Some(ErrorCode::TooBig) => Self::TooLarge(text),
            _ => Self::Internal(text),
        }
    }
}
