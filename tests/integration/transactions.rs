//! Commits on MongoDB and on SQLite: all of the writes or none, also where the process dies between two of them.

use crate::documents::{raw, soon, stores};
use bson::{Document, doc};
use harness::client::Client;
use harness::eventually;
use harness::host::Setup;
use harness::servers::Server;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use trm_document_stores::{
    MongoSettings, Operation, Origin, OriginError, UpdateOptions, Write, WriteResult,
};

fn insert(of: &str, document: &Document) -> Write {
    Write {
        collection: of.to_owned(),
        operation: Operation::Insert(vec![raw(document)]),
        expected: None,
    }
}

fn update(of: &str, filter: &Document, update: &Document, expected: Option<u64>) -> Write {
    Write {
        collection: of.to_owned(),
        operation: Operation::Update {
            filter: raw(filter),
            update: raw(update),
            options: UpdateOptions::default(),
        },
        expected,
    }
}

fn delete(of: &str, filter: &Document, expected: Option<u64>) -> Write {
    Write {
        collection: of.to_owned(),
        operation: Operation::Delete {
            filter: raw(filter),
            many: true,
        },
        expected,
    }
}

/// What two collections hold, in order of their ids.
async fn held(store: &Origin) -> String {
    let mut text = String::new();
    for of in ["left", "right"] {
        let options = trm_document_stores::FindOptions {
            sort: Some(raw(&doc! {"_id": 1})),
            limit: 100,
            ..Default::default()
        };
        let page = store
            .find(of, raw(&doc! {}), options, soon())
            .await
            .unwrap();
        for found in page.documents {
            let found = Document::try_from(found.as_ref()).unwrap();
            text.push_str(&format!("{of} {found}\n"));
        }
    }
    text
}

#[tokio::test]
async fn a_commit_makes_every_write_and_says_what_each_did() {
    let (mongo, sqlite) = stores().await;
    let mut states = Vec::new();
    for store in [&mongo, &sqlite] {
        let writes = vec![
            insert("left", &doc! {"_id": 1, "n": 1}),
            insert("right", &doc! {"_id": 2, "n": 1}),
            update("left", &doc! {"_id": 1}, &doc! {"$inc": {"n": 4}}, Some(1)),
            update("left", &doc! {"_id": 9}, &doc! {"$inc": {"n": 4}}, Some(0)),
            insert("right", &doc! {"_id": 3}),
            delete("right", &doc! {"n": 1}, Some(1)),
        ];
        let results = store.commit(writes, soon()).await.unwrap();
        assert!(matches!(&results[0], WriteResult::Inserted(ids) if ids.len() == 1));
        assert!(
            matches!(&results[2], WriteResult::Updated(done) if (done.matched, done.modified) == (1, 1))
        );
        assert!(matches!(&results[3], WriteResult::Updated(done) if done.matched == 0));
        assert!(matches!(&results[5], WriteResult::Deleted(1)));
        states.push(held(store).await);
        assert!(store.commit(vec![], soon()).await.unwrap().is_empty());
    }
    assert_eq!(states[0], states[1]);
    assert!(states[0].contains("\"n\": 5"), "{}", states[0]);
}

/// A commit that must fail, and how.
type Case = (Vec<Write>, fn(&OriginError) -> bool);

#[tokio::test]
async fn whatever_stops_a_commit_undoes_all_of_it() {
    let (mongo, sqlite) = stores().await;
    for store in [&mongo, &sqlite] {
        let first = vec![
            insert("left", &doc! {"_id": 1, "n": 1}),
            insert("right", &doc! {"_id": 1, "n": 1}),
        ];
        store.commit(first, soon()).await.unwrap();
        let before = held(store).await;
        let up = |expected| update("left", &doc! {"_id": 1}, &doc! {"$inc": {"n": 1}}, expected);
        let cases: Vec<Case> = vec![
            (
                vec![up(Some(1)), insert("right", &doc! {"_id": 5}), up(Some(2))],
                |error| matches!(error, OriginError::Conflict(2)),
            ),
            (
                vec![up(None), delete("right", &doc! {"n": 1}, Some(0))],
                |error| matches!(error, OriginError::Conflict(1)),
            ),
            (
                vec![
                    up(None),
                    insert("fresh", &doc! {"_id": 1}),
                    insert("right", &doc! {"_id": 1}),
                ],
                |error| matches!(error, OriginError::DuplicateKey(_)),
            ),
            (
                vec![
                    up(None),
                    update("right", &doc! {"_id": 1}, &doc! {"n": 1}, None),
                ],
                |error| matches!(error, OriginError::Invalid(_)),
            ),
            (
                vec![up(None), delete("right", &doc! {"$bogus": 1}, None)],
                |error| matches!(error, OriginError::Invalid(_) | OriginError::Unsupported(_)),
            ),
            ((0..101).map(|_| up(None)).collect(), |error| {
                matches!(error, OriginError::Invalid(_))
            }),
        ];
        for (number, (writes, is_right)) in cases.into_iter().enumerate() {
            let error = store.commit(writes, soon()).await.unwrap_err();
            assert!(
                is_right(&error),
                "{} case {number}: {error:?}",
                store.kind()
            );
            assert_eq!(held(store).await, before, "{} case {number}", store.kind());
            let fresh = store.count("fresh", raw(&doc! {}), soon()).await.unwrap();
            assert_eq!(fresh, 0, "{} case {number}", store.kind());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_meet_are_tried_again_until_each_is_made_once() {
    const TASKS: u64 = 8;
    const ROUNDS: u64 = 15;
    let (mongo, sqlite) = stores().await;
    for store in [Arc::new(mongo), Arc::new(sqlite)] {
        for of in ["left", "right"] {
            let begun = insert(of, &doc! {"_id": 1, "n": 100_i64});
            store.commit(vec![begun], soon()).await.unwrap();
        }
        let refused = Arc::new(AtomicU64::new(0));
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (store, refused) = (store.clone(), refused.clone());
                tokio::spawn(async move {
                    for _ in 0..ROUNDS {
                        // Half of them the other way round, so that they also block one another.
                        let (from, to) = [("left", "right"), ("right", "left")][task as usize % 2];
                        let writes = vec![
                            update(
                                from,
                                &doc! {"_id": 1, "n": {"$gte": 7}},
                                &doc! {"$inc": {"n": -7_i64}},
                                Some(1),
                            ),
                            update(to, &doc! {"_id": 1}, &doc! {"$inc": {"n": 7_i64}}, Some(1)),
                            insert("moves", &doc! {"by": task as i64}),
                        ];
                        match store.commit(writes, soon()).await {
                            Ok(_) => {}
                            Err(OriginError::Conflict(0)) => {
                                refused.fetch_add(1, Relaxed);
                            }
                            Err(other) => panic!("{} {other:?}", store.kind()),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let made = store.count("moves", raw(&doc! {}), soon()).await.unwrap();
        let refused = refused.load(Relaxed);
        assert_eq!(made + refused, TASKS * ROUNDS);
        assert!(made > refused, "{made} of {} were made", TASKS * ROUNDS);
        let mut sum = 0;
        for of in ["left", "right"] {
            let found = store
                .find_one(of, raw(&doc! {"_id": 1}), None, soon())
                .await;
            sum += found.unwrap().unwrap().get_i64("n").unwrap();
        }
        assert_eq!(sum, 200, "{}", store.kind());
    }
}

#[tokio::test]
async fn a_standalone_mongodb_is_told_what_is_missing() {
    let server = Server::standalone_mongod();
    let settings = MongoSettings {
        uri: server.url(),
        ..MongoSettings::default()
    };
    let store = Origin::mongo(settings).await.unwrap();
    let refused = store
        .commit(vec![insert("left", &doc! {"_id": 1})], soon())
        .await;
    let Err(OriginError::Unsupported(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("--replSet"), "{why}");
    assert_eq!(store.count("left", raw(&doc! {}), soon()).await.unwrap(), 0);
}

const LEDGER: &str = "documents = { accounts = \"write\", entries = \"write\" }\ntimeout_ms = 5000";

/// What is kept, once nothing is under way: the function reads two collections one after the other, and the killed
/// host's last commit may become visible in between. A commit that was torn for good reads alike twice.
fn settled(client: &Client) -> serde_json::Value {
    let mut state = client.get("/ledger").json();
    eventually("two readings agree", Duration::from_secs(90), || {
        std::thread::sleep(Duration::from_millis(50));
        let before = std::mem::replace(&mut state, client.get("/ledger").json());
        before == state
    });
    state
}

/// Kills the host (and `kill`s what else) under load, starts it again, and looks for a part of a commit.
fn dies_between_writes(setup: &Setup, mut around: impl FnMut(bool)) {
    let acknowledged = Arc::new(AtomicU64::new(0));
    for round in 0..8 {
        let host = setup.ready();
        let (client, made) = (host.client.clone(), acknowledged.clone());
        let load = std::thread::spawn(move || {
            // Ends when the host is killed. One commit at a time: those that meet only wait for each other.
            while let Ok(answer) = client.attempt("GET", "/ledger/commit", None, &[]) {
                if answer.status == 200 {
                    made.fetch_add(1, Relaxed);
                }
            }
        });
        let enough = acknowledged.load(Relaxed) + 3;
        eventually("commits are made", Duration::from_secs(60), || {
            acknowledged.load(Relaxed) >= enough
        });
        std::thread::sleep(Duration::from_millis(7 * round));
        around(false);
        drop(host);
        load.join().unwrap();
        around(true);
        let host = setup.ready();
        let state = settled(&host.client);
        let entries = state["entries"].as_u64().unwrap();
        let accounts = state["accounts"].as_array().unwrap();
        assert!(
            accounts.iter().all(|n| n.as_u64() == Some(entries)),
            "a part of a commit was kept: {state}"
        );
        assert!(
            entries >= acknowledged.load(Relaxed),
            "an acknowledged commit is lost: {state}"
        );
    }
}

#[test]
fn a_host_that_dies_between_writes_leaves_no_part_of_a_commit_in_sqlite() {
    let setup = Setup::guests(&[("ledger", LEDGER)]);
    dies_between_writes(&setup, |_| ());
    let told = setup.ready().client.get("/ledger/denied").text;
    assert!(told.contains("Denied") && told.contains("others"), "{told}");
}

#[test]
fn a_host_that_dies_between_writes_leaves_no_part_of_a_commit_in_mongodb() {
    let mongod = Server::mongod();
    let setup = Setup::guests(&[("ledger", LEDGER)]).on_mongodb(&mongod.url());
    dies_between_writes(&setup, |_| ());
}

#[test]
fn a_mongod_that_dies_between_writes_leaves_no_part_of_a_commit() {
    let mut mongod = Server::mongod();
    let setup = Setup::guests(&[("ledger", LEDGER)]).on_mongodb(&mongod.url());
    dies_between_writes(
        &setup,
        |back| if back { mongod.start() } else { mongod.kill() },
    );
}
