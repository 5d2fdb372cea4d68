//! MongoDB as the origin: pooled, within the deadline, behind a breaker; decides no grants.

mod clients;
mod commit;
mod fault;
mod watch;

use super::FindAndUpdateOptions;
use super::FindOptions;
use super::IndexSpec;
use super::OriginError;
use super::PoolUse;
use super::UpdateOptions;
use super::UpdateResult;
use bson::{Bson, Document, RawDocumentBuf, doc};
use clients::{Clients, Here};
use fault::explain;
use futures::TryStreamExt;
use mongodb::error::Error;
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Cursor, IndexModel};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trm_documents::{MAX_BYTES, MAX_DOCUMENTS, Outcome, decode, encode, with_ids};
use trm_resilience::breaker::Breaker;
use trm_resilience::breaker::State;
use watch::Watch;

/// How MongoDB is connected to.
#[derive(Clone, Debug)]
pub struct MongoSettings {
    /// The connection string. A secret.
    pub uri: String,
    /// The most connections.
    pub max_pool_size: u32,
    /// The connections that are kept open.
    pub min_pool_size: u32,
    /// A mode, as MongoDB spells it.
    pub read_preference: String,
    /// Failures in a row that open the breaker.
    pub breaker_threshold: u32,
    /// How long it stays open at most: a store that is away costs a request its whole deadline.
    pub breaker_reset: Duration,
    /// How long a request may wait for a server to be known.
    pub server_selection: Duration,
}

impl Default for MongoSettings {
    fn default() -> Self {
        Self {
            uri: String::new(),
            max_pool_size: 50,
            min_pool_size: 10,
            read_preference: "primaryPreferred".to_owned(),
            breaker_threshold: 5,
            breaker_reset: Duration::from_secs(30),
            server_selection: Duration::from_secs(2),
        }
    }
}

/// A database of MongoDB.
pub struct Mongo {
    clients: Clients,
    namespace: String,
    breaker: Breaker,
    watch: Arc<Watch>,
}

impl Mongo {
    pub(super) async fn new(settings: MongoSettings) -> Outcome<Self> {
        let wrong = |error: Error| OriginError::Invalid(format!("the connection string: {error}"));
        let watch = Arc::new(Watch::new(settings.max_pool_size));
        let clients = Clients::new(&settings, &watch).await.map_err(wrong)?;
        // A dead MongoDB is noticed by the driver's own monitor; half a minute of refusals would outlast it.
        let reset = settings.breaker_reset.min(Duration::from_secs(2));
        Ok(Self {
            namespace: clients.namespace(),
            clients,
            breaker: Breaker::new(settings.breaker_threshold, reset),
            watch,
        })
    }

    pub(super) fn namespace(&self) -> String {
        self.namespace.clone()
    }

    pub(super) fn breaker(&self) -> State {
        self.breaker.state()
    }

    pub(super) fn connection_errors(&self) -> u64 {
        self.watch.errors()
    }

    pub(super) fn connections(&self) -> PoolUse {
        self.watch.connections()
    }

    /// One call, through the breaker and within the deadline. `maxTimeMS` ends it on the server too.
    async fn ask<A>(
        &self,
        deadline: Instant,
        call: impl AsyncFnOnce(&Here, Duration) -> Result<A, Error>,
    ) -> Outcome<A> {
        let permit = self
            .breaker
            .admit()
            .map_err(|open| OriginError::Unavailable {
                retry_after_ms: open.retry_after.as_millis() as u32,
                why: "the breaker is open".to_owned(),
            })?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(OriginError::DeadlineExceeded);
        }
        let called = async { call(self.clients.here()?, left).await };
        match tokio::time::timeout(left, called).await {
            Ok(Ok(answer)) => {
                permit.success();
                Ok(answer)
            }
            Ok(Err(error)) => {
                let error = explain(error);
                match &error {
                    OriginError::Unavailable { .. } => permit.failure(),
                    _ => permit.success(),
                }
                Err(error)
            }
            Err(_) => Err(OriginError::DeadlineExceeded),
        }
    }

    pub(super) async fn ping(&self, deadline: Instant) -> Outcome<()> {
        self.ask(deadline, async |here, _| {
            here.database.run_command(doc! {"ping": 1}).await
        })
        .await?;
        Ok(())
    }

    pub(super) async fn create_index(
        &self,
        of: &str,
        spec: IndexSpec,
        deadline: Instant,
    ) -> Outcome<()> {
        let keys: Document = spec
            .keys
            .iter()
            .map(|(field, way)| {
                let kind = match spec.text {
                    true => Bson::String("text".to_owned()),
                    false => Bson::Int32(*way),
                };
                ((*field).to_owned(), kind)
            })
            .collect();
        let options = IndexOptions::builder()
            .unique(spec.unique)
            .sparse(spec.sparse)
            .build();
        let model = IndexModel::builder().keys(keys).options(options).build();
        self.ask(deadline, async |here, _| {
            here.collection(of).create_index(model).await
        })
        .await?;
        Ok(())
    }

    pub(super) async fn find(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        options: FindOptions,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let filter = decode("filter", &filter)?;
        let projection = options
            .projection
            .map(|raw| decode("projection", &raw))
            .transpose()?;
        let sort = options.sort.map(|raw| decode("sort", &raw)).transpose()?;
        self.ask(deadline, async |here, left| {
            let collection = here.collection(of);
            let mut find = collection
                .find(filter)
                .limit(i64::from(options.limit))
                .skip(u64::from(options.skip))
                .max_time(left);
            if let Some(projection) = projection {
                find = find.projection(projection);
            }
            if let Some(sort) = sort {
                find = find.sort(sort);
            }
            gather(find.await?).await
        })
        .await?
    }

    pub(super) async fn explain(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        sort: Option<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<String> {
        let mut find = doc! {"find": of, "filter": decode("filter", &filter)?};
        if let Some(sort) = sort {
            find.insert("sort", decode("sort", &sort)?);
        }
        let command = doc! {"explain": find, "verbosity": "queryPlanner"};
        let told = self
            .ask(deadline, async |here, _| {
                here.database.run_command(command).await
            })
            .await?;
        let planner = told.get_document("queryPlanner");
        let plan = planner.and_then(|planner| planner.get_document("winningPlan"));
        plan.map(Document::to_string)
            .map_err(|error| OriginError::Internal(format!("explain: {error}")))
    }

    pub(super) async fn count(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        deadline: Instant,
    ) -> Outcome<u64> {
        let filter = decode("filter", &filter)?;
        self.ask(deadline, async |here, left| {
            let of = here.collection(of);
            // How many there are in all stands in the collection's metadata: nothing is scanned.
            if filter.is_empty() {
                return of.estimated_document_count().max_time(left).await;
            }
            of.count_documents(filter).max_time(left).await
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
        let filter = decode("filter", &filter)?;
        let values = self
            .ask(deadline, async |here, left| {
                here.collection(of)
                    .distinct(field, filter)
                    .max_time(left)
                    .await
            })
            .await?;
        encode(&doc! {"values": values})
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
        self.ask(deadline, async |here, left| {
            let collection = here.collection(of);
            let found = collection.aggregate(pipeline).max_time(left);
            gather(found.with_type::<RawDocumentBuf>().await?).await
        })
        .await?
    }

    pub(super) async fn insert(
        &self,
        of: &str,
        documents: Vec<RawDocumentBuf>,
        deadline: Instant,
    ) -> Outcome<Vec<RawDocumentBuf>> {
        let (documents, ids) = with_ids(documents)?;
        self.ask(deadline, async |here, _| {
            let collection = here.database.collection::<Document>(of);
            collection.insert_many(documents).await
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
        let (filter, update) = (decode("filter", &filter)?, decode("update", &update)?);
        let result = self
            .ask(deadline, async |here, _| {
                let collection = here.collection(of);
                match options.many {
                    true => {
                        collection
                            .update_many(filter, update)
                            .upsert(options.upsert)
                            .await
                    }
                    false => {
                        collection
                            .update_one(filter, update)
                            .upsert(options.upsert)
                            .await
                    }
                }
            })
            .await?;
        updated(result)
    }

    pub(super) async fn find_one_and_update(
        &self,
        of: &str,
        filter: RawDocumentBuf,
        update: RawDocumentBuf,
        options: FindAndUpdateOptions,
        deadline: Instant,
    ) -> Outcome<Option<RawDocumentBuf>> {
        let (filter, update) = (decode("filter", &filter)?, decode("update", &update)?);
        let projection = options
            .projection
            .map(|raw| decode("projection", &raw))
            .transpose()?;
        let sort = options.sort.map(|raw| decode("sort", &raw)).transpose()?;
        let which = if options.return_new {
            ReturnDocument::After
        } else {
            ReturnDocument::Before
        };
        self.ask(deadline, async |here, left| {
            let collection = here.collection(of);
            let mut call = collection
                .find_one_and_update(filter, update)
                .upsert(options.upsert)
                .return_document(which)
                .max_time(left);
            if let Some(projection) = projection {
                call = call.projection(projection);
            }
            if let Some(sort) = sort {
                call = call.sort(sort);
            }
            call.await
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
        let filter = decode("filter", &filter)?;
        let result = self
            .ask(deadline, async |here, _| match many {
                true => here.collection(of).delete_many(filter).await,
                false => here.collection(of).delete_one(filter).await,
            })
            .await?;
        Ok(result.deleted_count)
    }
}

fn updated(result: mongodb::results::UpdateResult) -> Outcome<UpdateResult> {
    Ok(UpdateResult {
        matched: result.matched_count,
        modified: result.modified_count,
        upserted: result
            .upserted_id
            .map(|id| encode(&doc! {"_id": id}))
            .transpose()?,
    })
}

/// Every document of a cursor, within the bounds of one answer.
async fn gather(mut cursor: Cursor<RawDocumentBuf>) -> Result<Outcome<Vec<RawDocumentBuf>>, Error> {
    let (mut documents, mut bytes) = (Vec::new(), 0);
    while let Some(document) = cursor.try_next().await? {
        bytes += document.as_bytes().len();
        // One more than the bound may be asked for, to know whether more follow.
        if bytes > MAX_BYTES || documents.len() > MAX_DOCUMENTS as usize {
            return Ok(Err(OriginError::TooLarge(format!(
                "the answer is over {MAX_BYTES} bytes or {MAX_DOCUMENTS} documents; ask for less"
            ))));
        }
        documents.push(document);
    }
    Ok(Ok(documents))
}

#[cfg(test)]
mod tests;
