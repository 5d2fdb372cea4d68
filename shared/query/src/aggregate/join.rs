//! The stages that join: $lookup by equality, and $graphLookup step by step; asks the source, reads no store itself.

use super::MAX_MADE;
use super::Source;
use super::expression::{at, evaluate};
use crate::QueryError;
use crate::key;
use bson::{Bson, Document, doc};
use std::collections::{BTreeMap, BTreeSet};

/// Values that one question asks for.
const BATCH: usize = 500;
/// How far a $graphLookup goes, whatever its maxDepth, and how many documents it finds for one.
const MAX_STEPS: i64 = 100;
const MAX_FOUND: usize = 10_000;

fn name<'a>(join: &'a Document, stage: &str, field: &str) -> Result<&'a str, QueryError> {
    join.get_str(field)
        .map_err(|_| QueryError::invalid(format!("{stage} needs {field}, a text")))
}

fn only(join: &Document, stage: &str, known: &[&str]) -> Result<(), QueryError> {
    match join.keys().find(|field| !known.contains(&field.as_str())) {
        Some(other) => Err(QueryError::unsupported(format!("{stage} with {other}"))),
        None => Ok(()),
    }
}

/// The values of a field by which it is found: itself, or its elements; null where there is none.
fn values(document: &Document, field: &str) -> Vec<Bson> {
    match at(document, field) {
        Some(Bson::Array(values)) => values.clone(),
        Some(value) => vec![value.clone()],
        None => vec![Bson::Null],
    }
}

/// Each document with the list of the other collection's that are equal in a field.
pub(super) fn lookup<S: Source>(
    mut documents: Vec<Document>,
    join: &Document,
    source: &mut S,
) -> Result<Vec<Document>, S::Error> {
    only(
        join,
        "$lookup",
        &["from", "localField", "foreignField", "as"],
    )?;
    let of = |field| name(join, "$lookup", field);
    let (from, local, foreign, into) = (
        of("from")?,
        of("localField")?,
        of("foreignField")?,
        of("as")?,
    );
    let mut wanted = BTreeMap::new();
    for document in &documents {
        for value in values(document, local) {
            wanted.insert(key::identity(&value)?, value);
        }
    }
    let mut found: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    let wanted: Vec<Bson> = wanted.into_values().collect();
    let mut seen = BTreeSet::new();
    for batch in wanted.chunks(BATCH) {
        for other in source.find(from, &doc! {foreign: {"$in": batch}})? {
            // A list is found once for each of its elements.
            if !seen.insert(key::identity(other.get("_id").unwrap_or(&Bson::Null))?) {
                continue;
            }
            let mut keys = BTreeSet::new();
            for value in values(&other, foreign) {
                keys.insert(key::identity(&value)?);
            }
            for key in keys {
                found.entry(key).or_default().push(other.clone());
            }
        }
    }
    let mut made = 0;
    for document in &mut documents {
        let (mut joined, mut once) = (Vec::new(), BTreeSet::new());
        for value in values(document, local) {
            for other in found.get(&key::identity(&value)?).into_iter().flatten() {
                if once.insert(key::identity(other.get("_id").unwrap_or(&Bson::Null))?) {
                    joined.push(Bson::Document(other.clone()));
                }
            }
        }
        made += joined.len();
        if made > MAX_MADE {
            return Err(QueryError::invalid("$lookup joins too many documents").into());
        }
        super::put(document, into, Bson::Array(joined))?;
    }
    Ok(documents)
}

/// Each document with those that are reached from it, in steps from one field to another.
pub(super) fn graph<S: Source>(
    mut documents: Vec<Document>,
    join: &Document,
    source: &mut S,
) -> Result<Vec<Document>, S::Error> {
    const STAGE: &str = "$graphLookup";
    only(
        join,
        STAGE,
        &[
            "from",
            "startWith",
            "connectFromField",
            "connectToField",
            "as",
            "maxDepth",
            "depthField",
            "restrictSearchWithMatch",
        ],
    )?;
    let into = name(join, STAGE, "as")?;
    let walk = Walk {
        from: name(join, STAGE, "from")?,
        step: name(join, STAGE, "connectFromField")?,
        to: name(join, STAGE, "connectToField")?,
        most: match join.get("maxDepth") {
            None => MAX_STEPS,
            Some(Bson::Int32(most)) if *most >= 0 => i64::from(*most).min(MAX_STEPS),
            Some(Bson::Int64(most)) if *most >= 0 => (*most).min(MAX_STEPS),
            Some(other) => {
                return Err(QueryError::invalid(format!("{STAGE}: maxDepth is {other}")).into());
            }
        },
        depth_field: join.get_str("depthField").ok(),
        restrict: join.get_document("restrictSearchWithMatch").ok(),
    };
    let Some(start) = join.get("startWith") else {
        return Err(QueryError::invalid(format!("{STAGE} needs startWith")).into());
    };
    for document in &mut documents {
        let begin = match evaluate(start, document)? {
            Some(Bson::Array(values)) => values,
            Some(value) => vec![value],
            None => Vec::new(),
        };
        let reached = walk.from(begin, source)?;
        super::put(document, into, Bson::Array(reached))?;
    }
    Ok(documents)
}

/// How a graph is walked.
struct Walk<'a> {
    from: &'a str,
    step: &'a str,
    to: &'a str,
    most: i64,
    depth_field: Option<&'a str>,
    restrict: Option<&'a Document>,
}

impl Walk<'_> {
    fn from<S: Source>(&self, begin: Vec<Bson>, source: &mut S) -> Result<Vec<Bson>, S::Error> {
        let (mut reached, mut visited, mut asked) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut frontier = begin;
        for depth in 0..=self.most {
            let mut values = Vec::new();
            for value in frontier {
                if value != Bson::Null && asked.insert(key::identity(&value)?) {
                    values.push(value);
                }
            }
            if values.is_empty() {
                break;
            }
            frontier = Vec::new();
            for batch in values.chunks(BATCH) {
                let mut filter = doc! {self.to: {"$in": batch}};
                if let Some(restrict) = self.restrict {
                    filter = doc! {"$and": [filter, restrict.clone()]};
                }
                for mut found in source.find(self.from, &filter)? {
                    if !visited.insert(key::identity(found.get("_id").unwrap_or(&Bson::Null))?) {
                        continue;
                    }
                    if reached.len() >= MAX_FOUND {
                        let fault = format!("$graphLookup reaches more than {MAX_FOUND} documents");
                        return Err(QueryError::invalid(fault).into());
                    }
                    match at(&found, self.step) {
                        Some(Bson::Array(values)) => frontier.extend(values.iter().cloned()),
                        Some(value) => frontier.push(value.clone()),
                        None => {}
                    }
                    if let Some(field) = self.depth_field {
                        found.insert(field, depth);
                    }
                    reached.push(Bson::Document(found));
                }
            }
        }
        Ok(reached)
    }
}
