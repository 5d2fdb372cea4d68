//! The cache in SQLite: entries, their tags, and barriers against fills that an invalidation overtook; checks no names.

use crate::database::{read, write};
use crate::now;
use trm_documents::sql::{self, Value};
use trm_documents::{Outcome, Sql};

/// The most entries; past it those go that would end first.
const MOST: i64 = 2_000;
/// How long a barrier is kept, and so how long a fill may take and still be stored.
const LONGEST_FILL_MS: i64 = 3_600_000;

/// A value and the time until which it is fresh.
pub struct Entry {
    pub value: Vec<u8>,
    pub fresh: bool,
}

/// When a fill began, by the clock of barriers and by the wall's.
#[derive(Clone, Copy)]
pub struct Began {
    stamp: i64,
    at: i64,
}

/// How an entry is to be kept.
pub struct Keep<'a> {
    pub tags: &'a [String],
    pub ttl_ms: i64,
    pub stale_ms: i64,
}

/// What an invalidation covers.
pub enum Scope<'a> {
    Key(&'a str),
    Tag(&'a str),
    /// Empty for every key, else it ends in `:`.
    Prefix(&'a str),
}

/// What is kept of a key, and the moment of asking.
pub fn look(key: &str) -> Outcome<(Option<Entry>, Began)> {
    read(|connection| {
        let at = now();
        // The stamp first: an invalidation in between is then newer than the fill.
        let newest = "SELECT seq FROM sqlite_sequence WHERE name = 'trm_barrier'";
        let stamp = match connection.first(newest, &[])? {
            Some(row) => sql::integer(row.into_iter().next())?,
            None => 0,
        };
        let known = "SELECT value, fresh > ? FROM trm_cache WHERE key = ? AND kept > ?";
        let row = connection.first(known, &[at.into(), key.into(), at.into()])?;
        let entry = row.map(entry).transpose()?;
        Ok((entry, Began { stamp, at }))
    })
}

fn entry(row: Vec<Value>) -> Outcome<Entry> {
    let mut columns = row.into_iter();
    Ok(Entry {
        value: sql::blob(columns.next())?,
        fresh: sql::integer(columns.next())? == 1,
    })
}

/// Keeps a value, unless it was invalidated since its fill began.
pub fn keep(key: &str, value: Vec<u8>, how: &Keep<'_>, began: Option<Began>) -> Outcome<()> {
    write(|connection| {
        let at = now();
        if began.map_or(Ok(false), |began| {
            overtaken(connection, key, how.tags, began, at)
        })? {
            return Ok(());
        }
        connection.execute("DELETE FROM trm_cache WHERE key = ?", &[key.into()])?;
        let fresh = at + how.ttl_ms;
        let entry = [
            key.into(),
            value.into(),
            fresh.into(),
            (fresh + how.stale_ms).into(),
        ];
        connection.execute("INSERT INTO trm_cache VALUES (?, ?, ?, ?)", &entry)?;
        for tag in how.tags {
            let tagged = "INSERT OR IGNORE INTO trm_cache_tag VALUES (?, ?)";
            connection.execute(tagged, &[tag.as_str().into(), key.into()])?;
        }
        trim(connection, "trm_cache", "kept", MOST, at)
    })
}

/// Forgets what a scope covers, now and when a fill that is under way ends.
pub fn invalidate(scope: Scope<'_>) -> Outcome<()> {
    write(|connection| {
        let at = now();
        let raise = "INSERT OR REPLACE INTO trm_barrier (scope, raised) VALUES (?, ?)";
        connection.execute(raise, &[scope.spell().into(), at.into()])?;
        let old = "DELETE FROM trm_barrier WHERE raised < ?";
        connection.execute(old, &[(at - LONGEST_FILL_MS).into()])?;
        match scope {
            Scope::Key(key) => {
                connection.execute("DELETE FROM trm_cache WHERE key = ?", &[key.into()])
            }
            Scope::Tag(tag) => {
                let tagged = "DELETE FROM trm_cache WHERE key IN (SELECT key FROM trm_cache_tag WHERE tag = ?)";
                connection.execute(tagged, &[tag.into()])
            }
            Scope::Prefix("") => connection.execute("DELETE FROM trm_cache", &[]),
            Scope::Prefix(prefix) => {
                // What comes next after every key that begins so: `;` follows `:`.
                let end = format!("{};", &prefix[..prefix.len() - 1]);
                let within = "DELETE FROM trm_cache WHERE key >= ? AND key < ?";
                connection.execute(within, &[prefix.into(), end.into()])
            }
        }
        .map(drop)
    })
}

/// Deletes the rows of a table whose time is over, and those beyond a number.
pub fn trim(connection: &dyn Sql, table: &str, end: &str, most: i64, at: i64) -> Outcome<()> {
    let over = format!("DELETE FROM {table} WHERE {end} <= ?");
    connection.execute(&over, &[at.into()])?;
    let beyond = format!(
        "DELETE FROM {table} WHERE rowid IN (
            SELECT rowid FROM {table} ORDER BY {end} LIMIT max(0, (SELECT count(*) FROM {table}) - {most})
        )"
    );
    connection.execute(&beyond, &[])?;
    Ok(())
}

fn overtaken(
    connection: &dyn Sql,
    key: &str,
    tags: &[String],
    began: Began,
    at: i64,
) -> Outcome<bool> {
    if at - began.at >= LONGEST_FILL_MS {
        return Ok(true);
    }
    let prefixes = key.match_indices(':').map(|(end, _)| &key[..=end]);
    let scopes = std::iter::once(Scope::Key(key))
        .chain(std::iter::once("").chain(prefixes).map(Scope::Prefix))
        .chain(tags.iter().map(|tag| Scope::Tag(tag)));
    let mut values: Vec<Value> = vec![began.stamp.into()];
    values.extend(scopes.map(|scope| Value::from(scope.spell())));
    let places = vec!["?"; values.len() - 1].join(", ");
    let newer = format!("SELECT 1 FROM trm_barrier WHERE stamp > ? AND scope IN ({places})");
    Ok(connection.first(&newer, &values)?.is_some())
}

impl Scope<'_> {
    fn spell(&self) -> String {
        match self {
            Self::Key(key) => format!("k:{key}"),
            Self::Tag(tag) => format!("t:{tag}"),
            Self::Prefix(prefix) => format!("p:{prefix}"),
        }
    }
}
