//! An update of one collection, with its upsert: the rules are `trm-query`'s, the statements are here; owns no connection.

use crate::Outcome;
use crate::Sql;
use crate::decode;
use crate::table::MAX_SCANNED;
use crate::table::from;
use crate::table::gather;
use crate::table::insert;
use crate::table::make;
use crate::table::remember;
use crate::table::row;
use crate::table::shape;
use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, doc};
use trm_query::filter::{condition, order};
use trm_query::update as rules;

/// One update, as MongoDB takes it.
pub(crate) struct Update {
    pub filter: Document,
    pub update: Document,
    pub sort: Option<Document>,
    pub many: bool,
    pub upsert: bool,
}

/// What an update did; `before` and `after` are of the first document.
#[derive(Default)]
pub(crate) struct Updated {
    pub matched: u64,
    pub modified: u64,
    pub inserted: bool,
    pub before: Option<Document>,
    pub after: Option<Document>,
}

pub(crate) fn update(connection: &dyn Sql, of: &str, change: &Update) -> Outcome<Updated> {
    rules::check(&change.update)?;
    let table = make(connection, of)?;
    let known = shape(connection, of)?;
    let mut seen = known.clone();
    let (limit, most) = if change.many {
        (u32::MAX, MAX_SCANNED)
    } else {
        (1, 1)
    };
    let matching = condition(&change.filter, &known)?;
    let order = change
        .sort
        .as_ref()
        .map(|sort| order(sort, &known))
        .transpose()?;
    let order = order
        .map(|order| format!(" ORDER BY {order}"))
        .unwrap_or_default();
    let from = from(of, &change.filter, &known)?;
    let sql = format!(
        "SELECT raw FROM {from} WHERE {}{order} LIMIT {limit}",
        matching.sql
    );
    let mut done = Updated::default();
    for (raw, _) in gather(connection, &sql, &matching, most)? {
        let before = decode("a document", &raw)?;
        let mut after = before.clone();
        rules::apply(&mut after, &change.update, false, DateTime::now())?;
        done.matched += 1;
        if after != before {
            done.modified += 1;
            let (id, form, raw) = row(&after, &mut seen)?;
            let sql = format!("UPDATE {table} SET doc = ?, raw = ? WHERE id = ?");
            connection.execute(&sql, &[form.into(), raw.into(), id.into()])?;
        }
        if done.before.is_none() {
            done.before = Some(before);
            done.after = Some(after);
        }
    }
    if done.matched == 0 && change.upsert {
        let mut made = Document::new();
        equalities(&change.filter, &mut made)?;
        rules::apply(&mut made, &change.update, true, DateTime::now())?;
        let mut complete = Document::new();
        let id = made
            .remove("_id")
            .unwrap_or_else(|| Bson::ObjectId(ObjectId::new()));
        complete.insert("_id", id);
        complete.extend(made);
        insert(connection, of, std::slice::from_ref(&complete))?;
        return Ok(Updated {
            inserted: true,
            after: Some(complete),
            ..Updated::default()
        });
    }
    remember(connection, of, &known, &seen)?;
    Ok(done)
}

/// What a filter says a new document must be: its plain equalities.
fn equalities(filter: &Document, made: &mut Document) -> Outcome<()> {
    for (field, value) in filter {
        match value {
            Bson::Array(filters) if field == "$and" => {
                for filter in filters.iter().filter_map(Bson::as_document) {
                    equalities(filter, made)?;
                }
            }
            _ if field.starts_with('$') => {}
            Bson::Document(operators) if operators.keys().any(|name| name.starts_with('$')) => {
                if let Some(value) = operators.get("$eq") {
                    set(made, field, value)?;
                }
            }
            value => set(made, field, value)?,
        }
    }
    Ok(())
}

fn set(made: &mut Document, field: &str, value: &Bson) -> Outcome<()> {
    let set = doc! {"$set": {field: value.clone()}};
    Ok(rules::apply(made, &set, true, DateTime::now())?)
}
