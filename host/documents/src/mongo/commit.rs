//! Writes that MongoDB makes in one transaction, tried again where it asks for that; decides no grants.

use super::super::Operation;
use super::super::UpdateOptions;
use super::super::Write;
use super::super::WriteResult;
use super::Mongo;
use super::clients::Here;
use super::updated;
use bson::{Bson, Document, doc};
use mongodb::ClientSession;
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{
    Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};
use trm_documents::{Outcome, decode, encode, with_ids};

/// The longest pause before a transaction is tried again.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// A decoded write; the ids of what it inserts stay the same when it is tried again.
struct Prepared {
    collection: String,
    operation: Decoded,
    expected: Option<u64>,
}

enum Decoded {
    Insert(Vec<Document>, Vec<Bson>),
    Update(Document, Document, UpdateOptions),
    Delete(Document, bool),
}

impl Prepared {
    fn new(write: Write) -> Outcome<Self> {
        let operation = match write.operation {
            Operation::Insert(documents) => {
                let (documents, ids) = with_ids(documents)?;
                Decoded::Insert(documents, ids)
            }
            Operation::Update {
                filter,
                update,
                options,
            } => Decoded::Update(
                decode("filter", &filter)?,
                decode("update", &update)?,
                options,
            ),
            Operation::Delete { filter, many } => Decoded::Delete(decode("filter", &filter)?, many),
        };
        Ok(Self {
            collection: write.collection,
            operation,
            expected: write.expected,
        })
    }
}

impl Mongo {
    /// All the writes, or none. A deadline that passes during the commit itself leaves unknown which.
    pub(in super::super) async fn commit(
        &self,
        writes: Vec<Write>,
        deadline: Instant,
    ) -> Outcome<Vec<WriteResult>> {
        let writes: Vec<Prepared> = writes
            .into_iter()
            .map(Prepared::new)
            .collect::<Result<_, _>>()?;
        self.ask(deadline, async |here, _| {
            transact(here, &writes, deadline).await
        })
        .await?
    }
}

/// Outer errors are the driver's, inner ones this code's. The session, when dropped, aborts what is open.
async fn transact(
    here: &Here,
    writes: &[Prepared],
    deadline: Instant,
) -> Result<Outcome<Vec<WriteResult>>, Error> {
    let mut session = here.client.start_session().await?;
    let mut pause = Duration::from_millis(4);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).build())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .max_commit_time(left)
            .await?;
        let failed = match attempt(here, &mut session, writes).await {
            Ok(Ok(results)) => match settle(&mut session).await {
                Ok(()) => return Ok(Ok(results)),
                Err(error) => error,
            },
            Ok(Err(broken)) => {
                session.abort_transaction().await?;
                return Ok(Err(broken));
            }
            Err(error) => {
                // A transaction that the server has ended already cannot be ended again; the first
                // error is the one that says why.
                drop(session.abort_transaction().await);
                error
            }
        };
        if !failed.contains_label(TRANSIENT_TRANSACTION_ERROR) {
            return Err(failed);
        }
        tokio::time::sleep(pause.mul_f64(0.5 + fraction())).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

async fn attempt(
    here: &Here,
    session: &mut ClientSession,
    writes: &[Prepared],
) -> Result<Outcome<Vec<WriteResult>>, Error> {
    let mut results = Vec::with_capacity(writes.len());
    for (place, write) in writes.iter().enumerate() {
        let result = match make(here, session, write).await? {
            Ok(result) => result,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(broken) = result.meets(write.expected, place) {
            return Ok(Err(broken));
        }
        results.push(result);
    }
    Ok(Ok(results))
}

async fn make(
    here: &Here,
    session: &mut ClientSession,
    write: &Prepared,
) -> Result<Outcome<WriteResult>, Error> {
    let collection = here.database.collection::<Document>(&write.collection);
    match &write.operation {
        Decoded::Insert(documents, ids) => {
            if !documents.is_empty() {
                collection.insert_many(documents).session(session).await?;
            }
            let ids = ids.iter().map(|id| encode(&doc! {"_id": id}));
            Ok(ids.collect::<Outcome<_>>().map(WriteResult::Inserted))
        }
        Decoded::Update(filter, update, options) => {
            let (filter, update) = (filter.clone(), update.clone());
            let call = match options.many {
                true => collection.update_many(filter, update),
                false => collection.update_one(filter, update),
            };
            let done = call.upsert(options.upsert).session(session).await?;
            Ok(updated(done).map(WriteResult::Updated))
        }
        Decoded::Delete(filter, many) => {
            let call = match many {
                true => collection.delete_many(filter.clone()),
                false => collection.delete_one(filter.clone()),
            };
            let done = call.session(session).await?;
            Ok(Ok(WriteResult::Deleted(done.deleted_count)))
        }
    }
}

/// Commits, and asks again while MongoDB cannot say whether it did; the caller's deadline ends that.
async fn settle(session: &mut ClientSession) -> Result<(), Error> {
    loop {
        match session.commit_transaction().await {
            Err(error)
                if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                    && !error.contains_label(TRANSIENT_TRANSACTION_ERROR) =>
            {
                tokio::time::sleep(MAX_PAUSE).await;
            }
            settled => return settled,
        }
    }
}

/// From 0 to 1, another one each time, so that two transactions that met do not meet again.
fn fraction() -> f64 {
    (RandomState::new().hash_one(()) >> 11) as f64 / (1_u64 << 53) as f64
}
