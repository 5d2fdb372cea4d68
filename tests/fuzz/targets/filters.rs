//! A filter as SQL against the same filter as a rule: where both answer they answer the same; makes only what both may take.

#![cfg_attr(not(test), no_main)]

use libfuzzer_sys::fuzz_target;
use rusqlite::{Connection, params_from_iter};
use trm_fuzz::choices::Choices;
use trm_query::path::Shape;
use trm_query::{filter, key, matches};

thread_local! {
    static SQLITE: Connection = Connection::open_in_memory().expect("SQLite opens");
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices(bytes);
    let documents = [choices.document(), choices.document()];
    let filter = choices.filter(0);
    let mut shape = Shape::default();
    let forms = documents
        .each_ref()
        .map(|document| key::document(document, &mut shape));
    let Ok(condition) = filter::condition(&filter, &shape) else {
        return;
    };
    for (document, form) in documents.iter().zip(forms) {
        let (Ok(form), Ok(rule)) = (form, matches::matches(document, &filter)) else {
            continue;
        };
        let sql = format!(
            "WITH one(id, doc) AS (SELECT 0, ?) SELECT ifnull(({}), 0) <> 0 FROM one",
            condition.sql
        );
        let form = form.to_string();
        let values = std::iter::once(&form).chain(&condition.keys);
        let found: bool = SQLITE.with(|sqlite| {
            let mut statement = sqlite.prepare(&sql).expect("the SQL is SQL");
            statement
                .query_row(params_from_iter(values), |row| row.get(0))
                .expect("it is answered")
        });
        assert_eq!(
            found, rule,
            "{filter} of {document}: {} with {:?}",
            condition.sql, condition.keys
        );
    }
});
