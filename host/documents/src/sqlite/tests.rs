//! What `Sqlite` adds to the calls of `trm-documents`: transactions, and how its connections are used.

use super::*;
use crate::origin_tests::{Folder, raw, soon};
use bson::{doc, rawdoc};
use std::time::Duration;
use trm_documents::OriginError;

/// Counts without an end.
pub(super) const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn a_write_that_is_interrupted_or_fails_leaves_nothing() {
    let folder = Folder::new();
    let sqlite = Sqlite::open(&folder.0).unwrap();
    let one = || vec![raw(doc! {"_id": 1})];
    let deadline = Instant::now() + Duration::from_millis(100);
    let late = sqlite
        .write(deadline, move |connection| {
            calls::insert(connection, "jobs", one())?;
            connection.first(ENDLESS, &[]).map(drop)
        })
        .await;
    assert!(
        matches!(late, Err(OriginError::DeadlineExceeded)),
        "{late:?}"
    );
    let failed: Outcome<()> = sqlite
        .write(soon(), move |connection| {
            calls::insert(connection, "jobs", one())?;
            Err(OriginError::Conflict(1))
        })
        .await;
    assert!(
        matches!(failed, Err(OriginError::Conflict(1))),
        "{failed:?}"
    );
    assert_eq!(sqlite.count("jobs", rawdoc! {}, soon()).await.unwrap(), 0);
    sqlite.insert("jobs", one(), soon()).await.unwrap();
    assert_eq!(sqlite.count("jobs", rawdoc! {}, soon()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_reader_is_served_while_a_write_is_under_way_and_both_are_in_use() {
    let folder = Folder::new();
    let sqlite = std::sync::Arc::new(Sqlite::open(&folder.0).unwrap());
    sqlite
        .insert("jobs", vec![raw(doc! {"_id": 1})], soon())
        .await
        .unwrap();
    let all = READERS as u64 + 1;
    let idle = PoolUse {
        open: all,
        in_use: 0,
        waiting: 0,
        limit: all,
    };
    assert_eq!(sqlite.connections(), idle);
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel();
    let writer = sqlite.clone();
    let writing = tokio::spawn(async move {
        let work = move |connection: &dyn Sql| {
            calls::insert(connection, "jobs", vec![raw(doc! {"_id": 2})])?;
            begin.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        writer.write(soon(), work).await
    });
    begun.await.unwrap();
    assert_eq!(sqlite.connections(), PoolUse { in_use: 1, ..idle });
    let seen = sqlite.count("jobs", rawdoc! {}, soon()).await.unwrap();
    assert_eq!(seen, 1, "a write is not seen before it is committed");
    release.send(()).unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(sqlite.count("jobs", rawdoc! {}, soon()).await.unwrap(), 2);
    assert_eq!(sqlite.connections(), idle);
}
