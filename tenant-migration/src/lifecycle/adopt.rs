//! [`adopt_schema`]: makes a tenant of an existing schema.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tenant_core::{Host, SchemaName, Tenant, TenantStatus};

use crate::{
    database::{rows, texts},
    define::{Migrations, SchemaRef, Step, tenant_of},
    lifecycle::{
        baseline::baseline,
        catalog_insert,
        create::NewTenant,
        domains,
        error::{LifecycleError, run_detached},
        lookup::set_lock_timeout,
        name_availability::{NameClaim, require_available},
    },
    plan::{DEFAULT_LOCK_TIMEOUT, SchemaError},
    schema::lock,
};

/// Migrations whose changes an adopted schema already has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Applied {
    /// Only the migrations in its ledger, if it has one. Migrating the tenant runs all others.
    #[default]
    None,
    /// The migrations up to this one, inclusive.
    To(String),
    /// All migrations.
    All,
}

/// Makes an active tenant of an existing schema, such as one from another multitenancy library. Its tables stay as they are.
///
/// The tenant gets its row in the catalog, its domain and its role. The schema gets a ledger that records the migrations of
/// `applied`, none of which is run. Its functions get a `search_path`, as after migrations
/// ([`Migrations::set_function_search_path`]). All changes are one transaction.
///
/// [`Executor`](crate::Executor) runs the pending migrations, and [`tenant_core::audit`] finds what could lead from the
/// schema to another tenant's.
///
/// # Errors
/// [`LifecycleError`] if no schema has exactly this name, the name is a tenant's, a user's, reserved for all tenants or
/// retired, the schema has an extension, or its ledger has migrations that this program does not have. Nothing is changed
/// then.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{Host, SchemaName};
/// use tenant_migration::{Applied, NewTenant, adopt_schema};
///
/// let acme = NewTenant::new(SchemaName::for_tenant("acme")?, "Acme Inc.")
///     .domain(Host::parse("acme.example.com")?);
/// let applied = Applied::To("m20260101_000001_create_note".to_owned());
/// adopt_schema(tenants.shared_connection(), &migrations, &acme, &applied).await?;
/// # Ok(())
/// # }
/// ```
pub async fn adopt_schema(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
    applied: &Applied,
) -> Result<Tenant, LifecycleError> {
    adopt(db, migrations, new, applied, AdoptOptions::default()).await
}

/// Options of [`adopt`].
#[derive(Debug, Clone, Default)]
pub(crate) struct AdoptOptions {
    /// Domains besides the primary one.
    pub(crate) more_domains: Vec<Host>,
    /// Does everything, and rolls it back.
    pub(crate) is_dry_run: bool,
}

/// Does the same as [`adopt_schema`], with options.
pub(crate) async fn adopt(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: &NewTenant,
    applied: &Applied,
    options: AdoptOptions,
) -> Result<Tenant, LifecycleError> {
    if new.schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "adopting" });
    }
    let steps = steps(migrations, &new.kind, applied)?;
    let (db, migrations, adopted) = (db.clone(), migrations.clone(), new.clone());
    let adoption = async move { adopt_now(&db, &migrations, adopted, &steps, options).await };
    run_detached(&new.schema, Box::pin(adoption)).await
}

/// Returns the steps that record the migrations of `applied`.
fn steps(migrations: &Migrations, kind: &str, applied: &Applied) -> Result<Vec<Step>, LifecycleError> {
    let names: Vec<_> = migrations.of_kind(kind).names().collect();
    let count = match applied {
        Applied::None => 0,
        Applied::All => names.len(),
        Applied::To(last) => {
            let index = names.iter().position(|name| ***name == **last);
            let missing = || LifecycleError::NoSuchMigration {
                kind: kind.to_owned(),
                name: last.clone(),
            };
            index.ok_or_else(missing)? + 1
        }
    };
    let names = names.into_iter().take(count);
    Ok(names.map(|name| Step::Fake(Arc::clone(name))).collect())
}

async fn adopt_now(
    db: &DatabaseConnection,
    migrations: &Migrations,
    new: NewTenant,
    steps: &[Step],
    options: AdoptOptions,
) -> Result<Tenant, LifecycleError> {
    let schema_ref = SchemaRef {
        schema: &new.schema,
        kind: Some(&new.kind),
    };
    let transaction = lock::begin_locked(db, &new.schema).await?;
    set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
    let row = catalog_insert::insert_tenant(&transaction, &new, TenantStatus::Active).await?;
    for host in &options.more_domains {
        domains::insert(&transaction, row.id, &host.into()).await?;
    }
    let claim = NameClaim {
        schema: Some(&new.schema),
        reuses_name: new.reuses_name,
        ..NameClaim::default()
    };
    require_available(&transaction, migrations, &new.schema, claim).await?;
    check_schema(&transaction, &new.schema).await?;
    let remaining = baseline(&transaction, migrations, schema_ref, steps).await?;
    match options.is_dry_run {
        true => transaction.rollback().await?,
        false => transaction.commit().await?,
    }
    let version = schema_ref
        .set(migrations)
        .version(|name| remaining.applied.contains(name));
    let version = version.map(ToString::to_string);
    Ok(tenant_of(row)?.with_version(version).with_domain(new.domain))
}

/// Refuses a schema that does not exist, or that has an extension for the whole database.
async fn check_schema(db: &DatabaseTransaction, schema: &SchemaName) -> Result<(), LifecycleError> {
    if !exists(db, schema).await? {
        return Err(LifecycleError::of(schema, SchemaError::NoSchema));
    }
    let (schema, extensions) = (schema.clone(), extensions(db, schema).await?);
    match extensions.is_empty() {
        true => Ok(()),
        false => Err(LifecycleError::HasExtension { schema, extensions }),
    }
}

/// True if the database has a schema with exactly this name.
async fn exists(db: &DatabaseTransaction, schema: &SchemaName) -> Result<bool, DbErr> {
    let sql = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1";
    Ok(!rows(db, sql, [schema.as_str().into()]).await?.is_empty())
}

/// Returns the extensions that are in a schema, or to which the schema belongs.
async fn extensions(db: &DatabaseTransaction, schema: &SchemaName) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT format('the extension %I', extname)
        FROM pg_catalog.pg_extension AS extension JOIN pg_catalog.pg_namespace AS space ON nspname = $1
        WHERE extnamespace = space.oid OR EXISTS (
            SELECT FROM pg_catalog.pg_depend
            WHERE classid = 'pg_namespace'::regclass AND objid = space.oid AND deptype = 'e'
                AND refclassid = 'pg_extension'::regclass AND refobjid = extension.oid
        )
        ORDER BY 1";
    texts(db, sql, [schema.as_str().into()]).await
}
