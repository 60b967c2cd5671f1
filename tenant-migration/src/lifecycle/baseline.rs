//! [`baseline`]: prepares a schema with existing tables for migrations.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use tenant_core::SchemaName;

use crate::{
    define::{Migrations, RoleError, SchemaRef, Step},
    lifecycle::error::LifecycleError,
    plan::{Remaining, SchemaError},
    schema::SchemaSession,
};

/// Records `steps` in the ledger of a schema without running them, sets the `search_path` of its functions, writes its
/// version to the catalog and creates its role. The caller's transaction holds the schema's lock.
pub(crate) async fn baseline(
    db: &DatabaseTransaction,
    migrations: &Migrations,
    schema_ref: SchemaRef<'_>,
    steps: &[Step],
) -> Result<Remaining, LifecycleError> {
    let schema = schema_ref.schema;
    let schema_session = SchemaSession::new(db, migrations, schema_ref);
    schema_session.enter().await?;
    let checked = schema_session.check(steps, &[]).await;
    let remaining = checked.map_err(|error| failed(error, schema))?;
    let known = remaining.applied.iter().map(String::as_str);
    require_known(migrations, schema_ref, known)?;
    let ledger = schema_ref.ledger(migrations).create();
    db.execute_unprepared(&ledger).await?;
    for step in &remaining.steps {
        schema_session
            .apply(step)
            .await
            .map_err(|error| failed(error, schema))?;
    }
    schema_session
        .record_state(&remaining)
        .await
        .map_err(|error| failed(error, schema))?;
    schema_session
        .grant()
        .await
        .map_err(|error| not_granted(error, schema))?;
    Ok(remaining)
}

/// Refuses a ledger with migrations that this program does not have.
pub(crate) fn require_known<'a>(
    migrations: &Migrations,
    schema_ref: SchemaRef<'_>,
    applied: impl Iterator<Item = &'a str>,
) -> Result<(), LifecycleError> {
    let set = schema_ref.set(migrations);
    let mut names: Vec<_> = applied
        .filter(|name| set.get(name).is_none())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    Err(LifecycleError::UnknownMigrations {
        schema: schema_ref.schema.clone(),
        names,
    })
}

fn failed(error: SchemaError, schema: &SchemaName) -> LifecycleError {
    match error {
        SchemaError::Database(error) | SchemaError::Migration { source: error, .. } => error.into(),
        SchemaError::NoSchema => LifecycleError::NoSchema {
            schema: schema.clone(),
        },
        error => DbErr::Custom(error.to_string()).into(),
    }
}

/// Returns the error of a role that was not created, dropped or given its rights.
pub(crate) fn not_granted(error: RoleError, schema: &SchemaName) -> LifecycleError {
    match error {
        RoleError::Database(error) => error.into(),
        source => LifecycleError::NotGranted {
            schema: schema.clone(),
            source,
        },
    }
}
