//! Self-references: texts in a schema that have the schema's own name, and would be wrong under another one.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use tenant_core::{__private::database_name, RoleName, SchemaName};

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
    // The name of the tenant's role has that of the schema, and is changed with it.
    let role = RoleName::new(&database_name(db).await?, schema).ok();
    let reading = Reading::new(migrations, schema).without_rights_of(role);
    let read = aside(db, Fingerprint::read(db, &reading)).await?;
    if let Some(object) = read?.naming(schema) {
        return Ok(Some(format!("the {object}")));
    }
    let has_name = "strpos(lower(ROW(t.*)::text), lower($1)) > 0";
    for table in tables(db, schema, None).await? {
        if has_row(db, &table, has_name, schema).await? {
            return Ok(Some(format!("a row of {table}")));
        }
    }
    Ok(None)
}

/// Returns the objects of a schema that have the name `old`, which was the schema's before, in a text: as a word, or in a
/// string as a part of a word. A text may have the name for another reason, as a tenant is often called like its schema.
///
/// All rows but those of `ledger` are read. Compressed and encoded values are not searched.
pub(crate) async fn mentions_of(
    db: &DatabaseTransaction,
    migrations: &Migrations,
    schema: &SchemaName,
    old: &SchemaName,
    ledger: &str,
) -> Result<Vec<String>, DbErr> {
    let read = aside(db, Fingerprint::read(db, &Reading::new(migrations, schema))).await?;
    let mut found: Vec<_> = read?.mentioning(old).map(str::to_owned).collect();
    // A name has no character that is special in an expression, but the hyphen in brackets.
    let has_word = "ROW(t.*)::text ~* ('(^|[^[:alnum:]])' || $1::text || '([^[:alnum:]]|$)')";
    for table in tables(db, schema, Some(ledger)).await? {
        if has_row(db, &table, has_word, old).await? {
            found.push(format!("rows of {table}"));
        }
    }
    Ok(found)
}

/// True if a row of a table fulfils a condition on `t` and a name, which is `$1`.
async fn has_row(
    db: &impl ConnectionTrait,
    table: &str,
    condition: &str,
    name: &SchemaName,
) -> Result<bool, DbErr> {
    let sql = format!("SELECT 1::text FROM ONLY {table} AS t WHERE {condition} LIMIT 1");
    let rows = texts(db, &sql, [name.as_str().into()]).await?;
    Ok(!rows.is_empty())
}

/// Returns the tables with rows of their own, but for one of them.
async fn tables(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    other_than: Option<&str>,
) -> Result<Vec<String>, DbErr> {
    let values = [schema.as_str().into(), other_than.map(str::to_owned).into()];
    texts(db, TABLES, values).await
}

/// The tables of the schema `$1` with rows of their own, but for the table `$2`. A materialized view without data cannot be read.
const TABLES: &str = "
SELECT format('%I.%I', nspname, relname)
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'm') AND relispopulated AND relname IS DISTINCT FROM $2::text
ORDER BY relname";
