//! A connection of `rusqlite` as `trm-documents` uses one, and what its errors mean; writes no SQL.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, params_from_iter};
use trm_documents::sql::{EachRow, Value};
use trm_documents::{OriginError, Outcome, Sql};

/// One connection, lent.
pub struct Lent<'a>(pub &'a Connection);

impl Sql for Lent<'_> {
    fn query(&self, sql: &str, values: &[Value], each: &mut EachRow<'_>) -> Outcome<()> {
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        let columns = statement.column_count();
        let mut rows = statement
            .query(params_from_iter(values.iter().map(Bound)))
            .map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            each(read(row, columns)?)?;
        }
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Outcome<u64> {
        let mut statement = self.0.prepare_cached(sql).map_err(fault)?;
        let changed = statement.execute(params_from_iter(values.iter().map(Bound)));
        Ok(changed.map_err(fault)? as u64)
    }
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(row: &Row<'_>, columns: usize) -> Outcome<Vec<Value>> {
    (0..columns)
        .map(|at| {
            Ok(match row.get_ref(at).map_err(fault)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Real(number) => Value::Real(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            })
        })
        .collect()
}

/// What an error of SQLite means to a caller of the origin.
pub(super) fn fault(error: rusqlite::Error) -> OriginError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => OriginError::DeadlineExceeded,
        Some(ErrorCode::ConstraintViolation) => OriginError::duplicate(&text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            OriginError::Unavailable {
                retry_after_ms: 1_000,
                why: text,
            }
        }
        Some(ErrorCode::TooBig) => OriginError::TooLarge(text),
        _ => OriginError::Internal(text),
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
