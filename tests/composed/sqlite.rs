//! `spin:sqlite` over `rusqlite`, as Spin serves it: a connection of its own for each that is opened, one statement at a
//! time, and SQLite's message as the error; keeps no connection.

use crate::guest::State;
use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql, params_from_iter};
use wasmtime::component::Resource;

wasmtime::component::bindgen!({
    inline: "package test:composed;
        world needs { import spin:sqlite/sqlite@3.1.0; }",
    path: "../shared/platform/wit/deps/spin-sqlite.wit",
    imports: { default: trappable },
    with: { "spin:sqlite/sqlite.connection": rusqlite::Connection },
});

use spin::sqlite::sqlite::{Error, Host, HostConnection, QueryResult, RowResult, Value};

type Answer<T> = wasmtime::Result<Result<T, Error>>;
type Connection = Resource<rusqlite::Connection>;

impl Host for State {}

impl HostConnection for State {
    fn open(&mut self, database: String) -> Answer<Connection> {
        if database != "default" {
            return Ok(Err(Error::NoSuchDatabase));
        }
        match rusqlite::Connection::open(&self.database) {
            Ok(connection) => Ok(Ok(self.table.push(connection)?)),
            Err(error) => Ok(Err(Error::Io(error.to_string()))),
        }
    }

    fn execute(
        &mut self,
        connection: Connection,
        statement: String,
        parameters: Vec<Value>,
    ) -> Answer<QueryResult> {
        let connection = self.table.get(&connection)?;
        // It may wait for another's transaction.
        let answer = tokio::task::block_in_place(|| execute(connection, &statement, &parameters));
        Ok(answer.map_err(|error| Error::Io(error.to_string())))
    }

    fn changes(&mut self, connection: Connection) -> wasmtime::Result<u64> {
        Ok(self.table.get(&connection)?.changes())
    }

    fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

fn execute(
    connection: &rusqlite::Connection,
    statement: &str,
    parameters: &[Value],
) -> rusqlite::Result<QueryResult> {
    let mut statement = connection.prepare_cached(statement)?;
    let names = statement.column_names();
    let columns: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let width = columns.len();
    let given = params_from_iter(parameters.iter().map(bound));
    let rows = statement.query_map(given, |row| values(row, width))?;
    Ok(QueryResult {
        rows: rows.collect::<Result<_, _>>()?,
        columns,
    })
}

fn bound(value: &Value) -> Box<dyn ToSql + '_> {
    match value {
        Value::Integer(number) => Box::new(number),
        Value::Real(number) => Box::new(number),
        Value::Text(text) => Box::new(text),
        Value::Blob(bytes) => Box::new(bytes),
        Value::Null => Box::new(rusqlite::types::Null),
    }
}

fn values(row: &Row<'_>, width: usize) -> rusqlite::Result<RowResult> {
    let values = (0..width).map(|at| {
        Ok(match row.get_ref(at)? {
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            ValueRef::Null => Value::Null,
        })
    });
    Ok(RowResult {
        values: values.collect::<rusqlite::Result<_>>()?,
    })
}
