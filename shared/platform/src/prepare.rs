//! What a database needs once: tables, the marketplace's indexes and, where it is asked for, the sample data; answers no call.

use crate::now;
use std::hash::{DefaultHasher, Hash, Hasher};
use trm_documents::{IndexSpec, Outcome, Sql, calls, sql};
use trm_domain::{sample, schema};

/// The variable that asks for the sample data: `spin up --env TRM_SAMPLE=on`. Its accounts have a known password,
/// so that no database gets them unasked.
const SAMPLE: &str = "TRM_SAMPLE";

/// Tables beside those of documents.
const TABLES: [&str; 8] = [
    "CREATE TABLE IF NOT EXISTS trm_cache (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, fresh INTEGER NOT NULL, kept INTEGER NOT NULL
    )",
    "CREATE INDEX IF NOT EXISTS trm_cache_kept ON trm_cache (kept)",
    "CREATE TABLE IF NOT EXISTS trm_cache_tag (
        tag TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (tag, key)
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS trm_cache_tag_key ON trm_cache_tag (key)",
    "CREATE TRIGGER IF NOT EXISTS trm_cache_gone AFTER DELETE ON trm_cache BEGIN
        DELETE FROM trm_cache_tag WHERE key = old.key; END",
    // AUTOINCREMENT: a stamp is never given twice, whatever is deleted.
    "CREATE TABLE IF NOT EXISTS trm_barrier (
        stamp INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL UNIQUE, raised INTEGER NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS trm_counter (
        key TEXT PRIMARY KEY, value INTEGER NOT NULL, ends INTEGER NOT NULL
    )",
    "CREATE INDEX IF NOT EXISTS trm_counter_ends ON trm_counter (ends)",
];

/// Whether something is not there yet: one statement of each new connection.
pub fn is_due(connection: &dyn Sql) -> Outcome<bool> {
    let made = made(connection)?;
    Ok(made & !1 != version() || wanted() & !made == 1)
}

/// Makes what is missing.
pub fn prepare(connection: &dyn Sql) -> Outcome<()> {
    // Another instance may have made it all meanwhile.
    if !is_due(connection)? {
        return Ok(());
    }
    calls::prepare(connection)?;
    for table in TABLES {
        connection.execute(table, &[])?;
    }
    for index in schema::INDEXES {
        let spec = IndexSpec {
            keys: index.keys,
            unique: index.unique,
            sparse: index.sparse,
            text: index.text,
        };
        calls::create_index(connection, index.collection, spec)?;
    }
    if wanted() == 1 {
        fill(connection)?;
    }
    let made = version() | (made(connection)? | wanted()) & 1;
    connection.execute(&format!("PRAGMA user_version = {made}"), &[])?;
    Ok(())
}

/// The sample data, where its collections are empty.
fn fill(connection: &dyn Sql) -> Outcome<()> {
    let everything = bson::RawDocumentBuf::new();
    for (collection, documents) in sample::collections(now()) {
        if calls::count(connection, collection, &everything)? == 0 {
            let documents = documents.iter().map(trm_documents::encode);
            calls::insert(connection, collection, documents.collect::<Result<_, _>>()?)?;
        }
    }
    Ok(())
}

/// What the database remembers: the version of what was made, and in its lowest bit the sample data.
fn made(connection: &dyn Sql) -> Outcome<i32> {
    let row = connection.first("PRAGMA user_version", &[])?;
    let made = sql::integer(row.and_then(|row| row.into_iter().next()))?;
    Ok(i32::try_from(made).unwrap_or(0))
}

/// 1 where the sample data is asked for.
fn wanted() -> i32 {
    i32::from(std::env::var(SAMPLE).is_ok_and(|value| value == "on"))
}

/// Another number where tables or indexes have changed; never 0, which is a new database.
fn version() -> i32 {
    let mut hasher = DefaultHasher::new();
    TABLES.hash(&mut hasher);
    for index in schema::INDEXES {
        format!("{index:?}").hash(&mut hasher);
    }
    let [a, b, c, d, ..] = hasher.finish().to_le_bytes();
    i32::from_le_bytes([a, b, c, d]) & !1 | 2
}
