//! A connection to SQLite as this crate needs it, so that a host's own and one that a host lends are used alike; opens none.

use crate::OriginError;
use crate::Outcome;

/// A value that a statement is given, or a column of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A connection that runs one statement at a time.
pub trait Sql {
    /// Hands on the rows one by one, until one of them is refused.
    fn query(&self, sql: &str, values: &[Value], each: &mut EachRow<'_>) -> Outcome<()>;

    /// Runs a statement that answers no rows; how many it changed.
    fn execute(&self, sql: &str, values: &[Value]) -> Outcome<u64>;
}

/// What takes the rows.
pub type EachRow<'a> = dyn FnMut(Vec<Value>) -> Outcome<()> + 'a;

impl dyn Sql + '_ {
    /// The first row, where there is one.
    pub fn first(&self, sql: &str, values: &[Value]) -> Outcome<Option<Vec<Value>>> {
        let mut first = None;
        self.query(sql, values, &mut |row| {
            first.get_or_insert(row);
            Ok(())
        })?;
        Ok(first)
    }

    /// The first column of every row, which are texts.
    pub fn texts(&self, sql: &str, values: &[Value]) -> Outcome<Vec<String>> {
        let mut texts = Vec::new();
        self.query(sql, values, &mut |row| {
            texts.push(text(row.into_iter().next())?);
            Ok(())
        })?;
        Ok(texts)
    }
}

/// A column that holds a text.
pub fn text(column: Option<Value>) -> Outcome<String> {
    match column {
        Some(Value::Text(text)) => Ok(text),
        other => Err(unlike("a text", &other)),
    }
}

/// A column that holds a whole number.
pub fn integer(column: Option<Value>) -> Outcome<i64> {
    match column {
        Some(Value::Integer(number)) => Ok(number),
        other => Err(unlike("a whole number", &other)),
    }
}

/// A column that holds bytes.
pub fn blob(column: Option<Value>) -> Outcome<Vec<u8>> {
    match column {
        Some(Value::Blob(bytes)) => Ok(bytes),
        other => Err(unlike("bytes", &other)),
    }
}

fn unlike(wanted: &str, found: &Option<Value>) -> OriginError {
    let kind = match found {
        None => "no column",
        Some(Value::Null) => "NULL",
        Some(Value::Integer(_)) => "a whole number",
        Some(Value::Real(_)) => "a number",
        Some(Value::Text(_)) => "a text",
        Some(Value::Blob(_)) => "bytes",
    };
    OriginError::Internal(format!("SQLite answered {kind} where {wanted} is stored"))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}
