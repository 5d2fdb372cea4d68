//! The full-text index of a collection: an FTS5 table that triggers keep in step; answers no search.

use crate::OriginError;
use crate::Outcome;
use crate::Sql;
use trm_query::path::expression;

/// The full-text table of a collection, quoted.
pub(crate) fn table(of: &str) -> String {
    format!("\"t_{of}\"")
}

/// Makes the index over these fields, where it is not there, and fills it.
pub(crate) fn create(
    connection: &dyn Sql,
    of: &str,
    documents: &str,
    keys: &[(&str, i32)],
) -> Outcome<()> {
    let fields: Vec<&str> = keys.iter().map(|(field, _)| *field).collect();
    let made = fields.join(" ");
    let known = "SELECT path FROM trm_shape WHERE collection = ? AND kind = 'text'";
    match connection.texts(known, &[of.into()])?.pop() {
        Some(known) if known == made => return Ok(()),
        Some(known) => {
            return Err(OriginError::Invalid(format!(
                "{of} has a text index over {known} already; a collection has one"
            )));
        }
        None => {}
    }
    let text = table(of);
    let columns: Vec<String> = (0..fields.len()).map(|at| format!("f{at}")).collect();
    let columns = columns.join(", ");
    let values = |row: &str| -> Outcome<String> {
        let each = fields.iter().map(|field| value(row, field));
        Ok(each.collect::<Result<Vec<_>, _>>()?.join(", "))
    };
    let (new, stored) = (values("new")?, values("stored")?);
    let insert = format!("INSERT INTO {text} (rowid, {columns})");
    let drop = format!("DELETE FROM {text} WHERE rowid = old.rowid;");
    let trigger = |when: &str, body: &str| {
        format!("CREATE TRIGGER \"t_{of}_{when}\" AFTER {when} ON {documents} BEGIN {body} END")
    };
    let add = format!("{insert} VALUES (new.rowid, {new});");
    let statements = [
        format!(
            "CREATE VIRTUAL TABLE {text} USING fts5({columns}, tokenize = 'porter unicode61 remove_diacritics 2')"
        ),
        trigger("INSERT", &add),
        trigger("UPDATE", &format!("{drop} {add}")),
        trigger("DELETE", &drop),
        format!("{insert} SELECT rowid, {stored} FROM {documents} AS stored"),
    ];
    for statement in statements {
        connection.execute(&statement, &[])?;
    }
    let remember = "INSERT INTO trm_shape VALUES (?, 'text', ?)";
    connection.execute(remember, &[of.into(), made.into()])?;
    Ok(())
}

/// A field's own text: its key without the rank, where it is a text; nothing else is searched.
fn value(row: &str, field: &str) -> Outcome<String> {
    let key = expression(field)?.replacen("doc,", &format!("{row}.doc,"), 1);
    Ok(format!(
        "CASE WHEN {key} >= '3' AND {key} < '4' THEN substr({key}, 2) END"
    ))
}
