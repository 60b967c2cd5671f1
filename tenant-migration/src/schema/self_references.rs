//! Self-references: texts in a schema that have the schema's own name, and would be wrong under another one.

use sea_orm::{DatabaseTransaction, DbErr};
use tenant_core::SchemaName;

use crate::{
    database::texts,
    define::Migrations,
    schema::structure::{Fingerprint, Reading, aside},
};

/// Returns an object with the name of its schema in a text that PostgreSQL does not change when the schema is renamed: the
/// body of a function, a default, a comment, a row. Names of pending schemas are random, so no text has one by chance.
///
/// Compressed and encoded values are not searched.
pub(crate) async fn find_name(
    db: &DatabaseTransaction,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<Option<String>, DbErr> {
    let read = aside(db, Fingerprint::read(db, &Reading::new(migrations, schema))).await?;
    if let Some(object) = read?.naming(schema) {
        return Ok(Some(format!("the {object}")));
    }
    for table in texts(db, TABLES, [schema.as_str().into()]).await? {
        let sql = format!(
            "SELECT 1::text FROM {table} AS t WHERE strpos(lower(ROW(t.*)::text), lower($1)) > 0 LIMIT 1"
        );
        if !texts(db, &sql, [schema.as_str().into()]).await?.is_empty() {
            return Ok(Some(format!("a row of {table}")));
        }
    }
    Ok(None)
}

/// The tables with rows of their own.
const TABLES: &str = "
SELECT format('%I.%I', nspname, relname)
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'm') ORDER BY relname";
