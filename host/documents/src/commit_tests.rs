//! Commits on SQLite: all of the writes are made, or none is.

use super::*;

fn insert(collection: &str, document: RawDocumentBuf) -> Write {
    Write {
        collection: collection.to_owned(),
        operation: Operation::Insert(vec![document]),
        expected: None,
    }
}

/// Sets `odd` of the jobs that match, of which there must be so many.
fn change(filter: RawDocumentBuf, expected: u64) -> Write {
    Write {
        collection: "jobs".to_owned(),
        operation: Operation::Update {
            filter,
            update: rawdoc! {"$set": {"odd": "changed"}},
            options: UpdateOptions {
                many: true,
                upsert: false,
            },
        },
        expected: Some(expected),
    }
}

fn delete(filter: RawDocumentBuf) -> Write {
    Write {
        collection: "jobs".to_owned(),
        operation: Operation::Delete { filter, many: true },
        expected: None,
    }
}

/// All documents of the collections that the tests write to.
async fn everything(origin: &Origin) -> Vec<RawDocumentBuf> {
    let mut all = Vec::new();
    for of in ["jobs", "events"] {
        let options = FindOptions {
            sort: Some(rawdoc! {"_id": 1}),
            limit: 100,
            ..FindOptions::default()
        };
        all.extend(
            origin
                .find(of, rawdoc! {}, options, soon())
                .await
                .unwrap()
                .documents,
        );
    }
    all
}

#[tokio::test]
async fn a_commit_makes_all_of_its_writes() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let writes = vec![
        insert("events", rawdoc! {"_id": "e"}),
        change(rawdoc! {"n": {"$lt": 3}}, 2),
        delete(rawdoc! {"n": {"$gt": 3}}),
    ];
    let done = origin.commit(writes, soon()).await.unwrap();
    assert!(matches!(&done[0], WriteResult::Inserted(ids) if *ids == [rawdoc! {"_id": "e"}]));
    assert!(matches!(&done[1], WriteResult::Updated(update) if update.modified == 2));
    assert!(matches!(done[2], WriteResult::Deleted(2)));
    let left = everything(&origin).await;
    assert_eq!(left.len(), 4);
    assert_eq!(left[0], rawdoc! {"_id": 1, "n": 1, "odd": "changed"});
    assert_eq!(left[3], rawdoc! {"_id": "e"});
}

#[tokio::test]
async fn a_commit_that_fails_anywhere_makes_none_of_its_writes() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let before = everything(&origin).await;
    let failing = |last| {
        let first = insert("events", rawdoc! {"_id": "e"});
        vec![first, delete(rawdoc! {"n": 1}), last]
    };
    let unmet = origin
        .commit(failing(change(rawdoc! {"n": 9}, 1)), soon())
        .await;
    assert!(matches!(unmet, Err(OriginError::Conflict(2))), "{unmet:?}");
    assert_eq!(everything(&origin).await, before);
    let twice = origin
        .commit(failing(insert("jobs", rawdoc! {"_id": 2})), soon())
        .await;
    assert!(
        matches!(twice, Err(OriginError::DuplicateKey(_))),
        "{twice:?}"
    );
    assert_eq!(everything(&origin).await, before);
    let wrong = origin
        .commit(failing(change(rawdoc! {"$no": 1}, 1)), soon())
        .await;
    let refused = matches!(
        wrong,
        Err(OriginError::Invalid(_) | OriginError::Unsupported(_))
    );
    assert!(refused, "{wrong:?}");
    assert_eq!(everything(&origin).await, before);
}

#[tokio::test]
async fn a_commit_of_too_many_writes_or_past_its_deadline_makes_none() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let before = everything(&origin).await;
    let many = |count: usize| {
        (0..count)
            .map(|n| insert("events", rawdoc! {"_id": n as i64}))
            .collect()
    };
    let over = origin
        .commit(many(trm_documents::MAX_WRITES + 1), soon())
        .await;
    assert!(matches!(over, Err(OriginError::Invalid(_))), "{over:?}");
    let late = origin.commit(many(1), Instant::now()).await;
    assert!(
        matches!(late, Err(OriginError::DeadlineExceeded)),
        "{late:?}"
    );
    assert_eq!(everything(&origin).await, before);
    origin
        .commit(many(trm_documents::MAX_WRITES), soon())
        .await
        .unwrap();
    assert_eq!(
        everything(&origin).await.len(),
        before.len() + trm_documents::MAX_WRITES
    );
}
