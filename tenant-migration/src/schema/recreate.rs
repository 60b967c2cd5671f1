//! Empties a schema, for `fresh`.

use sea_orm::ConnectionTrait;
use tenant_core::SchemaName;

use crate::{
    database::{rows, texts},
    define::lock_tenants,
    plan::SchemaError,
    schema::{dependents, structure::require_locks},
};

/// A table with a key, a sequence and texts is five relations, as there are two of PostgreSQL's for the texts. It takes eleven
/// locks to be dropped, and ten to be made again, as types and defaults are locked, too. (PostgreSQL 15. The server has
/// room for more locks than it says, which is for others.)
const LOCKS_FOR_EACH: i64 = 4;

/// Drops everything in a schema. Statements name it in full, wherever the connection stands.
pub(crate) async fn recreate(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<(), SchemaError> {
    if schema.is_shared() {
        let tenants = lock_tenants(db).await?;
        if !tenants.is_empty() {
            return Err(SchemaError::TenantsExist { tenants });
        }
        dependents::require_none(db, schema).await?;
        db.execute_unprepared(EMPTY_SHARED).await?;
    } else {
        recreate_tenant(db, schema).await?;
    }
    Ok(())
}

/// Not that of a tenant which was dropped or renamed since this was planned: the schema would be nobody's.
async fn recreate_tenant(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<(), SchemaError> {
    let sql = "SELECT FROM public.tenants WHERE schema_name = $1 FOR UPDATE";
    if rows(db, sql, [schema.as_str().into()]).await?.is_empty() {
        return Err(SchemaError::NoTenant);
    }
    require_locks(db, schema, LOCKS_FOR_EACH).await?;
    lock_tables(db, schema).await?;
    dependents::require_none(db, schema).await?;
    let schema = schema.quoted();
    let sql = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// Locks the tables of a schema, as dropping them does, so that nobody makes an object that depends on one of them between the
/// check and the drop. Views are left out: to lock a view locks the tables that it reads, too.
async fn lock_tables(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<(), SchemaError> {
    let sql = "SELECT pg_catalog.format('%I.%I', $1, relname)
        FROM pg_catalog.pg_namespace AS space
        -- There is no index on the tables of a schema, but on what depends on it.
        JOIN pg_catalog.pg_depend ON refclassid = 'pg_catalog.pg_namespace'::regclass AND refobjid = space.oid
        JOIN pg_catalog.pg_class AS class ON classid = 'pg_catalog.pg_class'::regclass AND class.oid = objid
        WHERE nspname = $1 AND relkind IN ('r', 'p') ORDER BY 1";
    let tables = texts(db, sql, [schema.as_str().into()]).await?;
    if !tables.is_empty() {
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
        db.execute_unprepared(&lock).await?;
    }
    Ok(())
}

/// The schema itself stays, with the rights on it, and so do extensions and what belongs to them.
const EMPTY_SHARED: &str = include_str!("empty_shared.sql");
