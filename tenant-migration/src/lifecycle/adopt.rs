//! Making a schema that is in the database already a tenant's: [`adopt_schema`].

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tenant_core::{
    __private::{ShutDown, detached},
    SchemaName, Tenant, TenantId, TenantStatus,
};

use crate::{
    database::{rows, texts},
    define::{Migrations, SchemaRef, Step},
    lifecycle::{
        baseline::baseline,
        catalog_insert,
        create::NewTenant,
        error::LifecycleError,
        lookup::set_lock_timeout,
        name_availability::{self, NameClaim},
    },
    plan::DEFAULT_LOCK_TIMEOUT,
    schema::lock,
};

/// Which migrations something else did in a schema already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Applied {
    /// None but those in its ledger, if it has one: migrating it runs all others.
    #[default]
    None,
    /// Those up to and with this one.
    To(String),
    /// All of them.
    All,
}

/// Makes a schema that is in the database already a tenant's, active at once: one of an application that used another
/// library before, say. Its tables stay as they are.
///
/// The tenant gets its row in the catalog, its domain, a ledger in its schema with the migrations of `applied`, none of
/// which is run, and its role. The functions of the schema get a `search_path`, as after migrations
/// ([`Migrations::set_function_search_path`]). All of it is one transaction. What is left to migrate is left to
/// [`Executor`](crate::Executor), and what could lead from the schema to another one is for [`tenant_core::audit`] to
/// find.
///
/// # Errors
/// [`LifecycleError`] if there is no schema of exactly this name, it is a tenant's, kept for all tenants, called like a
/// user or that of a tenant that is gone, it has an extension in it, or its ledger has migrations that this program has
/// not. Nothing was changed then.
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
    let schema = new.schema.clone();
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "to adopt" });
    }
    let adoption = Adoption {
        db: db.clone(),
        migrations: migrations.clone(),
        steps: steps(migrations, &new.kind, applied)?,
        new: new.clone(),
    };
    let adopted = detached(adoption.run()).await;
    adopted.unwrap_or_else(|ShutDown| Err(LifecycleError::Interrupted { schema }))
}

/// What writes the migrations of `applied` into a ledger.
fn steps(migrations: &Migrations, kind: &str, applied: &Applied) -> Result<Vec<Step>, LifecycleError> {
    let names: Vec<_> = migrations.of_kind(kind).names().collect();
    let count = match applied {
        Applied::None => 0,
        Applied::All => names.len(),
        Applied::To(last) => {
            let at = names.iter().position(|name| ***name == **last);
            let missing = || LifecycleError::NoSuchMigration {
                kind: kind.to_owned(),
                name: last.clone(),
            };
            at.ok_or_else(missing)? + 1
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
}

impl Adoption {
    async fn run(self) -> Result<Tenant, LifecycleError> {
        let transaction = lock::begin_locked(&self.db, self.schema()).await?;
        set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
        let row = catalog_insert::register(&transaction, &self.new, TenantStatus::Active).await?;
        self.check_name(&transaction).await?;
        self.check_schema(&transaction).await?;
        let remaining = baseline(&transaction, &self.migrations, self.schema_ref(), &self.steps).await?;
        transaction.commit().await?;
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

    /// It is there, and nothing in it is for all.
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

/// Whether the database has a schema, by its exact name.
async fn exists(db: &DatabaseTransaction, schema: &SchemaName) -> Result<bool, DbErr> {
    let sql = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1";
    Ok(!rows(db, sql, [schema.as_str().into()]).await?.is_empty())
}

/// The extensions that are in a schema, or made it.
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
