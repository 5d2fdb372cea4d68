//! Generated filters on MongoDB and on SQLite: the same documents, or SQLite says unsupported; fixes no seed but one.

use crate::documents::{C, find, outcome, raw, soon, stores};
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use harness::random::Random;

fn scalar(random: &mut Random) -> Bson {
    match random.below(9) {
        0 => Bson::Null,
        1 => Bson::Int32(random.below(4) as i32 - 1),
        2 => Bson::Int64(random.below(4) as i64 - 1),
        3 => Bson::Double(random.below(8) as f64 / 2.0 - 1.0),
        4 => Bson::String(["", "a", "b", "ab"][random.below(4) as usize].to_owned()),
        5 => Bson::Boolean(random.below(2) == 0),
        6 => Bson::DateTime(DateTime::from_millis(random.below(3) as i64)),
        7 => Bson::ObjectId(ObjectId::from_bytes([random.below(3) as u8; 12])),
        _ => Bson::String("c".to_owned()),
    }
}

fn value(random: &mut Random) -> Bson {
    match random.below(6) {
        0 => Bson::Array((0..random.below(3)).map(|_| scalar(random)).collect()),
        _ => scalar(random),
    }
}

fn document(random: &mut Random, id: i32) -> Document {
    let mut document = doc! {"_id": id};
    for field in ["a", "b"] {
        if random.below(4) > 0 {
            document.insert(field, value(random));
        }
    }
    if random.below(3) > 0 {
        document.insert("c", doc! {"d": scalar(random)});
    }
    document
}

fn filter(random: &mut Random, depth: u32) -> Document {
    if depth < 2 && random.below(4) == 0 {
        let operator = ["$and", "$or", "$nor"][random.below(3) as usize];
        let parts: Vec<_> = (0..=random.below(2))
            .map(|_| filter(random, depth + 1))
            .collect();
        return doc! {operator: parts};
    }
    let field = ["a", "b", "c.d", "_id", "zz"][random.below(5) as usize];
    let operator = [
        "$eq",
        "$ne",
        "$gt",
        "$gte",
        "$lt",
        "$lte",
        "$in",
        "$nin",
        "$exists",
        "$size",
        "$type",
        "$elemMatch",
        "$regex",
    ][random.below(13) as usize];
    let operand = match operator {
        "$in" | "$nin" => Bson::Array((0..random.below(3)).map(|_| scalar(random)).collect()),
        "$exists" => Bson::Boolean(random.below(2) == 0),
        "$size" => Bson::Int32(random.below(3) as i32),
        "$type" => {
            const TYPES: [&str; 7] = [
                "number", "string", "bool", "date", "objectId", "array", "null",
            ];
            Bson::String(TYPES[random.below(7) as usize].to_owned())
        }
        "$elemMatch" => {
            let range = ["$gt", "$lte", "$ne", "$eq"][random.below(4) as usize];
            Bson::Document(doc! {range: scalar(random)})
        }
        "$regex" => Bson::String(["^a", "^ab", "^c"][random.below(3) as usize].to_owned()),
        _ => scalar(random),
    };
    let test = doc! {operator: operand};
    if random.below(5) == 0 {
        doc! {field: {"$not": test}}
    } else {
        doc! {field: test}
    }
}

#[tokio::test]
async fn two_thousand_generated_queries_find_the_same() {
    let (mongo, sqlite) = stores().await;
    let mut random = Random::new(2_026);
    let all: Vec<_> = (0..80).map(|id| raw(&document(&mut random, id))).collect();
    for store in [&mongo, &sqlite] {
        store.insert(C, all.clone(), soon()).await.unwrap();
    }
    let (mut unsupported, mut answered) = (0, 0);
    for round in 0..2_000 {
        let filter = filter(&mut random, 0);
        let sort = if round % 3 == 0 {
            doc! {"c.d": 1, "_id": 1}
        } else {
            doc! {"_id": -1}
        };
        match outcome(find(&sqlite, &filter, &sort).await) {
            Ok(got) => {
                assert_eq!(
                    Ok(got),
                    outcome(find(&mongo, &filter, &sort).await),
                    "{round}: {filter}"
                );
            }
            Err(_) => unsupported += 1,
        }
        // The same filter after another stage, where SQL no longer answers it.
        let late = [doc! {"$sort": {"_id": 1}}, doc! {"$match": &filter}];
        let late: Vec<_> = late.iter().map(raw).collect();
        if let Ok(got) = sqlite.aggregate(C, late.clone(), soon()).await {
            let want = mongo.aggregate(C, late, soon()).await.unwrap();
            assert_eq!(got, want, "{round}: {filter} in a pipeline");
            answered += 1;
        }
    }
    assert!(unsupported < 600, "{unsupported} of 2000 are unsupported");
    assert!(
        answered > 1_000,
        "{answered} of 2000 are answered in a pipeline"
    );
}
