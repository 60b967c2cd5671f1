//! The pool of pending schemas: made ahead by [`fill_pool`], each of which `create_tenant` makes a tenant's.

mod claim;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};
use tenant_core::{
    __private::{ShutDown, detached},
    SchemaName, TenantStatus,
    catalog::tenant,
};

use crate::define::LookupError;
use crate::{
    database::{is_without_catalog, reason},
    define::Migrations,
    lifecycle::{
        create::{CreateTenantError, NewTenant, create},
        drop::{DropOptions, Dropping},
        error::LifecycleError,
        lookup, status,
    },
};

/// Why the pool of pending schemas is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A schema could not be made. Those that were made before are kept.
    #[error(transparent)]
    Create(#[from] CreateTenantError),
    /// A schema could not be dropped.
    #[error(transparent)]
    Drop(#[from] LifecycleError),
    /// The database has no catalog.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The database did not answer as it should.
    #[error("the pool of pending schemas: {}", reason(.0))]
    Database(DbErr),
}

impl From<DbErr> for PoolError {
    fn from(error: DbErr) -> Self {
        match is_without_catalog(&error) {
            true => LookupError::NoCatalog.into(),
            false => Self::Database(error),
        }
    }
}

/// What the pool of a kind has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    /// How many schemas were made now.
    pub made: usize,
    /// How many can be made a tenant's at once.
    pub ready: usize,
    /// How many are not at the version of this program: `up` migrates them with the tenants.
    pub behind: usize,
}

/// Makes schemas ahead, until `size` of them are ready for tenants of a kind. They have all migrations, a name that nobody
/// is to use (`pending_` and 16 hexadecimal digits) and a row in the catalog with the status
/// [`TenantStatus::Pending`], but no domain and no role, and no application sees them.
///
/// [`create_tenant`](crate::create_tenant) takes one of them if there is one of the tenant's kind at the version
/// of its program. It gives it the name of the new tenant's schema, which takes milliseconds however many migrations there
/// are. So call this regularly, such as after each creation or from a scheduler; whoever comes when the pool is empty
/// waits for the migrations as without a pool. Runs over all tenants migrate pending schemas too.
///
/// The hooks before and after migrations run when the schema is made, with the name that it has then;
/// [`seed`](crate::TenantHooks::seed) runs when a tenant gets it.
///
/// # Errors
/// [`PoolError`]. [`CreateTenantError::NamesItself`] in it says that the migrations write the name of their schema somewhere,
/// where it would be wrong after the schema got another one: such tenants cannot be made ahead.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations)
/// # -> Result<(), tenant_migration::PoolError> {
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
) -> Result<Pool, PoolError> {
    let mut pool = Pool::default();
    loop {
        let all = count(db, pending(kind)).await?;
        pool.ready = count(db, ready(migrations, kind)).await?;
        pool.behind = all.saturating_sub(pool.ready);
        if pool.ready >= size {
            return Ok(pool);
        }
        make(db, migrations, kind).await?;
        pool.made += 1;
    }
}

/// Drops all pending schemas, of one kind or of all. Gives how many there were. Interrupted, it goes on where it is called
/// again.
///
/// # Errors
/// [`PoolError`] if one could not be dropped. Those before it are gone.
pub async fn drain_pool(
    db: &DatabaseConnection,
    migrations: &Migrations,
    kind: Option<&str>,
) -> Result<usize, PoolError> {
    let mut dropped = 0;
    while let Some(schema) = take_out(db, kind).await? {
        let dropping = Dropping::of_pending(db, migrations, &schema, DropOptions::default());
        let result = detached(dropping.run()).await;
        match result.unwrap_or_else(|ShutDown| Err(LifecycleError::Interrupted { schema })) {
            Ok(_) => dropped += 1,
            // Somebody else drains the pool too.
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(dropped)
}

/// What the names of pending schemas begin with.
const PREFIX: &str = "pending_";

async fn make(db: &DatabaseConnection, migrations: &Migrations, kind: &str) -> Result<(), PoolError> {
    let name = format!("{PREFIX}{:016x}", fastrand::u64(..));
    let schema = lookup::schema_of(&name)?;
    let pending = NewTenant::new(schema, "").kind(kind);
    create(db, migrations, &pending, TenantStatus::Pending).await?;
    Ok(())
}

/// The pending schemas of a kind.
fn pending(kind: &str) -> Select<tenant::Entity> {
    tenant::Entity::find()
        .filter(tenant::Column::Status.eq(TenantStatus::Pending.as_str()))
        .filter(tenant::Column::Kind.eq(kind))
}

/// Those at the version of this program.
fn ready(migrations: &Migrations, kind: &str) -> Select<tenant::Entity> {
    let is_current = match migrations.of_kind(kind).newest() {
        Some(version) => tenant::Column::Version.eq(&**version),
        None => tenant::Column::Version.is_null(),
    };
    pending(kind).filter(is_current)
}

async fn count(db: &impl ConnectionTrait, rows: Select<tenant::Entity>) -> Result<usize, DbErr> {
    let count = rows.count(db).await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// One that nobody else is about to take, for as long as the transaction lasts.
async fn lock_one(
    db: &impl ConnectionTrait,
    rows: Select<tenant::Entity>,
) -> Result<Option<tenant::Model>, DbErr> {
    rows.order_by_asc(tenant::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(db)
        .await
}

/// Takes a schema out of the pool, to drop it, or finds one of which that was interrupted.
async fn take_out(db: &DatabaseConnection, kind: Option<&str>) -> Result<Option<SchemaName>, PoolError> {
    let out = [TenantStatus::Pending, TenantStatus::Dropping];
    let mut find = tenant::Entity::find()
        .filter(tenant::Column::Status.is_in(out.map(TenantStatus::as_str)))
        .filter(tenant::Column::SchemaName.starts_with(PREFIX.replace('_', "\\_")))
        .filter(tenant::Column::Name.eq(""));
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
    Ok(Some(lookup::schema_of(&row.schema_name)?))
}
