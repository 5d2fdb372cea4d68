//! Writes that are made in one transaction; translates no query, and begins no transaction.

use crate::Operation;
use crate::Outcome;
use crate::Sql;
use crate::Write;
use crate::WriteResult;
use crate::calls;

/// All the writes in order, until one fails or matches another number than it expected: whoever has begun the
/// transaction then makes none of them.
pub fn commit(connection: &dyn Sql, writes: Vec<Write>) -> Outcome<Vec<WriteResult>> {
    let mut results = Vec::with_capacity(writes.len());
    for (place, write) in writes.into_iter().enumerate() {
        let result = make(connection, &write.collection, write.operation)?;
        result.meets(write.expected, place)?;
        results.push(result);
    }
    Ok(results)
}

fn make(connection: &dyn Sql, of: &str, operation: Operation) -> Outcome<WriteResult> {
    Ok(match operation {
        Operation::Insert(documents) => {
            WriteResult::Inserted(calls::insert(connection, of, documents)?)
        }
        Operation::Update {
            filter,
            update,
            options,
        } => WriteResult::Updated(calls::update(connection, of, &filter, &update, options)?),
        Operation::Delete { filter, many } => {
            WriteResult::Deleted(calls::delete(connection, of, &filter, many)?)
        }
    })
}
