//! `trm:platform/counter`: each addition is one transaction of SQLite; keeps no counter beyond its window.

use crate::Platform;
use crate::bindings::exports::trm::platform::counter::{Counted, Error, Guest};
use crate::database::{read, write};
use crate::entries::trim;
use crate::now;
use trm_documents::{Outcome, sql};

const MAX_KEY: usize = 512;
const MAX_WINDOW_MS: u64 = 86_400_000;
/// The most counters; past it those go that end first.
const MOST: i64 = 100_000;
/// What is said of a counter that cannot be counted: it is exhausted, for a moment. A limit that a busy database
/// could lift would be none.
const UNKNOWN: Counted = Counted {
    value: u64::MAX,
    resets_in_ms: 1_000,
};

impl Guest for Platform {
    fn add(key: String, by: u32, window_ms: u64) -> Result<Counted, Error> {
        check(&key)?;
        if !(1..=MAX_WINDOW_MS).contains(&window_ms) {
            return Err(Error::Invalid(format!(
                "a window is from 1 to {MAX_WINDOW_MS} ms, not {window_ms}"
            )));
        }
        let counted = match by {
            0 => value(&key),
            by => add(&key, by, window_ms as i64),
        };
        Ok(counted.unwrap_or_else(|error| {
            eprintln!("a counter is not counted: {error}");
            UNKNOWN
        }))
    }

    fn reset(key: String) -> Result<(), Error> {
        check(&key)?;
        let ended = write(|connection| {
            connection.execute("DELETE FROM trm_counter WHERE key = ?", &[key.into()])
        });
        if let Err(error) = ended {
            eprintln!("a counter is not reset: {error}");
        }
        Ok(())
    }
}

fn value(key: &str) -> Outcome<Counted> {
    read(|connection| {
        let at = now();
        let known = "SELECT value, ends FROM trm_counter WHERE key = ? AND ends > ?";
        let row = connection.first(known, &[key.into(), at.into()])?;
        row.map_or(
            Ok(Counted {
                value: 0,
                resets_in_ms: 0,
            }),
            |row| counted(row, at),
        )
    })
}

fn add(key: &str, by: u32, window_ms: i64) -> Outcome<Counted> {
    write(|connection| {
        let at = now();
        trim(connection, "trm_counter", "ends", MOST, at)?;
        let add = "INSERT INTO trm_counter VALUES (?, ?, ?)
            ON CONFLICT (key) DO UPDATE SET value = value + excluded.value RETURNING value, ends";
        let values = [key.into(), i64::from(by).into(), (at + window_ms).into()];
        let row = connection.first(add, &values)?;
        counted(row.unwrap_or_default(), at)
    })
}

fn counted(row: Vec<sql::Value>, at: i64) -> Outcome<Counted> {
    let mut columns = row.into_iter();
    Ok(Counted {
        value: sql::integer(columns.next())?.unsigned_abs(),
        resets_in_ms: (sql::integer(columns.next())? - at).max(0) as u64,
    })
}

fn check(key: &str) -> Result<(), Error> {
    match key.len() {
        1..=MAX_KEY => Ok(()),
        length => Err(Error::Invalid(format!(
            "a key has 1 to {MAX_KEY} bytes, not {length}"
        ))),
    }
}
