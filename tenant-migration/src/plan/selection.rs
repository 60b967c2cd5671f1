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
    database::{is_without_catalog, reason},
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
            CatalogError::Database(error) if is_without_catalog(&error) => LookupError::NoCatalog.into(),
            error => Self::Catalog(error),
        }
    }
}

/// Tenants of a task: a [`Target`], and their statuses.
///
/// Default: tenants that are named, whatever their status, and otherwise those that are served
/// ([`TenantStatus::Active`]). [`Target::All`] is every tenant, and the public one if there is one; [`Target::Shared`] is the
/// public tenant alone.
///
/// # Example
/// ```
/// use tenant_core::TenantStatus;
/// use tenant_migration::{Target, TenantSelection};
///
/// let served = TenantSelection::from(Target::AllTenants);
/// let unpaid = TenantSelection::from(Target::AllTenants).with_status([TenantStatus::Suspended]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSelection {
    target: Target,
    statuses: Option<Vec<TenantStatus>>,
}

impl TenantSelection {
    /// Selects only tenants with one of these statuses.
    #[must_use]
    pub fn with_status(mut self, statuses: impl IntoIterator<Item = TenantStatus>) -> Self {
        self.statuses = Some(statuses.into_iter().collect());
        self
    }

    fn includes(&self, tenant: &Tenant) -> bool {
        let has_status = match &self.statuses {
            Some(statuses) => statuses.contains(&tenant.status()),
            None => self.names_tenants() || tenant.status() == TenantStatus::Active,
        };
        has_status
            && match &self.target {
                Target::AllTenants => !tenant.is_public(),
                Target::Kind(kind) => tenant.kind() == kind && !tenant.is_public(),
                Target::All | Target::Shared | Target::Tenants(_) => true,
            }
    }

    fn names_tenants(&self) -> bool {
        matches!(self.target, Target::Shared | Target::Tenants(_))
    }
}

impl From<Target> for TenantSelection {
    fn from(target: Target) -> Self {
        Self {
            target,
            statuses: None,
        }
    }
}

impl From<&Target> for TenantSelection {
    fn from(target: &Target) -> Self {
        target.clone().into()
    }
}

/// Selects tenants, in the order of their schemas or as they are named.
pub(crate) async fn select(
    tenants: &Tenants,
    selection: &TenantSelection,
) -> Result<Vec<Tenant>, SelectError> {
    let candidates = match &selection.target {
        Target::Shared => find_named(tenants, &[SchemaName::shared()]).await?,
        Target::Tenants(schemas) => find_named(tenants, schemas).await?,
        Target::All | Target::AllTenants | Target::Kind(_) => tenants.list().await?,
    };
    let selected = candidates.into_iter().filter(|tenant| selection.includes(tenant));
    Ok(selected.collect())
}

async fn find_named(tenants: &Tenants, named: &[SchemaName]) -> Result<Vec<Tenant>, SelectError> {
    let mut found: Vec<Tenant> = Vec::with_capacity(named.len());
    for schema in named {
        let tenant = by_name(tenants, schema).await?;
        if !found.contains(&tenant) {
            found.push(tenant);
        }
    }
    Ok(found)
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
