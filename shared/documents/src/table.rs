//! One collection as one table of SQLite: its statements on one connection; owns no connection.

use crate::MAX_BYTES;
use crate::MAX_DOCUMENTS;
use crate::OriginError;
use crate::Outcome;
use crate::Sql;
use crate::decode;
use crate::encode;
use crate::sql;
use crate::sql::Value;
use crate::text;
use bson::{Bson, Document, RawDocumentBuf};
use trm_query::aggregate::{Source, run, split};
use trm_query::filter::{Condition, condition, order};
use trm_query::key;
use trm_query::path::Shape;

/// Documents that one pipeline may read.
pub(crate) const MAX_SCANNED: usize = 100_000;

/// Makes the table of shapes, in which every collection's arrays and documents are remembered.
pub fn prepare(connection: &dyn Sql) -> Outcome<()> {
    connection.execute(
        "CREATE TABLE IF NOT EXISTS trm_shape (
            collection TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
            PRIMARY KEY (collection, kind, path)
        ) WITHOUT ROWID",
        &[],
    )?;
    Ok(())
}

/// The table of a collection, quoted. Names come from manifests, and are checked all the same.
fn table(of: &str) -> Outcome<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if of.is_empty() || of.len() > 64 || !of.bytes().all(plain) {
        return Err(OriginError::Invalid(format!(
            "\"{of}\" is not a collection's name"
        )));
    }
    Ok(format!("\"c_{of}\""))
}

fn exists(connection: &dyn Sql, of: &str) -> Outcome<bool> {
    let known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    let found = connection.first(known, &[format!("c_{of}").into()])?;
    Ok(found.is_some())
}

pub(crate) fn make(connection: &dyn Sql, of: &str) -> Outcome<String> {
    let table = table(of)?;
    if !exists(connection, of)? {
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                id TEXT PRIMARY KEY, doc TEXT NOT NULL, raw BLOB NOT NULL
            )"
        );
        connection.execute(&sql, &[])?;
    }
    Ok(table)
}

pub(crate) fn shape(connection: &dyn Sql, of: &str) -> Outcome<Shape> {
    let sql = "SELECT kind, path FROM trm_shape WHERE collection = ?";
    let mut shape = Shape::default();
    connection.query(sql, &[of.into()], &mut |row| {
        let mut columns = row.into_iter();
        let (kind, path) = (sql::text(columns.next())?, sql::text(columns.next())?);
        match kind.as_str() {
            "array" => drop(shape.arrays.insert(path)),
            "text" => shape.text = Some(text::table(of)),
            _ => drop(shape.documents.insert(path)),
        }
        Ok(())
    })?;
    Ok(shape)
}

pub(crate) fn remember(connection: &dyn Sql, of: &str, old: &Shape, new: &Shape) -> Outcome<()> {
    let arrays = new.arrays.difference(&old.arrays);
    let documents = new.documents.difference(&old.documents);
    let learnt = arrays
        .map(|path| ("array", path))
        .chain(documents.map(|path| ("document", path)));
    for (kind, path) in learnt {
        let sql = "INSERT OR IGNORE INTO trm_shape VALUES (?, ?, ?)";
        connection.execute(sql, &[of.into(), kind.into(), path.as_str().into()])?;
    }
    Ok(())
}

/// The raw documents of a filter, in order, within the bounds of one answer.
pub(crate) fn find(
    connection: &dyn Sql,
    of: &str,
    filter: &Document,
    sort: Option<&Document>,
    score: Option<&str>,
    (limit, skip): (u32, u32),
) -> Outcome<Vec<RawDocumentBuf>> {
    let Some((select, matching)) = selection(connection, of, filter, sort, score)? else {
        return Ok(Vec::new());
    };
    let sql = format!("{select} LIMIT {limit} OFFSET {skip}");
    let most = MAX_DOCUMENTS as usize + 1;
    let found = gather(connection, &sql, &matching, most)?;
    let Some(score) = score else {
        return Ok(found.into_iter().map(|(raw, _)| raw).collect());
    };
    let scored = found.into_iter().map(|(raw, value)| {
        let mut document = decode("a document", &raw)?;
        document.insert(score, value);
        encode(&document)
    });
    scored.collect()
}

/// How SQLite would answer a query, one step a line.
pub(crate) fn explain(
    connection: &dyn Sql,
    of: &str,
    filter: &Document,
    sort: Option<&Document>,
) -> Outcome<String> {
    let Some((select, matching)) = selection(connection, of, filter, sort, None)? else {
        return Ok(String::new());
    };
    let mut steps = Vec::new();
    let sql = format!("EXPLAIN QUERY PLAN {select}");
    connection.query(&sql, &values(&matching), &mut |row| {
        steps.push(sql::text(row.into_iter().nth(3))?);
        Ok(())
    })?;
    Ok(steps.join("\n"))
}

/// The SELECT of a query, without its bounds; none where the collection is not there.
fn selection(
    connection: &dyn Sql,
    of: &str,
    filter: &Document,
    sort: Option<&Document>,
    score: Option<&str>,
) -> Outcome<Option<(String, Condition)>> {
    let shape = shape(connection, of)?;
    let matching = condition(filter, &shape)?;
    let order = sort.map(|sort| order(sort, &shape)).transpose()?;
    let from = from(of, filter, &shape)?;
    let score = match score {
        Some(_) => format!(", {}", trm_query::text::score(&shape)?),
        None => String::new(),
    };
    if !exists(connection, of)? {
        return Ok(None);
    }
    let order = order.filter(|order| !order.is_empty());
    let order = order
        .map(|order| format!(" ORDER BY {order}"))
        .unwrap_or_default();
    let select = format!(
        "SELECT raw{score} FROM {from} WHERE {}{order}",
        matching.sql
    );
    Ok(Some((select, matching)))
}

/// The collection's table, and beside it the full-text one where the filter searches.
pub(crate) fn from(of: &str, filter: &Document, shape: &Shape) -> Outcome<String> {
    let table = table(of)?;
    Ok(match &shape.text {
        Some(text) if trm_query::text::searches(filter) => {
            format!("{text} JOIN {table} ON {table}.rowid = {text}.rowid")
        }
        _ => table,
    })
}

/// The documents of a statement, each with its score where the statement asks for it, up to a bound.
pub(crate) fn gather(
    connection: &dyn Sql,
    sql: &str,
    matching: &Condition,
    most: usize,
) -> Outcome<Vec<(RawDocumentBuf, f64)>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    connection.query(sql, &values(matching), &mut |row| {
        let mut columns = row.into_iter();
        let raw = sql::blob(columns.next())?;
        bytes += raw.len();
        if found.len() >= most || bytes > most.max(1_000) / 1_000 * MAX_BYTES {
            let fault = format!("the query reads more than {most} documents or too many bytes");
            return Err(OriginError::TooLarge(fault));
        }
        let raw = RawDocumentBuf::from_bytes(raw)
            .map_err(|error| OriginError::Internal(format!("a stored document: {error}")))?;
        let score = match columns.next() {
            Some(Value::Real(score)) => score,
            _ => 0.0,
        };
        found.push((raw, score));
        Ok(())
    })?;
    Ok(found)
}

/// The values of a condition's places.
fn values(matching: &Condition) -> Vec<Value> {
    let keys = matching.keys.iter();
    keys.map(|key| key.as_str().into()).collect()
}

pub(crate) fn count(connection: &dyn Sql, of: &str, filter: &Document) -> Outcome<u64> {
    let shape = shape(connection, of)?;
    let matching = condition(filter, &shape)?;
    let from = from(of, filter, &shape)?;
    if !exists(connection, of)? {
        return Ok(0);
    }
    let sql = format!("SELECT count(*) FROM {from} WHERE {}", matching.sql);
    let counted = connection.first(&sql, &values(&matching))?;
    let count = sql::integer(counted.and_then(|row| row.into_iter().next()))?;
    Ok(count.unsigned_abs())
}

/// Each value of a field once, in order; the elements of an array count one by one.
pub(crate) fn distinct(
    connection: &dyn Sql,
    of: &str,
    field: &str,
    filter: &Document,
) -> Outcome<Vec<Bson>> {
    let mut values = std::collections::BTreeMap::new();
    for document in scan(connection, of, filter)? {
        let mut at = Some(&Bson::Document(document)).cloned();
        for name in field.split('.') {
            at = match at {
                Some(Bson::Document(mut inner)) => inner.remove(name),
                Some(Bson::Array(_)) => {
                    let what = "the embedded store does not support distinct through an array";
                    return Err(OriginError::Unsupported(what.to_owned()));
                }
                _ => None,
            };
        }
        let each = match at {
            Some(Bson::Array(elements)) => elements,
            Some(value) => vec![value],
            None => Vec::new(),
        };
        for value in each {
            values.entry(key::scalar(&value)?).or_insert(value);
        }
    }
    Ok(values.into_values().collect())
}

fn scan(connection: &dyn Sql, of: &str, filter: &Document) -> Outcome<Vec<Document>> {
    let Some((select, matching)) = selection(connection, of, filter, None, None)? else {
        return Ok(Vec::new());
    };
    gather(connection, &select, &matching, MAX_SCANNED)?
        .iter()
        .map(|(raw, _)| decode("a document", raw))
        .collect()
}

/// The other collections that a pipeline joins.
struct Others<'a>(&'a dyn Sql);

impl Source for Others<'_> {
    type Error = OriginError;

    fn find(&mut self, of: &str, filter: &Document) -> Outcome<Vec<Document>> {
        scan(self.0, of, filter)
    }
}

pub(crate) fn aggregate(
    connection: &dyn Sql,
    of: &str,
    pipeline: &[Document],
) -> Outcome<Vec<RawDocumentBuf>> {
    let (filter, stages) = split(pipeline)?;
    let results = run(
        scan(connection, of, &filter)?,
        stages,
        &mut Others(connection),
    )?;
    if results.len() > MAX_DOCUMENTS as usize {
        let fault = format!("the pipeline answers more than {MAX_DOCUMENTS} documents");
        return Err(OriginError::TooLarge(fault));
    }
    results.iter().map(encode).collect()
}

pub(crate) fn insert(connection: &dyn Sql, of: &str, documents: &[Document]) -> Outcome<()> {
    let table = make(connection, of)?;
    let known = shape(connection, of)?;
    let mut seen = known.clone();
    let sql = format!("INSERT INTO {table} (id, doc, raw) VALUES (?, ?, ?)");
    for document in documents {
        let (id, form, raw) = row(document, &mut seen)?;
        connection.execute(&sql, &[id.into(), form.into(), raw.into()])?;
    }
    remember(connection, of, &known, &seen)
}

/// The columns of a document.
pub(crate) fn row(document: &Document, shape: &mut Shape) -> Outcome<(String, String, Vec<u8>)> {
    let id = document.get("_id").unwrap_or(&Bson::Null);
    let id = key::scalar(id)?.unwrap_or_else(|| "1".to_owned());
    let raw = encode(document)?.into_bytes();
    if raw.len() > MAX_BYTES {
        return Err(OriginError::TooLarge(format!(
            "a document is over {MAX_BYTES} bytes"
        )));
    }
    Ok((id, key::document(document, shape)?.to_string(), raw))
}

pub(crate) fn delete(
    connection: &dyn Sql,
    of: &str,
    filter: &Document,
    many: bool,
) -> Outcome<u64> {
    let table = make(connection, of)?;
    let shape = shape(connection, of)?;
    let matching = condition(filter, &shape)?;
    let from = from(of, filter, &shape)?;
    let limit = if many { "" } else { " LIMIT 1" };
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {from} WHERE {}{limit})",
        matching.sql
    );
    connection.execute(&sql, &values(&matching))
}
