//! Indexes of a collection as indexes of SQLite over expressions; asks nothing by them.

use crate::IndexSpec;
use crate::Outcome;
use crate::Sql;
use crate::table;
use crate::text;
use trm_query::path::expression;

/// Makes it, where it is not there.
pub fn create_index(connection: &dyn Sql, of: &str, spec: IndexSpec) -> Outcome<()> {
    let table = table::make(connection, of)?;
    if spec.text {
        return text::create(connection, of, &table, spec.keys);
    }
    let mut columns = Vec::new();
    let mut sparse = Vec::new();
    let mut name = of.to_owned();
    for (field, way) in spec.keys {
        let value = expression(field)?;
        name.push_str(&format!("_{field}_{way}"));
        sparse.push(format!("{value} IS NOT NULL"));
        let direction = if *way < 0 { " DESC" } else { "" };
        columns.push((value, direction));
    }
    let plain: Vec<_> = columns
        .iter()
        .map(|(value, way)| format!("{value}{way}"))
        .collect();
    let only = if spec.sparse {
        format!(" WHERE {}", sparse.join(" OR "))
    } else {
        String::new()
    };
    let make = |unique: &str, name: &str, columns: &[String]| {
        format!(
            "CREATE {unique} INDEX IF NOT EXISTS \"{name}\" ON {table} ({}){only}",
            columns.join(", ")
        )
    };
    connection.execute(&make("", &name, &plain), &[])?;
    if spec.unique {
        // To MongoDB two missing values are equal, to SQLite two NULLs are not: a rank of 1 stands for them.
        let strict: Vec<_> = columns
            .iter()
            .map(|(value, _)| format!("ifnull({value}, '1')"))
            .collect();
        let unique = make("UNIQUE", &format!("{name}_unique"), &strict);
        connection.execute(&unique, &[])?;
    }
    Ok(())
}
