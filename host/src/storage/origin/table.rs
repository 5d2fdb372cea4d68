//! One collection as one table of SQLite: its statements on one connection; owns no connection.

use super::IndexSpec;
use super::MAX_BYTES;
use super::MAX_DOCUMENTS;
use super::OriginError;
use super::Outcome;
use super::encode;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf};
use rusqlite::{Connection, params, params_from_iter};
use trm_query::aggregate::{run, split};
use trm_query::filter::{Condition, condition, order};
use trm_query::path::{Shape, expression};
use trm_query::{key, update as rules};

/// Documents that one pipeline may read.
const MAX_SCANNED: usize = 100_000;

/// One update, as MongoDB takes it.
pub(super) struct Update {
    pub filter: Document,
    pub update: Document,
    pub sort: Option<Document>,
    pub many: bool,
    pub upsert: bool,
}

/// What an update did; `before` and `after` are of the first document.
#[derive(Default)]
pub(super) struct Updated {
    pub matched: u64,
    pub modified: u64,
    pub inserted: bool,
    pub before: Option<Document>,
    pub after: Option<Document>,
}

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

fn make(connection: &Connection, of: &str) -> Outcome<String> {
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

fn shape(connection: &Connection, of: &str) -> Outcome<Shape> {
    let mut statement =
        connection.prepare_cached("SELECT kind, path FROM trm_shape WHERE collection = ?")?;
    let mut rows = statement.query([of])?;
    let mut shape = Shape::default();
    while let Some(row) = rows.next()? {
        let (kind, path): (String, String) = (row.get(0)?, row.get(1)?);
        match kind.as_str() {
            "array" => shape.arrays.insert(path),
            _ => shape.documents.insert(path),
        };
    }
    Ok(shape)
}

fn remember(connection: &Connection, of: &str, old: &Shape, new: &Shape) -> Outcome<()> {
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
    (limit, skip): (u32, u32),
) -> Outcome<Vec<RawDocumentBuf>> {
    let shape = shape(connection, of)?;
    let matching = condition(filter, &shape)?;
    let order = sort.map(|sort| order(sort, &shape)).transpose()?;
    let table = table(of)?;
    if !exists(connection, of)? {
        return Ok(Vec::new());
    }
    let order = order.filter(|order| !order.is_empty());
    let order = order
        .map(|order| format!(" ORDER BY {order}"))
        .unwrap_or_default();
    let sql = format!(
        "SELECT raw FROM {table} WHERE {}{order} LIMIT {limit} OFFSET {skip}",
        matching.sql
    );
    let most = MAX_DOCUMENTS as usize + 1;
    gather(connection, &sql, &matching, most)
}

fn gather(
    connection: &Connection,
    sql: &str,
    matching: &Condition,
    most: usize,
) -> Outcome<Vec<RawDocumentBuf>> {
    let mut statement = connection.prepare_cached(sql)?;
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
        found.push(raw);
    }
    Ok(found)
}

pub(super) fn count(connection: &Connection, of: &str, filter: &Document) -> Outcome<u64> {
    let matching = condition(filter, &shape(connection, of)?)?;
    let table = table(of)?;
    if !exists(connection, of)? {
        return Ok(0);
    }
    let sql = format!("SELECT count(*) FROM {table} WHERE {}", matching.sql);
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
    let matching = condition(filter, &shape(connection, of)?)?;
    let table = table(of)?;
    if !exists(connection, of)? {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT raw FROM {table} WHERE {}", matching.sql);
    gather(connection, &sql, &matching, MAX_SCANNED)?
        .iter()
        .map(|raw| super::decode("a document", raw))
        .collect()
}

pub(super) fn aggregate(
    connection: &Connection,
    of: &str,
    pipeline: &[Document],
) -> Outcome<Vec<RawDocumentBuf>> {
    let (filter, stages) = split(pipeline)?;
    let results = run(scan(connection, of, &filter)?, stages)?;
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
fn row(document: &Document, shape: &mut Shape) -> Outcome<(String, String, Vec<u8>)> {
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

pub(super) fn update(connection: &Connection, of: &str, change: &Update) -> Outcome<Updated> {
    rules::check(&change.update)?;
    let table = make(connection, of)?;
    let known = shape(connection, of)?;
    let mut seen = known.clone();
    let (limit, most) = if change.many {
        (u32::MAX, MAX_SCANNED)
    } else {
        (1, 1)
    };
    let matching = condition(&change.filter, &known)?;
    let order = change
        .sort
        .as_ref()
        .map(|sort| order(sort, &known))
        .transpose()?;
    let order = order
        .map(|order| format!(" ORDER BY {order}"))
        .unwrap_or_default();
    let sql = format!(
        "SELECT raw FROM {table} WHERE {}{order} LIMIT {limit}",
        matching.sql
    );
    let mut done = Updated::default();
    for raw in gather(connection, &sql, &matching, most)? {
        let before = super::decode("a document", &raw)?;
        let mut after = before.clone();
        rules::apply(&mut after, &change.update, false, DateTime::now())?;
        done.matched += 1;
        if after != before {
            done.modified += 1;
            let (id, form, raw) = row(&after, &mut seen)?;
            let sql = format!("UPDATE {table} SET doc = ?, raw = ? WHERE id = ?");
            connection
                .prepare_cached(&sql)?
                .execute(params![form, raw, id])?;
        }
        if done.before.is_none() {
            done.before = Some(before);
            done.after = Some(after);
        }
    }
    if done.matched == 0 && change.upsert {
        let mut made = Document::new();
        equalities(&change.filter, &mut made);
        rules::apply(&mut made, &change.update, true, DateTime::now())?;
        let mut complete = Document::new();
        let id = made
            .remove("_id")
            .unwrap_or_else(|| Bson::ObjectId(ObjectId::new()));
        complete.insert("_id", id);
        complete.extend(made);
        insert(connection, of, std::slice::from_ref(&complete))?;
        return Ok(Updated {
            inserted: true,
            after: Some(complete),
            ..Updated::default()
        });
    }
    remember(connection, of, &known, &seen)?;
    Ok(done)
}

/// What a filter says a new document must be: its plain equalities.
fn equalities(filter: &Document, made: &mut Document) {
    for (field, value) in filter {
        match value {
            Bson::Document(operators) if operators.keys().any(|name| name.starts_with('$')) => {
                if let (Some(value), false) = (operators.get("$eq"), field.contains('.')) {
                    made.insert(field, value.clone());
                }
            }
            Bson::Array(filters) if field == "$and" => {
                for filter in filters.iter().filter_map(Bson::as_document) {
                    equalities(filter, made);
                }
            }
            value if !field.starts_with('$') && !field.contains('.') => {
                made.insert(field, value.clone());
            }
            _ => {}
        }
    }
}

pub(super) fn delete(
    connection: &Connection,
    of: &str,
    filter: &Document,
    many: bool,
) -> Outcome<u64> {
    let table = make(connection, of)?;
    let matching = condition(filter, &shape(connection, of)?)?;
    let limit = if many { "" } else { " LIMIT 1" };
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {}{limit})",
        matching.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.execute(params_from_iter(&matching.keys))? as u64)
}

pub(super) fn create_index(connection: &Connection, of: &str, spec: IndexSpec) -> Outcome<()> {
    let table = make(connection, of)?;
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
