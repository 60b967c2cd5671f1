//! Selecting the tenants of a [`Target`] for tasks, which migrate no schema.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};
use tenant_core::{SchemaName, Tenant, TenantStatus, Tenants, catalog::tenant};

use crate::{
    define::{LookupError, catalog, is_called, tenant_of},
    plan::target::Target,
};

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
) -> Result<Vec<Tenant>, LookupError> {
    let candidates = match &selection.target {
        Target::Shared => find_named(tenants, &[SchemaName::shared()]).await?,
        Target::Tenants(schemas) => find_named(tenants, schemas).await?,
        Target::All | Target::AllTenants | Target::Kind(_) => tenants.list().await?,
    };
    let selected = candidates.into_iter().filter(|tenant| selection.includes(tenant));
    Ok(selected.collect())
}

async fn find_named(tenants: &Tenants, named: &[SchemaName]) -> Result<Vec<Tenant>, LookupError> {
    let mut found: Vec<Tenant> = Vec::with_capacity(named.len());
    for schema in named {
        let tenant = by_name(tenants, schema).await?;
        if !found.contains(&tenant) {
            found.push(tenant);
        }
    }
    Ok(found)
}

async fn by_name(tenants: &Tenants, schema: &SchemaName) -> Result<Tenant, LookupError> {
    if let Some(tenant) = tenants.by_schema(schema).await? {
        return Ok(tenant);
    }
    let pooled = pooled(tenants.shared_connection(), schema).await?;
    let schema = schema.clone();
    pooled.ok_or_else(|| LookupError::NoSuchTenant { schema })
}

/// Returns the tenant row of a pending schema, which an application's handle does not list.
async fn pooled(db: &impl ConnectionTrait, schema: &SchemaName) -> Result<Option<Tenant>, DbErr> {
    if !catalog::exists(db).await? {
        return Ok(None);
    }
    let row = tenant::Entity::find()
        .filter(is_called(tenant::Column::SchemaName, schema))
        .filter(tenant::Column::Status.eq(TenantStatus::Pending.as_str()))
        .one(db)
        .await?;
    row.map(tenant_of).transpose()
}
