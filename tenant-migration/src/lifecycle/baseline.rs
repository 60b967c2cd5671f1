//! [`baseline`]: prepares a schema with existing tables for migrations.

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{
    define::{Migrations, SchemaRef, Step},
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
    let recorded = record(db, migrations, schema_ref, steps).await;
    recorded.map_err(|error| LifecycleError::of(schema_ref.schema, error))
}

async fn record(
    db: &DatabaseTransaction,
    migrations: &Migrations,
    schema_ref: SchemaRef<'_>,
    steps: &[Step],
) -> Result<Remaining, SchemaError> {
    let schema_session = SchemaSession::new(db, migrations, schema_ref);
    schema_session.enter().await?;
    let remaining = schema_session.check(steps, &[]).await?;
    require_known(
        migrations,
        schema_ref,
        remaining.applied.iter().map(String::as_str),
    )?;
    let ledger = schema_ref.ledger(migrations).create();
    db.execute_unprepared(&ledger).await?;
    for step in &remaining.steps {
        schema_session.apply(step).await?;
    }
    schema_session.record_state(&remaining).await?;
    schema_session.grant().await?;
    Ok(remaining)
}

/// Refuses a ledger with migrations that this program does not have.
pub(crate) fn require_known<'a>(
    migrations: &Migrations,
    schema_ref: SchemaRef<'_>,
    applied: impl Iterator<Item = &'a str>,
) -> Result<(), SchemaError> {
    let set = schema_ref.set(migrations);
    let unknown = applied.filter(|name| set.get(name).is_none());
    let mut names: Vec<_> = unknown.map(str::to_owned).collect();
    names.sort_unstable();
    match names.is_empty() {
        true => Ok(()),
        false => Err(SchemaError::UnknownMigrations { names }),
    }
}
