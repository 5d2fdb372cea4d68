//! The database that Spin lends: a connection for one call at a time, and its transactions; writes no SQL of its own.

use crate::bindings::spin::sqlite::sqlite::{Connection, Error, Value as Lent};
use crate::prepare;
use std::cell::Cell;
use trm_documents::sql::{EachRow, Value};
use trm_documents::{OriginError, Outcome, Sql};

/// The name that Spin gives the database of an application that names no other.
const NAME: &str = "default";

thread_local! {
    /// The connection between two calls.
    static IDLE: Cell<Option<Spin>> = const { Cell::new(None) };
}

/// A connection of Spin's.
struct Spin(Connection);

/// Asks without a transaction.
pub fn read<A>(work: impl FnOnce(&dyn Sql) -> Outcome<A>) -> Outcome<A> {
    let connection = match IDLE.take() {
        Some(connection) => connection,
        None => open()?,
    };
    // After an error the connection is dropped, and whatever it had begun is undone with it.
    let done = work(&connection)?;
    IDLE.set(Some(connection));
    Ok(done)
}

/// Asks for what is of one moment.
pub fn snapshot<A>(work: impl FnOnce(&dyn Sql) -> Outcome<A>) -> Outcome<A> {
    read(|connection| transaction(connection, "BEGIN", work))
}

/// One transaction: everything that `work` did, or nothing.
pub fn write<A>(work: impl FnOnce(&dyn Sql) -> Outcome<A>) -> Outcome<A> {
    read(|connection| transaction(connection, "BEGIN IMMEDIATE", work))
}

fn transaction<A>(
    connection: &dyn Sql,
    begin: &str,
    work: impl FnOnce(&dyn Sql) -> Outcome<A>,
) -> Outcome<A> {
    connection.execute(begin, &[])?;
    let done = work(connection)?;
    connection.execute("COMMIT", &[])?;
    Ok(done)
}

fn open() -> Outcome<Spin> {
    let connection = Spin(Connection::open(NAME).map_err(fault)?);
    if prepare::is_due(&connection)? {
        // Readers then do not wait for the one that writes. The file remembers it.
        connection.first("PRAGMA journal_mode = WAL", &[])?;
        transaction(&connection, "BEGIN IMMEDIATE", prepare::prepare)?;
    }
    Ok(connection)
}

impl Spin {
    fn first(&self, sql: &str, values: &[Value]) -> Outcome<Option<Vec<Value>>> {
        (self as &dyn Sql).first(sql, values)
    }
}

impl Sql for Spin {
    fn query(&self, sql: &str, values: &[Value], each: &mut EachRow<'_>) -> Outcome<()> {
        let values: Vec<Lent> = values.iter().cloned().map(Lent::from).collect();
        let answer = self.0.execute(sql, &values).map_err(fault)?;
        for row in answer.rows {
            each(row.values.into_iter().map(Value::from).collect())?;
        }
        Ok(())
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Outcome<u64> {
        self.query(sql, values, &mut |_| Ok(()))?;
        Ok(self.0.changes())
    }
}

impl From<Value> for Lent {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Lent> for Value {
    fn from(value: Lent) -> Self {
        match value {
            Lent::Null => Self::Null,
            Lent::Integer(number) => Self::Integer(number),
            Lent::Real(number) => Self::Real(number),
            Lent::Text(text) => Self::Text(text),
            Lent::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

/// Spin hands on SQLite's message and no code.
fn fault(error: Error) -> OriginError {
    let grant = "give the component sqlite_databases = [\"default\"], and its dependency inherit_configuration, in spin.toml";
    let text = match error {
        Error::Io(text) => text,
        Error::DatabaseFull => "the database is full".to_owned(),
        Error::NoSuchDatabase | Error::AccessDenied => {
            return OriginError::Internal(format!("Spin lends no database: {grant}"));
        }
        Error::InvalidConnection => "the connection is gone".to_owned(),
    };
    let says = |words: &str| text.contains(words);
    if says("UNIQUE constraint failed") {
        OriginError::duplicate(&text)
    } else if says("database is locked") || says("table is locked") || says("is full") {
        OriginError::Unavailable {
            retry_after_ms: 1_000,
            why: text,
        }
    } else if says("too big") || says("exceeds limit") {
        OriginError::TooLarge(text)
    } else {
        OriginError::Internal(text)
    }
}
