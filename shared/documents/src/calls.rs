//! The calls of `trm:platform/documents` on SQLite, each on one connection; begins no transaction.

use crate::FindAndUpdateOptions;
use crate::FindOptions;
use crate::Outcome;
use crate::Sql;
use crate::UpdateOptions;
use crate::UpdateResult;
use crate::decode;
use crate::encode;
use crate::table;
use crate::update::{Update, Updated, update as change};
use crate::with_ids;
use bson::{Document, RawDocumentBuf, doc};

pub use crate::commit::commit;
pub use crate::index::create_index;
pub use crate::table::prepare;

/// Matches in order, one more than a page at most.
pub fn find(
    connection: &dyn Sql,
    of: &str,
    filter: &RawDocumentBuf,
    options: &FindOptions,
) -> Outcome<Vec<RawDocumentBuf>> {
    let filter = decode("filter", filter)?;
    let sort = optional("sort", options.sort.as_ref())?;
    let projection = optional("projection", options.projection.as_ref())?;
    let score = projection.as_ref().and_then(|projection| {
        let mut fields = projection.iter();
        let scored = fields.find(|(_, how)| trm_query::text::is_score(how))?;
        Some(scored.0.as_str())
    });
    let part = (options.limit, options.skip);
    let found = table::find(connection, of, &filter, sort.as_ref(), score, part)?;
    found
        .into_iter()
        .map(|raw| projected(raw, projection.as_ref()))
        .collect()
}

/// How SQLite would answer a query, one step a line.
pub fn explain(
    connection: &dyn Sql,
    of: &str,
    filter: &RawDocumentBuf,
    sort: Option<&RawDocumentBuf>,
) -> Outcome<String> {
    let sort = optional("sort", sort)?;
    table::explain(connection, of, &decode("filter", filter)?, sort.as_ref())
}

/// How many match.
pub fn count(connection: &dyn Sql, of: &str, filter: &RawDocumentBuf) -> Outcome<u64> {
    table::count(connection, of, &decode("filter", filter)?)
}

/// `{"values": […]}`: each value of a field once.
pub fn distinct(
    connection: &dyn Sql,
    of: &str,
    field: &str,
    filter: &RawDocumentBuf,
) -> Outcome<RawDocumentBuf> {
    let values = table::distinct(connection, of, field, &decode("filter", filter)?)?;
    encode(&doc! {"values": values})
}

/// The results of a pipeline. What it joins is of one moment where the caller has begun a transaction.
pub fn aggregate(
    connection: &dyn Sql,
    of: &str,
    pipeline: &[RawDocumentBuf],
) -> Outcome<Vec<RawDocumentBuf>> {
    let stages = pipeline.iter().map(|stage| decode("pipeline", stage));
    table::aggregate(connection, of, &stages.collect::<Result<Vec<_>, _>>()?)
}

/// `{"_id": …}` of each inserted document.
pub fn insert(
    connection: &dyn Sql,
    of: &str,
    documents: Vec<RawDocumentBuf>,
) -> Outcome<Vec<RawDocumentBuf>> {
    let (documents, ids) = with_ids(documents)?;
    table::insert(connection, of, &documents)?;
    let ids = ids.into_iter().map(|id| encode(&doc! {"_id": id}));
    ids.collect()
}

/// Updates matches.
pub fn update(
    connection: &dyn Sql,
    of: &str,
    filter: &RawDocumentBuf,
    update: &RawDocumentBuf,
    options: UpdateOptions,
) -> Outcome<UpdateResult> {
    let asked = Update {
        filter: decode("filter", filter)?,
        update: decode("update", update)?,
        sort: None,
        many: options.many,
        upsert: options.upsert,
    };
    result(change(connection, of, &asked)?)
}

/// Updates the first match and answers with it.
pub fn find_one_and_update(
    connection: &dyn Sql,
    of: &str,
    filter: &RawDocumentBuf,
    update: &RawDocumentBuf,
    options: &FindAndUpdateOptions,
) -> Outcome<Option<RawDocumentBuf>> {
    let asked = Update {
        filter: decode("filter", filter)?,
        update: decode("update", update)?,
        sort: optional("sort", options.sort.as_ref())?,
        many: false,
        upsert: options.upsert,
    };
    let projection = optional("projection", options.projection.as_ref())?;
    let done = change(connection, of, &asked)?;
    let shown = if options.return_new {
        done.after
    } else {
        done.before
    };
    shown
        .map(|shown| projected(encode(&shown)?, projection.as_ref()))
        .transpose()
}

/// Deletes matches, and says how many.
pub fn delete(connection: &dyn Sql, of: &str, filter: &RawDocumentBuf, many: bool) -> Outcome<u64> {
    table::delete(connection, of, &decode("filter", filter)?, many)
}

/// As the contract answers an update.
fn result(done: Updated) -> Outcome<UpdateResult> {
    Ok(UpdateResult {
        matched: done.matched,
        modified: done.modified,
        upserted: match (done.inserted, done.after) {
            (true, Some(after)) => Some(encode(&doc! {"_id": after.get("_id").cloned()})?),
            _ => None,
        },
    })
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
