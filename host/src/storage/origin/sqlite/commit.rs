//! Writes that SQLite makes in one transaction; translates no query.

use super::super::Operation;
use super::super::Outcome;
use super::super::UpdateResult;
use super::super::Write;
use super::super::WriteResult;
use super::super::decode;
use super::super::encode;
use super::super::mongo::with_ids;
use super::Sqlite;
use super::table;
use super::update;
use super::update::Update;
use super::update::Updated;
use bson::doc;
use rusqlite::Connection;
use std::time::Instant;

impl Sqlite {
    /// All the writes, or none: the first error, or the first broken expectation, rolls back.
    pub(in super::super) async fn commit(
        &self,
        writes: Vec<Write>,
        deadline: Instant,
    ) -> Outcome<Vec<WriteResult>> {
        self.write(deadline, move |connection| {
            let mut results = Vec::with_capacity(writes.len());
            for (place, write) in writes.into_iter().enumerate() {
                let result = make(connection, &write.collection, write.operation)?;
                result.meets(write.expected, place)?;
                results.push(result);
            }
            Ok(results)
        })
        .await
    }
}

fn make(connection: &Connection, of: &str, operation: Operation) -> Outcome<WriteResult> {
    match operation {
        Operation::Insert(documents) => {
            let (documents, ids) = with_ids(documents)?;
            table::insert(connection, of, &documents)?;
            let ids = ids.into_iter().map(|id| encode(&doc! {"_id": id}));
            Ok(WriteResult::Inserted(ids.collect::<Result<_, _>>()?))
        }
        Operation::Update {
            filter,
            update,
            options,
        } => {
            let change = Update {
                filter: decode("filter", &filter)?,
                update: decode("update", &update)?,
                sort: None,
                many: options.many,
                upsert: options.upsert,
            };
            Ok(WriteResult::Updated(
                update::update(connection, of, &change)?.result()?,
            ))
        }
        Operation::Delete { filter, many } => {
            let filter = decode("filter", &filter)?;
            let count = table::delete(connection, of, &filter, many)?;
            Ok(WriteResult::Deleted(count))
        }
    }
}

impl Updated {
    /// As the contract answers an update.
    pub(super) fn result(self) -> Outcome<UpdateResult> {
        Ok(UpdateResult {
            matched: self.matched,
            modified: self.modified,
            upserted: match (self.inserted, self.after) {
                (true, Some(after)) => Some(encode(&doc! {"_id": after.get("_id").cloned()})?),
                _ => None,
            },
        })
    }
}
