//! Selecting the tenants of a [`Target`] for tasks, which migrate no schema.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Func},
};
use tenant_core::{
    SchemaName, Tenant, TenantStatus, Tenants,
    catalog::{CatalogError, tenant},
};

use crate::{
    database::{is_without_catalog, reason},
    define::{catalog, tenant_of},
    plan::target::Target,
};

/// Why the tenants to work for could not be told. Nothing was done for any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The catalog has no such tenant.
    #[error("there is no tenant {schema} in the catalog: `tenant list` shows those there are")]
    NoSuchTenant {
        /// The schema that was asked for.
        schema: SchemaName,
    },
    /// The database has no catalog, or an older version's.
    #[error(
        "the database has no catalog yet, or an older version's: migrate the shared schema first (`up -s public`), \
         with `tenant_migration::catalog::migrations()` among its migrations"
    )]
    NoCatalog,
    /// The tenants could not be looked up.
    #[error(transparent)]
    Catalog(CatalogError),
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

impl From<CatalogError> for SelectError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Database(error) if is_without_catalog(&error) => Self::NoCatalog,
            error => Self::Catalog(error),
        }
    }
}

/// Selects tenants, in the order of their schemas or as they are named.
pub(crate) async fn select(tenants: &Tenants, target: &Target) -> Result<Vec<Tenant>, SelectError> {
    let shared = [SchemaName::shared()];
    let named: &[SchemaName] = match target {
        Target::Shared => &shared,
        Target::Tenants(schemas) => schemas,
        target => {
            let all = tenants.list().await?.into_iter();
            return Ok(all.filter(|tenant| includes(target, tenant)).collect());
        }
    };
    let mut found: Vec<Tenant> = Vec::with_capacity(named.len());
    for schema in named {
        let tenant = by_name(tenants, schema).await?;
        if !found.contains(&tenant) {
            found.push(tenant);
        }
    }
    Ok(found)
}

/// True if a target that names no tenants includes this one.
fn includes(target: &Target, tenant: &Tenant) -> bool {
    let is_in_use = !matches!(
        tenant.status(),
        TenantStatus::Pending | TenantStatus::Provisioning | TenantStatus::Archived | TenantStatus::Dropping
    );
    is_in_use
        && match target {
            Target::All => true,
            Target::Kind(kind) => tenant.kind() == kind && !tenant.is_public(),
            _ => !tenant.is_public(),
        }
}

async fn by_name(tenants: &Tenants, schema: &SchemaName) -> Result<Tenant, SelectError> {
    if let Some(tenant) = tenants.by_schema(schema).await? {
        return Ok(tenant);
    }
    let pooled = pooled(tenants.shared_connection(), schema).await?;
    pooled.ok_or_else(|| SelectError::NoSuchTenant {
        schema: schema.clone(),
    })
}

/// Returns the tenant row of a pending schema, which an application's handle does not list.
async fn pooled(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<Option<Tenant>, DbErr> {
    if !catalog::exists(db).await? {
        return Ok(None);
    }
    let name = Func::lower(Expr::col(tenant::Column::SchemaName));
    let row = tenant::Entity::find()
        .filter(Expr::expr(name).eq(schema.as_str().to_ascii_lowercase()))
        .filter(tenant::Column::Status.eq(TenantStatus::Pending.as_str()))
        .one(db)
        .await?;
    row.map(tenant_of).transpose()
}
