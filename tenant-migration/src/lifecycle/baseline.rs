//! Taking in a schema that something else filled: its ledger is read and written, its functions and its role are made
//! those of a tenant.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use tenant_core::SchemaName;

use crate::{
    define::{migrations::Migrations, schema_ref::Home, step::Step, tenant_roles::RoleError},
    lifecycle::error::LifecycleError,
    plan::{error::SchemaError, remaining::Left},
    schema::session::Work,
};

/// Takes in a schema, in a transaction that holds its lock. `steps` write into its ledger and run nothing.
pub(crate) async fn take_in(
    db: &DatabaseTransaction,
    migrations: &Migrations,
    home: Home<'_>,
    steps: &[Step],
) -> Result<Left, LifecycleError> {
    let schema = home.schema;
    let work = Work::new(db, migrations, home);
    work.enter().await?;
    let checked = work.check(steps, &[]).await;
    let left = checked.map_err(|error| failed(error, schema))?;
    let known = left.applied.iter().map(String::as_str);
    require_known(migrations, home, known)?;
    let ledger = home.ledger(migrations).create();
    db.execute_unprepared(&ledger).await?;
    for step in &left.steps {
        work.take(step).await.map_err(|error| failed(error, schema))?;
    }
    work.seal(&left).await?;
    work.grant().await.map_err(|error| not_granted(error, schema))?;
    Ok(left)
}

/// Refuses a ledger with migrations that this program does not have.
pub(crate) fn require_known<'a>(
    migrations: &Migrations,
    home: Home<'_>,
    applied: impl Iterator<Item = &'a str>,
) -> Result<(), LifecycleError> {
    let set = home.set(migrations);
    let mut names: Vec<_> = applied
        .filter(|name| set.get(name).is_none())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort_unstable();
    Err(LifecycleError::UnknownMigrations {
        schema: home.schema.clone(),
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

/// Why the role of a tenant is not as it should be.
pub(crate) fn not_granted(error: RoleError, schema: &SchemaName) -> LifecycleError {
    match error {
        RoleError::Database(error) => error.into(),
        source => LifecycleError::NotGranted {
            schema: schema.clone(),
            source,
        },
    }
}
