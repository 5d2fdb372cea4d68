//! Pipelines that join, unwind, branch and compute: the same results on MongoDB and on SQLite.

use crate::documents::{raw, soon, stores};
use bson::{Bson, Document, doc};
use trm_document_stores::{Origin, OriginError};

/// People who referred one another: 1 → 2, 3; 2 → 4; 4 → 5; 6 is alone; 7 and 8 refer each other.
async fn network(store: &Origin) {
    let people = [
        (1, None),
        (2, Some(1)),
        (3, Some(1)),
        (4, Some(2)),
        (5, Some(4)),
        (6, None),
        (7, Some(8)),
        (8, Some(7)),
    ];
    let people: Vec<_> = people
        .into_iter()
        .map(|(id, parent)| {
            let mut person = doc! {"_id": id, "name": format!("p{id}"), "score": id * 10, "tags": (0..id % 3).collect::<Vec<i32>>()};
            if let Some(parent) = parent {
                person.insert("parent", parent);
            }
            raw(&person)
        })
        .collect();
    store.insert("people", people, soon()).await.unwrap();
    let referrals: Vec<_> = (0..12_i32)
        .map(|n| raw(&doc! {"_id": n, "by": f64::from(n % 4 + 1), "state": if n % 3 == 0 { "hired" } else { "open" }, "n": n}))
        .collect();
    store.insert("referrals", referrals, soon()).await.unwrap();
}

/// Lists that have no order of their own are put into one.
fn settled(mut documents: Vec<Document>, unordered: &[&str]) -> Vec<Document> {
    for document in &mut documents {
        for field in unordered {
            if let Some(Bson::Array(values)) = document.get_mut(*field) {
                values.sort_by_key(Bson::to_string);
            }
        }
    }
    documents
}

async fn ask(store: &Origin, pipeline: &[Document]) -> Result<Vec<Document>, OriginError> {
    let pipeline = pipeline.iter().map(raw).collect();
    let found = store.aggregate("people", pipeline, soon()).await?;
    Ok(found
        .iter()
        .map(|raw| Document::try_from(raw.as_ref()).unwrap())
        .collect())
}

#[tokio::test]
async fn joins_and_branches_mean_the_same() {
    let (mongo, sqlite) = stores().await;
    for store in [&mongo, &sqlite] {
        network(store).await;
    }
    let by_id = doc! {"$sort": {"_id": 1}};
    let graph = |more: Document| {
        let mut walk = doc! {
            "from": "people", "startWith": "$_id", "connectFromField": "_id",
            "connectToField": "parent", "as": "below",
        };
        walk.extend(more);
        doc! {"$graphLookup": walk}
    };
    let lookup = doc! {"$lookup": {"from": "referrals", "localField": "_id", "foreignField": "by", "as": "below"}};
    for pipeline in [
        vec![by_id.clone(), graph(doc! {})],
        vec![
            doc! {"$match": {"_id": 1}},
            graph(doc! {"depthField": "depth"}),
        ],
        vec![
            doc! {"$match": {"_id": 1}},
            graph(doc! {"maxDepth": 1, "depthField": "depth"}),
        ],
        vec![doc! {"$match": {"_id": 1}}, graph(doc! {"maxDepth": 0})],
        vec![doc! {"$match": {"_id": 7}}, graph(doc! {})],
        vec![
            doc! {"$match": {"_id": 1}},
            graph(doc! {"restrictSearchWithMatch": {"score": {"$lt": 45}}}),
        ],
        vec![by_id.clone(), lookup.clone()],
        vec![
            by_id.clone(),
            lookup.clone(),
            doc! {"$unwind": "$below"},
            doc! {"$match": {"below.state": "hired"}},
            doc! {"$group": {"_id": "$name", "hired": {"$sum": 1}, "first": {"$min": "$below.n"}}},
            doc! {"$sort": {"hired": -1.0, "_id": 1}},
        ],
        vec![by_id.clone(), doc! {"$unwind": "$tags"}],
        vec![
            by_id.clone(),
            doc! {"$unwind": {"path": "$tags", "preserveNullAndEmptyArrays": true}},
        ],
        vec![
            by_id.clone(),
            doc! {"$unwind": "$name"},
            doc! {"$unwind": {"path": "$parent"}},
        ],
        vec![
            doc! {"$sort": {"_id": 1}},
            doc! {"$project": {"who": "$name", "parent": 1}},
        ],
        vec![
            doc! {"$sort": {"_id": 1}},
            doc! {"$project": {"_id": 0, "who": "$name"}},
        ],
        vec![
            doc! {"$sort": {"_id": 1}},
            doc! {"$addFields": {"in.who": "$name", "constant": 4}},
        ],
        vec![
            doc! {"$group": {"_id": {"p": "$parent"}, "n": {"$sum": 1}}},
            doc! {"$match": {"n": 2}},
            doc! {"$sort": {"_id.p": 1}},
        ],
        vec![doc! {"$facet": {
            "count": [{"$count": "n"}],
            "best": [{"$match": {"score": {"$gte": 40}}}, {"$sort": {"score": -1}}, {"$limit": 2}],
        }}],
        vec![by_id.clone(), doc! {"$unwind": "tags"}],
        vec![doc! {"$lookup": {"from": "referrals"}}],
    ] {
        let one = ask(&mongo, &pipeline).await;
        let two = ask(&sqlite, &pipeline).await;
        match (one, two) {
            (Ok(one), Ok(two)) => {
                assert_eq!(
                    settled(two, &["below"]),
                    settled(one, &["below"]),
                    "{pipeline:?}"
                );
            }
            // What MongoDB refuses, SQLite refuses as well, in words of its own.
            (Err(_), Err(OriginError::Invalid(_) | OriginError::Unsupported(_))) => {}
            (one, two) => panic!("{pipeline:?}: {one:?} {two:?}"),
        }
    }
    let beyond = [doc! {"$lookup": {"from": "referrals", "let": {}, "pipeline": [], "as": "x"}}];
    let refused = ask(&sqlite, &beyond).await;
    assert!(
        matches!(refused, Err(OriginError::Unsupported(_))),
        "{refused:?}"
    );
}
