//! Calls of documents over SQLite, as a guest may make them in any order: each is done or refused, none is a fault of this code,
//! and what is kept stays of one piece; the pages of a list hold each of its documents once.

#![cfg_attr(not(test), no_main)]

use bson::{Bson, Document, RawDocumentBuf, doc};
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;
use trm_document_stores::connection::Lent;
use trm_documents::{
    FindAndUpdateOptions, FindOptions, OriginError, Outcome, Sql, UpdateOptions, calls, decode,
    encode, paging, sql,
};
use trm_fuzz::choices::Choices;
use trm_query::key;
use trm_query::path::Shape;

const FIELDS: [&str; 5] = ["a", "b", "a.c", "_id", "zz"];

fn raw(document: &Document) -> RawDocumentBuf {
    encode(document).expect("it is encoded")
}

/// Everything but a fault of the code is an answer.
fn allowed<T>(outcome: Outcome<T>) -> Option<T> {
    match outcome {
        Ok(answer) => Some(answer),
        Err(OriginError::Internal(why)) => panic!("a fault of the store: {why}"),
        Err(_) => None,
    }
}

fn change(choices: &mut Choices<'_>) -> Document {
    let operator = *choices.one(&[
        "$set",
        "$unset",
        "$inc",
        "$mul",
        "$min",
        "$max",
        "$push",
        "$addToSet",
        "$pull",
        "$pop",
        "$rename",
        "$setOnInsert",
        "$currentDate",
    ]);
    let field = *choices.one(&FIELDS);
    let value = match operator {
        "$rename" => Bson::String((*choices.one(&FIELDS)).to_owned()),
        "$currentDate" => Bson::Boolean(true),
        _ => choices.value(0),
    };
    doc! {operator: {field: value}}
}

fn order(choices: &mut Choices<'_>) -> Document {
    let mut order = Document::new();
    for _ in 0..=choices.below(2) {
        order.insert(
            *choices.one(&FIELDS),
            if choices.below(2) == 0 { 1 } else { -1 },
        );
    }
    order
}

fn call(store: &dyn Sql, choices: &mut Choices<'_>) -> Outcome<()> {
    let filter = match choices.below(3) {
        0 => Document::new(),
        _ => choices.filter(0),
    };
    let filter = raw(&filter);
    let (many, upsert) = (choices.below(2) == 0, choices.below(4) == 0);
    let projection = doc! {*choices.one(&FIELDS): choices.below(2) as i32};
    let projection = (choices.below(3) == 0).then(|| raw(&projection));
    let sort = (choices.below(2) == 0).then(|| raw(&order(choices)));
    match choices.below(8) {
        0..3 => {
            let mut document = choices.document();
            if choices.below(2) == 0 {
                document.insert("_id", choices.scalar());
            }
            calls::insert(store, "of", vec![raw(&document)]).map(drop)
        }
        3 => {
            let update = raw(&change(choices));
            let done = calls::update(
                store,
                "of",
                &filter,
                &update,
                UpdateOptions { many, upsert },
            )?;
            assert!(done.modified <= done.matched && (many || done.matched <= 1));
            Ok(())
        }
        4 => {
            let options = FindAndUpdateOptions {
                projection,
                sort,
                upsert,
                return_new: many,
            };
            let update = raw(&change(choices));
            calls::find_one_and_update(store, "of", &filter, &update, &options).map(drop)
        }
        5 => {
            let counted = calls::count(store, "of", &filter)?;
            let deleted = calls::delete(store, "of", &filter, many)?;
            assert_eq!(deleted, if many { counted } else { counted.min(1) });
            Ok(())
        }
        6 => calls::distinct(store, "of", *choices.one(&FIELDS), &filter).map(drop),
        _ => {
            let options = FindOptions {
                projection,
                sort,
                limit: 1_000,
                ..FindOptions::default()
            };
            let found = calls::find(store, "of", &filter, &options)?;
            assert_eq!(found.len() as u64, calls::count(store, "of", &filter)?);
            Ok(())
        }
    }
}

/// Each row is the form of its document.
fn of_one_piece(store: &dyn Sql) {
    let named = "SELECT count(*) FROM sqlite_master WHERE name = 'c_of'";
    let there = store
        .first(named, &[])
        .expect("it is asked")
        .expect("a row");
    if sql::integer(there.into_iter().next()).expect("a number") == 0 {
        return;
    }
    let mut rows = 0;
    let read = store.query("SELECT id, doc, raw FROM c_of", &[], &mut |row| {
        let mut columns = row.into_iter();
        let (id, form) = (sql::text(columns.next())?, sql::text(columns.next())?);
        let bytes = sql::blob(columns.next())?;
        let kept = RawDocumentBuf::from_bytes(bytes).expect("what is kept is BSON");
        let kept = decode("a document", &kept)?;
        let own = key::scalar(kept.get("_id").expect("it has an _id"))?;
        assert_eq!(own.unwrap_or_else(|| "1".to_owned()), id, "{kept}");
        let own = key::document(&kept, &mut Shape::default())?.to_string();
        assert_eq!(own, form, "{kept}");
        rows += 1;
        Ok(())
    });
    read.expect("what is kept is read");
    let all = calls::count(store, "of", &raw(&Document::new()));
    assert_eq!(all.expect("it is counted"), rows);
}

fn pages(store: &dyn Sql, choices: &mut Choices<'_>) {
    let (filter, sort) = (raw(&Document::new()), order(choices));
    let ids = |found: &[RawDocumentBuf]| -> Vec<Bson> {
        let ids = found
            .iter()
            .map(|raw| decode("a document", raw).expect("it is one"));
        ids.map(|document| document.get("_id").cloned().unwrap_or(Bson::Null))
            .collect()
    };
    let mut whole = sort.clone();
    if !whole.contains_key("_id") {
        whole.insert("_id", 1);
    }
    let all = FindOptions {
        sort: Some(raw(&whole)),
        limit: 1_000,
        ..FindOptions::default()
    };
    let Some(all) = allowed(calls::find(store, "of", &filter, &all)) else {
        return;
    };
    let (limit, mut cursor, mut seen) = (u32::from(choices.below(3)) + 1, None, Vec::new());
    let projection = (choices.below(3) == 0).then(|| raw(&doc! {"zz": choices.below(2) as i32}));
    for _ in 0..=all.len() {
        let options = FindOptions {
            projection: projection.clone(),
            sort: Some(raw(&sort)),
            limit,
            cursor,
            ..FindOptions::default()
        };
        // A list is not paged by fields that hold arrays, among others.
        let Some((plan, asked, options)) = allowed(paging::begin(filter.clone(), options)) else {
            return;
        };
        let Some(found) = allowed(calls::find(store, "of", &asked, &options)) else {
            return;
        };
        let Some(page) = allowed(plan.end(found)) else {
            return;
        };
        assert!(page.documents.len() <= limit as usize);
        seen.extend(ids(&page.documents));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let documents: Vec<_> = all.iter().map(|raw| decode("it", raw)).collect();
    // Not-a-number is equal to nothing, itself included.
    let (seen, all) = (format!("{seen:?}"), format!("{:?}", ids(&all)));
    assert_eq!(seen, all, "by {sort}, {limit} at a time: {documents:?}");
}

thread_local! {
    static SQLITE: Connection = {
        let sqlite = Connection::open_in_memory().expect("SQLite opens");
        calls::prepare(&Lent(&sqlite)).expect("it is prepared");
        sqlite
    };
}

fuzz_target!(|bytes: &[u8]| {
    SQLITE.with(|sqlite| {
        sqlite.execute_batch("BEGIN").expect("it begins");
        let store = Lent(sqlite);
        let mut choices = Choices(bytes);
        for _ in 0..12 {
            if choices.is_over() {
                break;
            }
            sqlite.execute_batch("SAVEPOINT one").expect("it is saved");
            if allowed(call(&store, &mut choices)).is_none() {
                sqlite
                    .execute_batch("ROLLBACK TO one")
                    .expect("it is taken back");
            }
            sqlite.execute_batch("RELEASE one").expect("it is released");
        }
        of_one_piece(&store);
        pages(&store, &mut choices);
        // And any text as a cursor.
        let options = FindOptions {
            sort: Some(raw(&doc! {"a": 1})),
            limit: 1,
            cursor: Some(String::from_utf8_lossy(bytes).into_owned()),
            ..FindOptions::default()
        };
        let begun = paging::begin(raw(&Document::new()), options).map(drop);
        assert!(matches!(begun, Ok(()) | Err(OriginError::Invalid(_))));
        sqlite.execute_batch("ROLLBACK").expect("it is taken back");
    });
});
