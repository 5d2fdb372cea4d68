//! Values in both directions, and SQLite's errors as errors of the origin, on a database in memory.

use super::*;

#[test]
fn every_kind_of_value_comes_back_as_it_was_bound() {
    let connection = Connection::open_in_memory().unwrap();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Text("é\0x".to_owned()),
        Value::Blob(vec![0, 255]),
    ];
    let lent: &dyn Sql = &Lent(&connection);
    let row = lent.first("SELECT ?, ?, ?, ?, ?", &values).unwrap();
    assert_eq!(format!("{:?}", row.unwrap()), format!("{values:?}"));
}

#[test]
fn errors_of_sqlite_say_what_they_mean_to_a_caller() {
    let connection = Connection::open_in_memory().unwrap();
    let lent = Lent(&connection);
    lent.execute("CREATE TABLE t (id TEXT PRIMARY KEY)", &[])
        .unwrap();
    let insert = || lent.execute("INSERT INTO t VALUES ('a')", &[]);
    assert_eq!(insert().unwrap(), 1);
    assert!(matches!(insert(), Err(OriginError::DuplicateKey(index)) if index == "_id_"));
    let unknown = lent.execute("DELETE FROM nowhere", &[]);
    assert!(matches!(unknown, Err(OriginError::Internal(text)) if text.contains("nowhere")));
    let of = |code: i32| {
        fault(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(code),
            None,
        ))
    };
    for code in [
        rusqlite::ffi::SQLITE_BUSY,
        rusqlite::ffi::SQLITE_LOCKED,
        rusqlite::ffi::SQLITE_FULL,
    ] {
        let error = of(code);
        assert!(
            matches!(
                error,
                OriginError::Unavailable {
                    retry_after_ms: 1_000,
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert!(matches!(
        of(rusqlite::ffi::SQLITE_TOOBIG),
        OriginError::TooLarge(_)
    ));
    assert!(matches!(
        of(rusqlite::ffi::SQLITE_INTERRUPT),
        OriginError::DeadlineExceeded
    ));
    assert!(matches!(
        of(rusqlite::ffi::SQLITE_CORRUPT),
        OriginError::Internal(_)
    ));
}
