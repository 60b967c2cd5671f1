//! [`adopt_schema`]: makes a tenant of an existing schema.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tenant_core::{
    __private::{ShutDown, detached},
    Host, SchemaName, Tenant, TenantId, TenantStatus,
};

use crate::{
    database::{rows, texts},
    define::{Migrations, SchemaRef, Step},
    lifecycle::{
        baseline::baseline,
        catalog_insert,
        create::NewTenant,
        domains,
        error::LifecycleError,
        lookup::set_lock_timeout,
        name_availability::{self, NameClaim},
    },
    plan::DEFAULT_LOCK_TIMEOUT,
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
    let schema = new.schema.clone();
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "adopting" });
    }
    let adoption = Adoption {
        db: db.clone(),
        migrations: migrations.clone(),
        steps: steps(migrations, &new.kind, applied)?,
        new: new.clone(),
        options,
    };
    let adopted = detached(adoption.run()).await;
    adopted.unwrap_or_else(|ShutDown| Err(LifecycleError::Interrupted { schema }))
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

struct Adoption {
    db: DatabaseConnection,
    migrations: Migrations,
    new: NewTenant,
    steps: Vec<Step>,
    options: AdoptOptions,
}

impl Adoption {
    async fn run(self) -> Result<Tenant, LifecycleError> {
        let transaction = lock::begin_locked(&self.db, self.schema()).await?;
        set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
        let row = catalog_insert::insert_tenant(&transaction, &self.new, TenantStatus::Active).await?;
        for host in &self.options.more_domains {
            domains::insert(&transaction, row.id, host).await?;
        }
        self.check_name(&transaction).await?;
        self.check_schema(&transaction).await?;
        let remaining = baseline(&transaction, &self.migrations, self.schema_ref(), &self.steps).await?;
        match self.options.is_dry_run {
            true => transaction.rollback().await?,
            false => transaction.commit().await?,
        }
        let set = self.schema_ref().set(&self.migrations);
        let version = set.version(|name| remaining.applied.contains(name));
        let version = version.map(ToString::to_string);
        Ok(Tenant::new(TenantId(row.id), self.new.schema, self.new.name)
            .with_version(version)
            .with_kind(row.kind)
            .with_metadata(row.metadata)
            .with_domain(self.new.domain))
    }

    fn schema(&self) -> &SchemaName {
        &self.new.schema
    }

    fn schema_ref(&self) -> SchemaRef<'_> {
        SchemaRef {
            schema: &self.new.schema,
            kind: Some(&self.new.kind),
        }
    }

    async fn check_name(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let claim = NameClaim {
            schema: Some(self.schema()),
            reuses_name: self.new.reuses_name,
            ..NameClaim::default()
        };
        match name_availability::find_conflict(db, &self.migrations, self.schema(), claim).await? {
            None => Ok(()),
            Some(conflict) => Err(conflict.into()),
        }
    }

    /// Refuses a schema that does not exist, or that has an extension for the whole database.
    async fn check_schema(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let schema = self.schema().clone();
        if !exists(db, &schema).await? {
            return Err(LifecycleError::NoSchema { schema });
        }
        let extensions = extensions(db, &schema).await?;
        if extensions.is_empty() {
            return Ok(());
        }
        Err(LifecycleError::HasExtension { schema, extensions })
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
