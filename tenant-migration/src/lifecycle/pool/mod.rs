//! The pool of pending schemas. [`fill_pool`] creates them, and `create_tenant` claims them for tenants.

mod claim;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};
use tenant_core::{SchemaName, TenantStatus, catalog::tenant};

use crate::{
    define::{LookupError, Migrations, schema_of},
    lifecycle::{
        create::{NewTenant, create},
        drop::drop_pending,
        error::LifecycleError,
        lookup,
        reservation::Reservation,
        status,
    },
    schema::lock,
};

/// Numbers of pending schemas of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// Number of schemas that this call created.
    pub made: usize,
    /// Number of schemas that `create_tenant` can claim.
    pub ready: usize,
    /// Number of schemas that are not at the version of this program: `up` migrates them with the tenants.
    pub behind: usize,
}

/// Creates pending schemas until `size` of them are ready for tenants of a kind.
///
/// A pending schema has all migrations, a temporary name (`pending_` and 16 hexadecimal digits) and a row in the catalog with
/// the status [`TenantStatus::Pending`]. It has no domain and no role, and applications do not see it.
///
/// [`create_tenant`](crate::create_tenant) claims a pending schema of the tenant's kind at the version of its program, and
/// renames it. That takes milliseconds, however many migrations there are. If the pool is empty, it runs the migrations. So
/// call this function regularly, such as after each creation or from a scheduler. Runs over all tenants migrate pending
/// schemas, too.
///
/// The hooks before and after migrations run when the pending schema is created, with its temporary name.
/// [`seed`](crate::TenantHooks::seed) runs when a tenant gets it.
///
/// # Errors
/// [`LifecycleError`] if a schema could not be created. Schemas that were created before it are kept. With
/// [`SchemaError::NamesItself`](crate::SchemaError::NamesItself) the migrations write the name of their schema into an object,
/// where it would be wrong after the renaming. Such tenants cannot use a pool.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations)
/// # -> Result<(), tenant_migration::LifecycleError> {
/// use tenant_core::DEFAULT_KIND;
/// use tenant_migration::fill_pool;
///
/// let pool = fill_pool(tenants.shared_connection(), &migrations, DEFAULT_KIND, 10).await?;
/// println!("{} made, {} ready", pool.made, pool.ready);
/// # Ok(())
/// # }
/// ```
pub async fn fill_pool(
    db: &DatabaseConnection,
    migrations: &Migrations,
    kind: &str,
    size: usize,
) -> Result<Pool, LifecycleError> {
    remove_interrupted(db).await?;
    let mut pool = Pool::default();
    loop {
        let all = count(db, pending(kind)).await?;
        pool.ready = count(db, ready(migrations, kind)).await?;
        pool.behind = all.saturating_sub(pool.ready);
        if pool.ready >= size {
            return Ok(pool);
        }
        create_pending(db, migrations, kind).await?;
        pool.made += 1;
    }
}

/// Drops all pending schemas, of one kind or of all kinds, and returns their number. If it is interrupted, call it again: it
/// goes on.
///
/// # Errors
/// [`LifecycleError`] if a schema could not be dropped. The schemas before it are dropped.
pub async fn drain_pool(
    db: &DatabaseConnection,
    migrations: &Migrations,
    kind: Option<&str>,
) -> Result<usize, LifecycleError> {
    remove_interrupted(db).await?;
    let mut dropped = 0;
    while let Some(schema) = mark_dropping(db, kind).await? {
        match drop_pending(db, migrations, &schema).await {
            Ok(_) => dropped += 1,
            // Another call drains the pool, too.
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

/// Prefix of the temporary names of pending schemas.
const PREFIX: &str = "pending_";

async fn create_pending(
    db: &DatabaseConnection,
    migrations: &Migrations,
    kind: &str,
) -> Result<(), LifecycleError> {
    let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
    let schema = schema_of(&name)?;
    let pending = NewTenant::new(schema, "").kind(kind);
    create(db, migrations, &pending, TenantStatus::Pending).await?;
    Ok(())
}

/// Removes schemas of calls that were interrupted between two transactions. A call that still runs has the lock of its schema.
async fn remove_interrupted(db: &DatabaseConnection) -> Result<(), LifecycleError> {
    let rows = tenant::Entity::find()
        .filter(tenant::Column::Status.eq(TenantStatus::Provisioning.as_str()))
        .filter(has_prefix())
        .all(db)
        .await?;
    for reservation in rows.iter().filter_map(Reservation::from_row) {
        let transaction = lookup::begin(db).await?;
        if lock::try_acquire(&transaction, reservation.schema()).await? {
            let removed = reservation.remove_in(&transaction).await;
            removed.map_err(|error| LifecycleError::of(reservation.schema(), error))?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

/// The condition for rows of pending schemas. A row of a tenant may have such a schema, too, but also a name.
fn has_prefix() -> Condition {
    Condition::all()
        .add(tenant::Column::SchemaName.starts_with(PREFIX.replace('_', "\\_")))
        .add(tenant::Column::Name.eq(""))
}

/// Selects the pending schemas of a kind.
fn pending(kind: &str) -> Select<tenant::Entity> {
    tenant::Entity::find()
        .filter(tenant::Column::Status.eq(TenantStatus::Pending.as_str()))
        .filter(tenant::Column::Kind.eq(kind))
}

/// Selects the pending schemas of a kind at the version of this program.
fn ready(migrations: &Migrations, kind: &str) -> Select<tenant::Entity> {
    let is_current = match migrations.of_kind(kind).newest() {
        Some(version) => tenant::Column::Version.eq(&**version),
        None => tenant::Column::Version.is_null(),
    };
    pending(kind).filter(is_current)
}

async fn count(db: &impl ConnectionTrait, rows: Select<tenant::Entity>) -> Result<usize, LifecycleError> {
    let count = rows.count(db).await.map_err(lookup::not_read)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Locks the first row that no other transaction has locked.
async fn lock_one(
    db: &impl ConnectionTrait,
    rows: Select<tenant::Entity>,
) -> Result<Option<tenant::Model>, LifecycleError> {
    let row = rows
        .order_by_asc(tenant::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(db);
    row.await.map_err(lookup::not_read)
}

/// Marks a pending schema as `dropping` and returns it, so that no tenant claims it. It may be one whose drop was interrupted.
async fn mark_dropping(
    db: &DatabaseConnection,
    kind: Option<&str>,
) -> Result<Option<SchemaName>, LifecycleError> {
    let droppable = [TenantStatus::Pending, TenantStatus::Dropping];
    let mut find = tenant::Entity::find()
        .filter(tenant::Column::Status.is_in(droppable.map(TenantStatus::as_str)))
        .filter(has_prefix());
    if let Some(kind) = kind {
        find = find.filter(tenant::Column::Kind.eq(kind));
    }
    let transaction = lookup::begin(db).await?;
    let Some(row) = lock_one(&transaction, find).await? else {
        transaction.rollback().await?;
        return Ok(None);
    };
    status::set(&transaction, row.id, TenantStatus::Dropping).await?;
    transaction.commit().await?;
    Ok(Some(schema_of(&row.schema_name)?))
}
