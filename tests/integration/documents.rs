//! One suite of document operations on MongoDB and on SQLite: the answers must be equal, or SQLite says unsupported.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use harness::{folder, given, number};
use std::time::{Duration, Instant};
use trm_document_stores::{
    FindAndUpdateOptions, FindOptions, IndexSpec, MongoSettings, Origin, OriginError, UpdateOptions,
};

pub const C: &str = "things";

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

fn read(raw: &RawDocumentBuf) -> Document {
    Document::try_from(raw.as_ref()).unwrap()
}

pub async fn stores() -> (Origin, Origin) {
    let uri = given("TEST_MONGODB_URI");
    let (address, options) = uri.split_once('?').unwrap_or((&uri, ""));
    let host = address
        .trim_start_matches("mongodb://")
        .split('/')
        .next()
        .unwrap();
    let name = format!("trm_conformance_{}_{}", std::process::id(), number());
    let settings = MongoSettings {
        uri: format!("mongodb://{host}/{name}?{options}"),
        ..MongoSettings::default()
    };
    let mongo = Origin::mongo(settings).await.unwrap();
    mongo.ping(soon()).await.expect("MongoDB answers");
    (mongo, Origin::sqlite(&folder("sqlite")).unwrap())
}

fn things() -> Vec<Document> {
    let id = |n: u8| ObjectId::from_bytes([n; 12]);
    let date = |ms: i64| DateTime::from_millis(ms);
    vec![
        doc! {"_id": 1, "n": 5, "s": "b", "at": date(3), "tags": ["x", "y"], "in": {"a": 1, "b": "q"}},
        doc! {"_id": 2, "n": 5.0, "s": "a", "at": date(-1), "tags": ["y"], "in": {"a": 2}},
        doc! {"_id": 3, "n": -2_i64, "s": "B", "at": date(2), "tags": [], "in": {}},
        doc! {"_id": 4, "n": Bson::Null, "s": "é", "of": id(1)},
        doc! {"_id": 5, "s": "", "of": id(2), "yes": true, "tags": "x"},
        doc! {"_id": 6, "n": "5", "s": "a", "yes": false, "in": {"a": Bson::Null}},
        doc! {"_id": 7, "n": 9_007_199_254_740_993_i64, "s": "aa", "at": date(3)},
        doc! {"_id": 8, "n": 1e300, "s": "ab", "tags": [1, 2, 3]},
        doc! {"_id": "nine", "n": true, "s": "z"},
        doc! {"_id": id(9), "n": date(0), "s": "y", "of": id(1)},
    ]
}

/// The outcome in a form that can be compared: types and values, or the kind of the error.
pub fn outcome(result: Result<Vec<Document>, OriginError>) -> Result<String, String> {
    match result {
        Ok(documents) => {
            let texts: Vec<_> = documents
                .into_iter()
                .map(|document| Bson::Document(document).to_string() + "\n")
                .collect();
            Ok(texts.concat())
        }
        Err(OriginError::Unsupported(what)) => Err(what),
        Err(OriginError::Invalid(_)) => Ok("invalid".to_owned()),
        Err(OriginError::DuplicateKey(_)) => Ok("duplicate".to_owned()),
        Err(other) => panic!("{other:?}"),
    }
}

pub async fn find(
    store: &Origin,
    filter: &Document,
    sort: &Document,
) -> Result<Vec<Document>, OriginError> {
    let options = FindOptions {
        sort: Some(raw(sort)),
        limit: 100,
        ..FindOptions::default()
    };
    let page = store.find(C, raw(filter), options, soon()).await?;
    Ok(page.documents.iter().map(read).collect())
}

async fn filled() -> (Origin, Origin) {
    let (mongo, sqlite) = stores().await;
    for store in [&mongo, &sqlite] {
        let all: Vec<_> = things().iter().map(raw).collect();
        store.insert(C, all, soon()).await.unwrap();
    }
    (mongo, sqlite)
}

#[tokio::test]
async fn filters_mean_the_same() {
    let (mongo, sqlite) = filled().await;
    let date = DateTime::from_millis(2);
    for filter in [
        doc! {},
        doc! {"n": 5},
        doc! {"n": 5.0},
        doc! {"n": "5"},
        doc! {"n": Bson::Null},
        doc! {"n": true},
        doc! {"n": {"$gt": 5}},
        doc! {"n": {"$gte": 5}},
        doc! {"n": {"$lt": 5}},
        doc! {"n": {"$lte": 5.0}},
        doc! {"n": {"$gt": "4"}},
        doc! {"n": {"$ne": 5}},
        doc! {"n": {"$gt": Bson::Null}},
        doc! {"n": {"$gte": Bson::Null}},
        doc! {"n": 9_007_199_254_740_993_i64},
        doc! {"n": {"$gt": 9_007_199_254_740_992_i64}},
        doc! {"s": {"$gte": "a", "$lt": "b"}},
        doc! {"s": {"$in": ["a", "z", 1]}},
        doc! {"s": {"$nin": ["a", "z"]}},
        doc! {"s": {"$in": []}},
        doc! {"s": {"$nin": []}},
        doc! {"at": {"$gt": date}},
        doc! {"at": {"$lte": date}},
        doc! {"at": {"$exists": true}},
        doc! {"n": {"$exists": false}},
        doc! {"tags": "x"},
        doc! {"tags": {"$ne": "x"}},
        doc! {"tags": {"$in": ["y", 2]}},
        doc! {"tags": {"$all": ["x", "y"]}},
        doc! {"tags": {"$size": 1}},
        doc! {"tags": {"$size": 0}},
        doc! {"tags": {"$gt": 1}},
        doc! {"tags": {"$gt": 1, "$lt": 2}},
        doc! {"tags": Bson::Null},
        doc! {"tags": {"$exists": true}},
        doc! {"in.a": 1},
        doc! {"in.a": Bson::Null},
        doc! {"in.a": {"$exists": true}},
        doc! {"in.b": "q"},
        doc! {"in.zz": Bson::Null},
        doc! {"of": ObjectId::from_bytes([1; 12])},
        doc! {"of": {"$gt": ObjectId::from_bytes([1; 12])}},
        doc! {"yes": true},
        doc! {"yes": {"$ne": true}},
        doc! {"_id": 3},
        doc! {"_id": {"$gt": 3}},
        doc! {"_id": "nine"},
        doc! {"$or": [{"n": 5}, {"s": "z"}]},
        doc! {"$and": [{"n": 5}, {"s": "a"}]},
        doc! {"$nor": [{"n": 5}, {"s": "z"}]},
        doc! {"n": {"$not": {"$gt": 4}}},
        doc! {"s": {"$not": {"$in": ["a"]}}},
        doc! {"n": 5, "s": "b"},
        doc! {"tags": {"$not": {"$size": 1}}},
        doc! {"s": {"$regex": "^a"}},
        doc! {"tags": {"$regex": "^x"}},
        doc! {"n": {"$type": "number"}},
        doc! {"n": {"$type": ["string", "date", "bool"]}},
        doc! {"n": {"$type": "null"}},
        doc! {"tags": {"$type": "string"}},
        doc! {"tags": {"$type": "array"}},
        doc! {"in": {"$type": "object"}},
        doc! {"tags": {"$elemMatch": {"$gt": 1, "$lt": 3}}},
        doc! {"tags": {"$elemMatch": {"$gt": "x"}}},
        doc! {"tags": {"$elemMatch": {"a": 1}}},
        doc! {"$or": []},
        doc! {"n": {"$in": 5}},
        doc! {"n": {"$bogus": 1}},
        doc! {"$bogus": 1},
    ] {
        let want = outcome(find(&mongo, &filter, &doc! {"_id": 1}).await);
        match outcome(find(&sqlite, &filter, &doc! {"_id": 1}).await) {
            Ok(got) => assert_eq!(Ok(got), want, "{filter}"),
            Err(_) => assert_eq!(want, Ok("invalid".to_owned()), "{filter} is unsupported"),
        }
        let counts = (
            mongo.count(C, raw(&filter), soon()).await.ok(),
            sqlite.count(C, raw(&filter), soon()).await.ok(),
        );
        assert_eq!(counts.0, counts.1, "{filter}");
    }
    for filter in [
        doc! {"s": {"$regex": "a$"}},
        doc! {"in": {"a": 2}},
        doc! {"$where": "1"},
    ] {
        let refused = find(&sqlite, &filter, &doc! {"_id": 1}).await;
        assert!(
            matches!(refused, Err(OriginError::Unsupported(_))),
            "{filter}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn sorts_and_projections_mean_the_same() {
    let (mongo, sqlite) = filled().await;
    for sort in [
        doc! {"n": 1},
        doc! {"n": -1},
        doc! {"s": 1},
        doc! {"s": -1},
        doc! {"at": -1, "s": 1},
        doc! {"of": 1, "_id": -1},
        doc! {"yes": -1, "n": 1},
        doc! {"in.a": 1},
        doc! {"n": 2},
    ] {
        let want = outcome(find(&mongo, &doc! {}, &sort).await);
        assert_eq!(
            outcome(find(&sqlite, &doc! {}, &sort).await),
            want,
            "{sort}"
        );
    }
    for projection in [
        doc! {"n": 1},
        doc! {"n": 1, "_id": 0},
        doc! {"in.a": 1},
        doc! {"in.a": 0, "tags": 0},
        doc! {"_id": 1},
        doc! {"_id": 0},
        doc! {"_id": 0, "s": 0},
        doc! {"n": 1, "s": 0},
        doc! {"s": true, "n": true},
    ] {
        let options = || FindOptions {
            projection: Some(raw(&projection)),
            sort: Some(raw(&doc! {"s": 1, "_id": 1})),
            limit: 100,
            ..FindOptions::default()
        };
        let one = mongo.find(C, raw(&doc! {}), options(), soon()).await;
        let two = sqlite.find(C, raw(&doc! {}), options(), soon()).await;
        let shown = |page: Result<trm_document_stores::Page, OriginError>| {
            outcome(page.map(|page| page.documents.iter().map(read).collect()))
        };
        assert_eq!(shown(two), shown(one), "{projection}");
    }
}

#[tokio::test]
async fn pages_by_cursor_reach_every_document_once() {
    let (mongo, sqlite) = filled().await;
    for store in [&mongo, &sqlite] {
        for sort in [
            doc! {"n": 1},
            doc! {"n": -1},
            doc! {"at": -1},
            doc! {"of": 1, "s": -1},
        ] {
            let whole = find(store, &doc! {}, &sort).await.unwrap();
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let options = FindOptions {
                    sort: Some(raw(&sort)),
                    limit: 3,
                    cursor: cursor.clone(),
                    ..FindOptions::default()
                };
                let page = store.find(C, raw(&doc! {}), options, soon()).await.unwrap();
                seen.extend(page.documents.iter().map(read));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, whole, "{} {sort}", store.kind());
        }
        let options = FindOptions {
            sort: Some(raw(&doc! {"s": 1})),
            limit: 3,
            cursor: Some("garbage".to_owned()),
            ..FindOptions::default()
        };
        let refused = store.find(C, raw(&doc! {}), options, soon()).await;
        assert!(
            matches!(refused, Err(OriginError::Invalid(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn writes_mean_the_same() {
    let (mongo, sqlite) = filled().await;
    let updates = [
        (doc! {"_id": 1}, doc! {"$set": {"in.c": 7, "s": "new"}}),
        (doc! {"_id": 1}, doc! {"$set": {"s": "new"}}),
        (
            doc! {"_id": 2},
            doc! {"$unset": {"in.a": "", "nothing": ""}},
        ),
        (doc! {"_id": 1}, doc! {"$inc": {"n": 2, "fresh": 1.5}}),
        (
            doc! {"_id": 2},
            doc! {"$push": {"tags": "z"}, "$max": {"n": 9}},
        ),
        (
            doc! {"_id": 1},
            doc! {"$addToSet": {"tags": {"$each": ["x", "w"]}}},
        ),
        (doc! {"_id": 1}, doc! {"$pull": {"tags": "x"}}),
        (doc! {"_id": 8}, doc! {"$pull": {"tags": 2.0}}),
        (doc! {"_id": 8}, doc! {"$addToSet": {"tags": 3_i64}}),
        (doc! {"_id": 8}, doc! {"$pull": {"tags": {"$in": [1, 9]}}}),
        (doc! {"_id": 77}, doc! {"$set": {"s": "nobody"}}),
        (doc! {"_id": 1}, doc! {"s": "replaced"}),
        (doc! {"_id": 1}, doc! {"$set": {"s": 1}, "$inc": {"s": 1}}),
        (doc! {"_id": 1}, doc! {"$inc": {"s": 1}}),
    ];
    for (filter, update) in &updates {
        let options = FindAndUpdateOptions {
            return_new: true,
            ..FindAndUpdateOptions::default()
        };
        let mut answers = Vec::new();
        for store in [&mongo, &sqlite] {
            let done = store
                .find_one_and_update(C, raw(filter), raw(update), options.clone(), soon())
                .await;
            answers.push(match done {
                Ok(after) => format!("{:?}", after.as_ref().map(read)),
                Err(OriginError::Invalid(_) | OriginError::Internal(_)) => "refused".to_owned(),
                Err(other) => format!("{other:?}"),
            });
        }
        assert_eq!(answers[0], answers[1], "{filter} {update}");
    }
    for store in [&mongo, &sqlite] {
        let many = UpdateOptions {
            many: true,
            upsert: false,
        };
        let set = raw(&doc! {"$set": {"marked": true}});
        let done = store
            .update(C, raw(&doc! {"s": "a"}), set.clone(), many, soon())
            .await
            .unwrap();
        assert_eq!((done.matched, done.modified), (2, 2), "{}", store.kind());
        let upsert = UpdateOptions {
            many: false,
            upsert: true,
        };
        let done = store
            .update(C, raw(&doc! {"_id": 50}), set, upsert, soon())
            .await
            .unwrap();
        assert_eq!(done.upserted.map(|id| read(&id)), Some(doc! {"_id": 50}));
        let nested = doc! {"_id": 51, "in.a": 9, "n": {"$gt": 1}};
        let set = raw(&doc! {"$set": {"in.b": 1}});
        store
            .update(C, raw(&nested), set, upsert, soon())
            .await
            .unwrap();
        let again = store.insert(C, vec![raw(&doc! {"_id": 50})], soon()).await;
        assert!(
            matches!(again, Err(OriginError::DuplicateKey(_))),
            "{again:?}"
        );
        let spec = IndexSpec {
            keys: &[("mail", 1)],
            unique: true,
            sparse: false,
            text: false,
        };
        store.create_index("people", spec, soon()).await.unwrap();
        store.create_index("people", spec, soon()).await.unwrap();
        store
            .insert("people", vec![raw(&doc! {"mail": "a"})], soon())
            .await
            .unwrap();
        let again = store
            .insert("people", vec![raw(&doc! {"mail": "a"})], soon())
            .await;
        assert!(
            matches!(again, Err(OriginError::DuplicateKey(_))),
            "{again:?}"
        );
        assert_eq!(
            store
                .delete(C, raw(&doc! {"s": "a"}), true, soon())
                .await
                .unwrap(),
            2
        );
        assert_eq!(
            store
                .delete(C, raw(&doc! {"s": "a"}), false, soon())
                .await
                .unwrap(),
            0
        );
    }
    let one = find(&mongo, &doc! {}, &doc! {"_id": 1}).await;
    let two = find(&sqlite, &doc! {}, &doc! {"_id": 1}).await;
    assert_eq!(outcome(two), outcome(one));
}

#[tokio::test]
async fn pipelines_and_distinct_values_mean_the_same() {
    let (mongo, sqlite) = filled().await;
    for pipeline in [
        vec![
            doc! {"$match": {"s": {"$exists": true}}},
            doc! {"$group": {"_id": "$yes", "count": {"$sum": 1}, "total": {"$sum": "$n"}}},
            doc! {"$sort": {"_id": 1}},
        ],
        vec![
            doc! {"$group": {"_id": Bson::Null, "least": {"$min": "$at"}, "mean": {"$avg": "$in.a"}}},
        ],
        vec![doc! {"$match": {"n": 5}}, doc! {"$count": "fives"}],
        vec![doc! {"$match": {"n": 12_345}}, doc! {"$count": "none"}],
        vec![
            doc! {"$sort": {"_id": 1}},
            doc! {"$skip": 2},
            doc! {"$limit": 3},
            doc! {"$project": {"s": 1}},
        ],
    ] {
        let mut answers = Vec::new();
        for store in [&mongo, &sqlite] {
            let stages = pipeline.iter().map(raw).collect();
            let done = store.aggregate(C, stages, soon()).await;
            answers.push(outcome(done.map(|all| all.iter().map(read).collect())));
        }
        assert_eq!(answers[0], answers[1], "{pipeline:?}");
    }
    for field in ["s", "yes", "tags"] {
        let mut answers = Vec::new();
        for store in [&mongo, &sqlite] {
            let values = store
                .distinct(C, field, raw(&doc! {}), soon())
                .await
                .unwrap();
            let mut values: Vec<_> = read(&values)
                .get_array("values")
                .unwrap()
                .iter()
                .map(Bson::to_string)
                .collect();
            values.sort();
            answers.push(values);
        }
        assert_eq!(answers[0], answers[1], "{field}");
    }
}
