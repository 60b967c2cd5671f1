//! Copying a schema: statements for its rows, and the check that the copy refers to nothing of the original.

use sea_orm::{ConnectionTrait, DbErr};
use tenant_core::SchemaName;

use crate::{
    plan::SchemaError,
    schema::structure::{
        query::{about_schema, enter, rows, text},
        read::{ReadError, Reading},
    },
};

/// Refuses a schema with more relations than the server has locks for, in a transaction that takes `locks_for_each` for each of
/// them: it would fail halfway, and others with it.
/// <https://www.postgresql.org/docs/current/runtime-config-locks.html#GUC-MAX-LOCKS-PER-TRANSACTION>
pub(crate) async fn require_locks(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    locks_for_each: i64,
) -> Result<(), SchemaError> {
    let rows = rows(db, about_schema!("size.sql"), [schema.as_str().into()]).await?;
    let missing = || DbErr::RecordNotFound("the size of a schema".to_owned());
    let row = rows.first().ok_or_else(missing)?;
    let (relations, locks): (i64, i64) = (row.try_get("", "relations")?, row.try_get("", "locks")?);
    let needed = relations.saturating_mul(locks_for_each);
    if needed <= locks {
        return Ok(());
    }
    // All transactions of the server share the locks.
    let transactions = row.try_get::<i64>("", "transactions")?.max(1);
    Err(SchemaError::TooLarge {
        relations,
        locks,
        max_locks_per_transaction: needed.saturating_add(transactions - 1) / transactions,
    })
}

/// The statements that copy the rows of a schema into the one that the session stands in then: of all tables, with the
/// places of their sequences, or of one table only.
///
/// What this does to the session is for the caller to take back.
pub(crate) async fn copying(
    db: &impl ConnectionTrait,
    reading: &Reading<'_>,
    only: Option<&str>,
) -> Result<Vec<String>, ReadError> {
    enter(db, &reading.path).await?;
    let values = [reading.schema.as_str().into(), only.map(str::to_owned).into()];
    if only.is_none() {
        require_no_own_search_configuration(db, reading.schema).await?;
    }
    let rows = rows(db, about_schema!("copy.sql"), values).await?;
    let statements = rows.iter().map(|row| {
        let refused: Option<String> = row.try_get("", "refused")?;
        match refused {
            Some(object) => Err(ReadError::Unsupported(object)),
            None => Ok(row.try_get("", "sql")?),
        }
    });
    statements.collect()
}

/// Refuses rows that refer to a text search configuration of the schema by its number: the copy's has another one.
async fn require_no_own_search_configuration(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
) -> Result<(), ReadError> {
    for row in rows(db, about_schema!("regconfig.sql"), [schema.as_str().into()]).await? {
        let (column, query): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if text(db, &query, []).await?.is_some() {
            let refused = format!("column {column} has numbers of text search configurations of the schema");
            return Err(ReadError::Unsupported(refused));
        }
    }
    Ok(())
}

/// Something in a schema that depends on something in another.
pub(crate) async fn reference(
    db: &impl ConnectionTrait,
    from: &SchemaName,
    to: &SchemaName,
) -> Result<Option<String>, DbErr> {
    let values = [from.as_str().into(), to.as_str().into()];
    text(db, about_schema!("references.sql"), values).await
}
