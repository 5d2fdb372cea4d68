//! Operations of documents through `Origin`, on SQLite in a folder of the test's own.

use super::*;
use bson::{Document, doc, rawdoc};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

#[path = "commit_tests.rs"]
mod commit;

/// A folder that is removed with the test.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "trm-documents-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for what may be lost.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

pub(super) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(super) fn raw(document: Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&document).unwrap()
}

/// A store of jobs 1 to 5: their number, and whether it is odd.
async fn jobs(folder: &Folder) -> Origin {
    let origin = Origin::sqlite(&folder.0).unwrap();
    let jobs = (1..=5).map(|n| raw(doc! {"_id": n, "n": n, "odd": n % 2 == 1}));
    let ids = origin.insert("jobs", jobs.collect(), soon()).await.unwrap();
    assert_eq!(ids[4], rawdoc! {"_id": 5});
    origin
}

async fn found(origin: &Origin, filter: RawDocumentBuf, options: FindOptions) -> Vec<i32> {
    let page = origin.find("jobs", filter, options, soon()).await.unwrap();
    let numbers = page.documents.iter().map(|job| job.get_i32("n").unwrap());
    numbers.collect()
}

#[tokio::test]
async fn find_filters_sorts_skips_and_counts() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let options = |sort: i32, skip| FindOptions {
        sort: Some(rawdoc! {"n": sort}),
        skip,
        limit: 2,
        ..FindOptions::default()
    };
    assert_eq!(found(&origin, rawdoc! {}, options(-1, 0)).await, [5, 4]);
    assert_eq!(found(&origin, rawdoc! {}, options(1, 1)).await, [2, 3]);
    let odd = rawdoc! {"odd": true};
    assert_eq!(found(&origin, odd.clone(), options(1, 1)).await, [3, 5]);
    assert_eq!(origin.count("jobs", odd.clone(), soon()).await.unwrap(), 3);
    assert_eq!(origin.count("jobs", rawdoc! {}, soon()).await.unwrap(), 5);
    assert_eq!(origin.count("none", rawdoc! {}, soon()).await.unwrap(), 0);
    let values = origin.distinct("jobs", "odd", rawdoc! {}, soon()).await;
    assert_eq!(values.unwrap(), rawdoc! {"values": [false, true]});
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let mut options = FindOptions {
        sort: Some(rawdoc! {"n": 1}),
        limit: 2,
        ..FindOptions::default()
    };
    let mut pages = Vec::new();
    loop {
        let page = origin
            .find("jobs", rawdoc! {}, options.clone(), soon())
            .await
            .unwrap();
        pages.push(page.documents.len());
        options.cursor = page.next;
        if options.cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [2, 2, 1]);
    options.cursor = Some("not a cursor".to_owned());
    let refused = origin.find("jobs", rawdoc! {}, options, soon()).await;
    assert!(
        matches!(refused, Err(OriginError::Invalid(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn find_one_projects_and_finds_nothing_where_nothing_matches() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let only = Some(rawdoc! {"odd": 1, "_id": 0});
    let one = origin
        .find_one("jobs", rawdoc! {"n": 2}, only, soon())
        .await;
    assert_eq!(one.unwrap(), Some(rawdoc! {"odd": false}));
    let none = origin
        .find_one("jobs", rawdoc! {"n": 9}, None, soon())
        .await;
    assert_eq!(none.unwrap(), None);
}

#[tokio::test]
async fn a_duplicate_names_its_index_and_inserts_nothing() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let index = IndexSpec {
        keys: &[("name", 1)],
        unique: true,
        sparse: false,
        text: false,
    };
    origin.create_index("users", index, soon()).await.unwrap();
    let insert = async |of: &str, documents: Vec<RawDocumentBuf>| match origin
        .insert(of, documents, soon())
        .await
    {
        Err(OriginError::DuplicateKey(index)) => index,
        other => panic!("{other:?}"),
    };
    let twice = vec![rawdoc! {"_id": 6, "n": 6}, rawdoc! {"_id": 1}];
    assert_eq!(insert("jobs", twice).await, "_id_");
    assert_eq!(origin.count("jobs", rawdoc! {}, soon()).await.unwrap(), 5);
    let same = vec![rawdoc! {"name": "a"}, rawdoc! {"name": "a"}];
    assert_eq!(insert("users", same).await, "users_name_1_unique");
    assert_eq!(origin.count("users", rawdoc! {}, soon()).await.unwrap(), 0);
}

#[tokio::test]
async fn updates_and_deletes_say_what_they_did() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let update = async |filter, change, many, upsert| {
        let options = UpdateOptions { many, upsert };
        origin
            .update("jobs", filter, change, options, soon())
            .await
            .unwrap()
    };
    let done = update(
        rawdoc! {"n": {"$gt": 3}},
        rawdoc! {"$set": {"odd": true}},
        true,
        false,
    )
    .await;
    assert_eq!((done.matched, done.modified, done.upserted), (2, 1, None));
    let done = update(
        rawdoc! {"n": 9},
        rawdoc! {"$set": {"odd": true}},
        false,
        false,
    )
    .await;
    assert_eq!((done.matched, done.modified, done.upserted), (0, 0, None));
    let done = update(rawdoc! {"_id": 9}, rawdoc! {"$set": {"n": 9}}, false, true).await;
    assert_eq!(done.upserted, Some(rawdoc! {"_id": 9}));
    let options = FindAndUpdateOptions {
        return_new: true,
        ..FindAndUpdateOptions::default()
    };
    let (which, change) = (rawdoc! {"n": 9}, rawdoc! {"$inc": {"n": 1}});
    let after = origin
        .find_one_and_update("jobs", which, change, options, soon())
        .await;
    assert_eq!(after.unwrap(), Some(rawdoc! {"_id": 9, "n": 10}));
    let delete = async |filter, many| origin.delete("jobs", filter, many, soon()).await.unwrap();
    assert_eq!(delete(rawdoc! {"odd": true}, false).await, 1);
    assert_eq!(delete(rawdoc! {}, true).await, 5);
    assert_eq!(delete(rawdoc! {}, true).await, 0);
}

#[tokio::test]
async fn a_pipeline_groups_joins_and_refuses_what_it_does_not_support() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let names = vec![
        rawdoc! {"_id": true, "name": "odd"},
        rawdoc! {"_id": false, "name": "even"},
    ];
    origin.insert("names", names, soon()).await.unwrap();
    let pipeline = vec![
        rawdoc! {"$match": {"n": {"$lt": 5}}},
        rawdoc! {"$group": {"_id": "$odd", "sum": {"$sum": "$n"}}},
        rawdoc! {"$lookup": {"from": "names", "localField": "_id", "foreignField": "_id", "as": "of"}},
        rawdoc! {"$sort": {"sum": 1}},
    ];
    let rows = origin.aggregate("jobs", pipeline, soon()).await.unwrap();
    let odd = rawdoc! {"_id": true, "sum": 4, "of": [{"_id": true, "name": "odd"}]};
    let even = rawdoc! {"_id": false, "sum": 6, "of": [{"_id": false, "name": "even"}]};
    assert_eq!(rows, [odd, even]);
    let unknown = origin
        .aggregate("jobs", vec![rawdoc! {"$collStats": {}}], soon())
        .await;
    assert!(
        matches!(unknown, Err(OriginError::Unsupported(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn every_operation_reports_a_deadline_that_has_passed() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let past = Instant::now();
    let nothing = || rawdoc! {};
    let options = || FindOptions {
        limit: 1,
        ..FindOptions::default()
    };
    let (one, set) = (|| vec![rawdoc! {"_id": 6}], || rawdoc! {"$set": {"n": 0}});
    let outcomes: [(&str, Outcome<()>); 9] = [
        ("ping", origin.ping(past).await),
        (
            "find",
            origin
                .find("jobs", nothing(), options(), past)
                .await
                .map(drop),
        ),
        (
            "find-one",
            origin
                .find_one("jobs", nothing(), None, past)
                .await
                .map(drop),
        ),
        (
            "count",
            origin.count("jobs", nothing(), past).await.map(drop),
        ),
        (
            "distinct",
            origin
                .distinct("jobs", "n", nothing(), past)
                .await
                .map(drop),
        ),
        (
            "aggregate",
            origin.aggregate("jobs", vec![], past).await.map(drop),
        ),
        ("insert", origin.insert("jobs", one(), past).await.map(drop)),
        (
            "update",
            origin
                .update("jobs", nothing(), set(), UpdateOptions::default(), past)
                .await
                .map(drop),
        ),
        (
            "delete",
            origin.delete("jobs", nothing(), true, past).await.map(drop),
        ),
    ];
    for (operation, outcome) in outcomes {
        assert!(
            matches!(outcome, Err(OriginError::DeadlineExceeded)),
            "{operation}: {outcome:?}"
        );
    }
    assert_eq!(
        found(
            &origin,
            rawdoc! {"n": {"$gt": 0}},
            FindOptions {
                limit: 9,
                ..options()
            }
        )
        .await
        .len(),
        5
    );
}

#[tokio::test]
async fn the_namespace_is_the_file_and_what_was_written_is_there_again() {
    let (folder, other) = (Folder::new(), Folder::new());
    let origin = jobs(&folder).await;
    let name = folder.0.file_name().unwrap();
    let detour = Origin::sqlite(&folder.0.join("..").join(name)).unwrap();
    assert_eq!(detour.namespace(), origin.namespace());
    assert!(origin.namespace().ends_with("documents.sqlite"));
    let elsewhere = Origin::sqlite(&other.0).unwrap();
    assert_ne!(elsewhere.namespace(), origin.namespace());
    assert_eq!(
        elsewhere.count("jobs", rawdoc! {}, soon()).await.unwrap(),
        0
    );
    drop(origin);
    assert_eq!(detour.count("jobs", rawdoc! {}, soon()).await.unwrap(), 5);
    assert_eq!(
        (detour.kind(), detour.breaker(), detour.connection_errors()),
        ("sqlite", None, 0)
    );
}

#[tokio::test]
async fn a_slow_call_is_counted_and_a_fast_one_is_not() {
    let folder = Folder::new();
    let origin = jobs(&folder).await;
    let counted = origin.slow();
    origin.took("find", "jobs", Instant::now());
    assert_eq!(origin.slow(), counted);
    origin.took("find", "jobs", Instant::now() - SLOW * 2);
    assert_eq!(origin.slow(), counted + 1);
}
