//! Each table of operators against the parser: what is listed is accepted, what else MongoDB has is unsupported.

use super::*;
use crate::QueryError;
use crate::aggregate::{Source, run};
use crate::filter::condition;
use crate::matches::matches;
use crate::path::Shape;
use crate::update::{apply, check};
use bson::{Bson, DateTime, Document, bson, doc};

/// MongoDB's operators of filters, by its own reference of version 8.
const MONGODB_FILTER: &str = "$all $and $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $comment $elemMatch \
    $eq $exists $expr $geoIntersects $geoWithin $gt $gte $in $jsonSchema $lt $lte $mod \
    $ne $near $nearSphere $nin $nor $not $options $or $rand $regex $sampleRate $size \
    $text $type $where";
const MONGODB_TYPES: &str = "array binData bool date dbPointer decimal double int javascript javascriptWithScope \
    long maxKey minKey null number object objectId regex string symbol timestamp \
    undefined";
const MONGODB_UPDATE: &str = "$addToSet $bit $currentDate $inc $max $min $mul $pop $pull $pullAll $push $rename \
    $set $setOnInsert $unset";
const MONGODB_STAGES: &str = "$addFields $bucket $bucketAuto $changeStream $collStats $count $currentOp $densify \
    $documents $facet $fill $geoNear $graphLookup $group $indexStats $limit \
    $listSessions $lookup $match $merge $out $planCacheStats $project $redact \
    $replaceRoot $replaceWith $sample $search $searchMeta $set $setWindowFields $skip \
    $sort $sortByCount $unionWith $unset $unwind $vectorSearch";
const MONGODB_ACCUMULATORS: &str = "$accumulator $addToSet $avg $bottom $bottomN $concatArrays $count $first $firstN \
    $last $lastN $max $maxN $median $mergeObjects $min $minN $percentile $push $setUnion \
    $stdDevPop $stdDevSamp $sum $top $topN";

/// An operand that the operator takes, where a number is none.
fn operand(operator: &str) -> Bson {
    match operator {
        "$and" | "$or" | "$nor" => bson!([{"a": 1}]),
        "$all" | "$in" | "$nin" => bson!([1, 2]),
        "$elemMatch" | "$not" => bson!({"$gt": 1}),
        "$exists" => bson!(true),
        "$regex" => bson!("^a"),
        "$text" => bson!({"$search": "words"}),
        "$type" => bson!("string"),
        "$currentDate" => bson!({"f": true}),
        "$facet" => bson!({"x": [{"$limit": 1}]}),
        "$count" => bson!("n"),
        "$graphLookup" => {
            bson!({"from": "c", "startWith": "$a", "connectFromField": "a", "connectToField": "b", "as": "x"})
        }
        "$group" => bson!({"_id": "$a"}),
        "$lookup" => {
            bson!({"from": "c", "localField": "a", "foreignField": "b", "as": "x"})
        }
        "$match" | "$sort" | "$project" | "$addFields" | "$set" => bson!({"f": 1}),
        "$unwind" => bson!("$f"),
        _ => bson!(1),
    }
}

/// A collection without documents beside the one that is asked.
struct Empty;

impl Source for Empty {
    type Error = QueryError;

    fn find(&mut self, _: &str, _: &Document) -> Result<Vec<Document>, QueryError> {
        Ok(Vec::new())
    }
}

fn filter(filter: Document) -> Result<(), QueryError> {
    let shape = Shape {
        text: Some("texts".to_owned()),
        ..Shape::default()
    };
    condition(&filter, &shape).map(drop)
}

fn later(filter: Document) -> Result<(), QueryError> {
    matches(&doc! {"f": 1}, &filter).map(drop)
}

fn update(operator: &str) -> Result<(), QueryError> {
    let operand = match operator {
        "$currentDate" => doc! {"f": true},
        _ => doc! {"f": 1},
    };
    let mut document = match operator {
        "$addToSet" | "$push" | "$pull" | "$pullAll" | "$pop" => doc! {"f": [1]},
        _ => doc! {"f": 1},
    };
    let update = doc! {operator: operand};
    check(&update)?;
    apply(&mut document, &update, true, DateTime::from_millis(0))
}

fn stages(stages: &[Document]) -> Result<(), QueryError> {
    run(vec![doc! {"f": 1}], stages, &mut Empty).map(drop)
}

/// The table has what is accepted and nothing else, and in order.
fn holds(table: &[&str], mongodb: &str, parse: impl Fn(&str) -> Result<(), QueryError>) {
    assert!(table.is_sorted(), "{table:?}");
    let mongodb: Vec<&str> = mongodb.split_whitespace().collect();
    for name in table {
        assert!(mongodb.contains(name), "{name} is not one of MongoDB's");
        assert_eq!(parse(name), Ok(()), "{name}");
    }
    for name in mongodb.iter().filter(|name| !table.contains(name)) {
        let parsed = parse(name);
        let unsupported = matches!(parsed, Err(QueryError::Unsupported(_)));
        assert!(unsupported, "{name} is not listed: {parsed:?}");
    }
}

#[test]
fn filters_accept_the_listed_operators_and_no_others() {
    holds(FILTER, MONGODB_FILTER, |name| {
        filter(doc! {name: operand(name)})
    });
    holds(FIELD, MONGODB_FILTER, |name| {
        filter(doc! {"f": {name: operand(name)}})
    });
    holds(ELEMENT, MONGODB_FILTER, |name| {
        filter(doc! {"f": {"$elemMatch": {name: operand(name)}}})
    });
    holds(TYPES, MONGODB_TYPES, |name| {
        filter(doc! {"f": {"$type": name}})
    });
}

#[test]
fn later_filters_accept_the_listed_operators_and_no_others() {
    holds(LATER_FILTER, MONGODB_FILTER, |name| {
        later(doc! {name: operand(name)})
    });
    holds(LATER_FIELD, MONGODB_FILTER, |name| {
        later(doc! {"f": {name: operand(name)}})
    });
}

#[test]
fn updates_accept_the_listed_operators_and_no_others() {
    holds(UPDATE, MONGODB_UPDATE, update);
}

#[test]
fn pipelines_accept_the_listed_stages_and_accumulators_and_no_others() {
    holds(STAGES, MONGODB_STAGES, |name| {
        stages(&[doc! {name: operand(name)}])
    });
    holds(ACCUMULATORS, MONGODB_ACCUMULATORS, |name| {
        stages(&[doc! {"$group": {"_id": "$f", "x": {name: "$f"}}}])
    });
}

#[test]
fn the_reference_lists_the_supported_operators() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host/docs/reference.md");
    let reference = std::fs::read_to_string(path).unwrap();
    let table = reference.split("| Where | Operators |\n|---|---|\n").nth(1);
    let table = table.unwrap().split("\n\n").next().unwrap();
    let row = |(place, names): &(&str, &[&str])| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("| {place} | {} |", names.join(", "))
    };
    let expected: Vec<_> = TABLES.iter().map(row).collect();
    let expected = expected.join("\n");
    assert_eq!(table, expected, "the table must be:\n{expected}");
}
