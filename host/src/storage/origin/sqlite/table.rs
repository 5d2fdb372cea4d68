//! One collection as one table of SQLite: its statements on one connection; owns no connection.

use super::super::IndexSpec;
use super::super::MAX_BYTES;
use super::super::MAX_DOCUMENTS;
use super::super::OriginError;
use super::super::Outcome;
use super::super::encode;
use super::text;
use bson::{Bson, Document, RawDocumentBuf};
use rusqlite::{Connection, params, params_from_iter};
use trm_query::aggregate::{Source, run, split};
use trm_query::filter::{Condition, condition, order};
use trm_query::key;
use trm_query::path::{Shape, expression};

/// Documents that one pipeline may read.
pub(super) const MAX_SCANNED: usize = 100_000;

/// Makes the table of shapes, in which every collection's arrays and documents are remembered.
pub(super) fn prepare(connection: &Connection) -> Outcome<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS trm_shape (
            collection TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
            PRIMARY KEY (collection, kind, path)
        ) WITHOUT ROWID",
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

fn exists(connection: &Connection, of: &str) -> Outcome<bool> {
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")?;
    Ok(statement.exists([format!("c_{of}")])?)
}

pub(super) fn make(connection: &Connection, of: &str) -> Outcome<String> {
    let table = table(of)?;
    if !exists(connection, of)? {
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                id TEXT PRIMARY KEY, doc TEXT NOT NULL, raw BLOB NOT NULL
            )"
        ))?;
    }
    Ok(table)
}

pub(super) fn shape(connection: &Connection, of: &str) -> Outcome<Shape> {
    let mut statement =
        connection.prepare_cached("SELECT kind, path FROM trm_shape WHERE collection = ?")?;
    let mut rows = statement.query([of])?;
    let mut shape = Shape::default();
    while let Some(row) = rows.next()? {
        let (kind, path): (String, String) = (row.get(0)?, row.get(1)?);
        match kind.as_str() {
            "array" => shape.arrays.insert(path),
            "text" => {
                shape.text = Some(text::table(of));
                continue;
            }
            _ => shape.documents.insert(path),
        };
    }
    Ok(shape)
}

pub(super) fn remember(connection: &Connection, of: &str, old: &Shape, new: &Shape) -> Outcome<()> {
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO trm_shape VALUES (?, ?, ?)")?;
    for path in new.arrays.difference(&old.arrays) {
        statement.execute([of, "array", path])?;
    }
    for path in new.documents.difference(&old.documents) {
        statement.execute([of, "document", path])?;
    }
    Ok(())
}

/// The raw documents of a filter, in order, within the bounds of one answer.
pub(super) fn find(
    connection: &Connection,
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
        let mut document = super::super::decode("a document", &raw)?;
        document.insert(score, value);
        encode(&document)
    });
    scored.collect()
}

/// How SQLite would answer a query, one step a line.
pub(super) fn explain(
    connection: &Connection,
    of: &str,
    filter: &Document,
    sort: Option<&Document>,
) -> Outcome<String> {
    let Some((select, matching)) = selection(connection, of, filter, sort, None)? else {
        return Ok(String::new());
    };
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {select}"))?;
    let steps = statement.query_map(params_from_iter(&matching.keys), |row| row.get(3))?;
    Ok(steps.collect::<Result<Vec<String>, _>>()?.join("\n"))
}

/// The SELECT of a query, without its bounds; none where the collection is not there.
fn selection(
    connection: &Connection,
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
pub(super) fn from(of: &str, filter: &Document, shape: &Shape) -> Outcome<String> {
    let table = table(of)?;
    Ok(match &shape.text {
        Some(text) if trm_query::text::searches(filter) => {
            format!("{text} JOIN {table} ON {table}.rowid = {text}.rowid")
        }
        _ => table,
    })
}

pub(super) fn gather(
    connection: &Connection,
    sql: &str,
    matching: &Condition,
    most: usize,
) -> Outcome<Vec<(RawDocumentBuf, f64)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let scored = statement.column_count() > 1;
    let mut rows = statement.query(params_from_iter(&matching.keys))?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let raw: Vec<u8> = row.get(0)?;
        bytes += raw.len();
        if found.len() >= most || bytes > most.max(1_000) / 1_000 * MAX_BYTES {
            let fault = format!("the query reads more than {most} documents or too many bytes");
            return Err(OriginError::TooLarge(fault));
        }
        let raw = RawDocumentBuf::from_bytes(raw)
            .map_err(|error| OriginError::Internal(format!("a stored document: {error}")))?;
        let score = if scored { row.get(1)? } else { 0.0 };
        found.push((raw, score));
    }
    Ok(found)
}

pub(super) fn count(connection: &Connection, of: &str, filter: &Document) -> Outcome<u64> {
    let shape = shape(connection, of)?;
    let matching = condition(filter, &shape)?;
    let from = from(of, filter, &shape)?;
    if !exists(connection, of)? {
        return Ok(0);
    }
    let sql = format!("SELECT count(*) FROM {from} WHERE {}", matching.sql);
    let mut statement = connection.prepare_cached(&sql)?;
    let count: i64 = statement.query_row(params_from_iter(&matching.keys), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Each value of a field once, in order; the elements of an array count one by one.
pub(super) fn distinct(
    connection: &Connection,
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

fn scan(connection: &Connection, of: &str, filter: &Document) -> Outcome<Vec<Document>> {
    let Some((select, matching)) = selection(connection, of, filter, None, None)? else {
        return Ok(Vec::new());
    };
    gather(connection, &select, &matching, MAX_SCANNED)?
        .iter()
        .map(|(raw, _)| super::super::decode("a document", raw))
        .collect()
}

/// The other collections that a pipeline joins.
struct Others<'a>(&'a Connection);

impl Source for Others<'_> {
    type Error = OriginError;

    fn find(&mut self, of: &str, filter: &Document) -> Outcome<Vec<Document>> {
        scan(self.0, of, filter)
    }
}

pub(super) fn aggregate(
    connection: &Connection,
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

pub(super) fn insert(connection: &Connection, of: &str, documents: &[Document]) -> Outcome<()> {
    let table = make(connection, of)?;
    let known = shape(connection, of)?;
    let mut seen = known.clone();
    let sql = format!("INSERT INTO {table} (id, doc, raw) VALUES (?, ?, ?)");
    let mut statement = connection.prepare_cached(&sql)?;
    for document in documents {
        let (id, form, raw) = row(document, &mut seen)?;
        statement.execute(params![id, form, raw])?;
    }
    remember(connection, of, &known, &seen)
}

/// The columns of a document.
pub(super) fn row(document: &Document, shape: &mut Shape) -> Outcome<(String, String, Vec<u8>)> {
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

pub(super) fn delete(
    connection: &Connection,
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
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.execute(params_from_iter(&matching.keys))? as u64)
}

pub(super) fn create_index(connection: &Connection, of: &str, spec: IndexSpec) -> Outcome<()> {
    let table = make(connection, of)?;
    if spec.text {
        return text::create(connection, of, &table, spec.keys);
    }
    let mut columns = Vec::new();
    let mut sparse = Vec::new();
    let mut name = of.to_owned();
    for (field, way) in spec.keys {
        let value = expression(field)?;
        name.push_str(&format!("_{field}_{way}"));
        sparse.push(format!("{value} IS NOT NULL"));
        let direction = if *way < 0 { " DESC" } else { "" };
        columns.push((value, direction));
    }
    let plain: Vec<_> = columns
        .iter()
        .map(|(value, way)| format!("{value}{way}"))
        .collect();
    let only = if spec.sparse {
        format!(" WHERE {}", sparse.join(" OR "))
    } else {
        String::new()
    };
    let make = |unique: &str, name: &str, columns: &[String]| {
        format!(
            "CREATE {unique} INDEX IF NOT EXISTS \"{name}\" ON {table} ({}){only};",
            columns.join(", ")
        )
    };
    let mut sql = make("", &name, &plain);
    if spec.unique {
        // To MongoDB two missing values are equal, to SQLite two NULLs are not: a rank of 1 stands for them.
        let strict: Vec<_> = columns
            .iter()
            .map(|(value, _)| format!("ifnull({value}, '1')"))
            .collect();
        sql.push_str(&make("UNIQUE", &format!("{name}_unique"), &strict));
    }
    connection.execute_batch(&sql)?;
    Ok(())
}
