//! Selecting the tenants of a [`Target`] for tasks, which migrate no schema.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Func},
};
use tenant_core::{
    SchemaName, Tenant, TenantStatus, Tenants,
    catalog::{CatalogError, tenant},
};

use crate::define::LookupError;
use crate::{
    database::reason,
    define::{catalog, tenant_of},
    plan::target::Target,
};

/// Why the tenants to work for could not be told. Nothing was done for any.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The tenant, or the catalog, is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
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
            CatalogError::NoCatalog => LookupError::NoCatalog.into(),
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
    let schema = schema.clone();
    pooled.ok_or_else(|| LookupError::NoSuchTenant { schema }.into())
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
