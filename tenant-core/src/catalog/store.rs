//! [`TenantStore`]: look-up of tenants, and the store in the catalog's tables.

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ExprTrait, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationTrait, Select, sea_query::Expr,
};

use super::{domain, tenant};
use crate::{
    host::{Host, HostError},
    schema_name::{SHARED_SCHEMA, SchemaName, SchemaNameError},
    tenant::{Tenant, TenantId, TenantStatus, UnknownStatus},
};

/// Look-up of tenants.
///
/// [`SeaOrmStore`] reads the catalog's tables. Another store can cache or replace it. Stores check what they read with
/// [`SchemaName`] and [`Host`].
#[async_trait]
pub trait TenantStore: Send + Sync + std::fmt::Debug {
    /// Returns the tenant of a domain.
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError>;

    /// Returns the tenant of a schema.
    async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError>;

    /// Returns the tenant with an id.
    async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError>;

    /// Returns all tenants, in the order of their schemas.
    async fn list(&self) -> Result<Vec<Tenant>, CatalogError>;
}

/// Error of reading a tenant from the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database did not answer.
    #[error("the catalog could not be read: {0}")]
    Database(#[from] DbErr),
    /// The schema name of a row is not valid.
    #[error("tenant {id} of the catalog has a schema that cannot be one: {source}")]
    SchemaName {
        /// The tenant.
        id: TenantId,
        /// The rule that the name breaks.
        source: SchemaNameError,
    },
    /// A row has a status that this version does not know.
    #[error("tenant {id} of the catalog: {source}")]
    Status {
        /// The tenant.
        id: TenantId,
        /// The status.
        source: UnknownStatus,
    },
    /// The domain of a row is not a valid host name.
    #[error("tenant {id} of the catalog has a domain that cannot be one: {source}")]
    Domain {
        /// The tenant.
        id: TenantId,
        /// The rule that the domain breaks.
        source: HostError,
    },
}

/// The store in the tables `tenants` and `domains`.
#[derive(Debug, Clone)]
pub struct SeaOrmStore<C = DatabaseConnection> {
    db: C,
}

impl<C> SeaOrmStore<C> {
    /// Creates a store that reads through `db`, a plain connection or transaction.
    #[must_use]
    pub fn new(db: C) -> Self {
        Self { db }
    }
}

#[async_trait]
impl<C> TenantStore for SeaOrmStore<C>
where
    C: ConnectionTrait + Send + Sync + std::fmt::Debug,
{
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError> {
        let of_domain = sea_orm::sea_query::Query::select()
            .column(domain::Column::TenantId)
            .from((SHARED_SCHEMA, domain::Entity))
            .and_where(Expr::col(domain::Column::Domain).eq(domain.as_str()))
            .to_owned();
        let select = with_primary_domain().filter(tenant::Column::Id.in_subquery(of_domain));
        select.one(&self.db).await?.map(read).transpose()
    }

    async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError> {
        let name = Expr::expr(sea_orm::sea_query::Func::lower(Expr::col((
            tenant::Entity,
            tenant::Column::SchemaName,
        ))));
        let select = with_primary_domain().filter(name.eq(schema.as_str().to_ascii_lowercase()));
        select.one(&self.db).await?.map(read).transpose()
    }

    async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let select = with_primary_domain().filter(tenant::Column::Id.eq(id.0));
        select.one(&self.db).await?.map(read).transpose()
    }

    async fn list(&self) -> Result<Vec<Tenant>, CatalogError> {
        let select = with_primary_domain().order_by_asc(tenant::Column::SchemaName);
        select.all(&self.db).await?.into_iter().map(read).collect()
    }
}

type Row = (tenant::Model, Option<domain::Model>);

/// Selects each tenant once: a tenant has at most one primary domain. Pooled tenants have no customer yet and are left
/// out.
fn with_primary_domain() -> sea_orm::SelectTwo<tenant::Entity, domain::Entity> {
    let primary = tenant::Relation::Domain.def().on_condition(|_, domains| {
        sea_orm::Condition::all().add(Expr::col((domains, domain::Column::IsPrimary)).eq(true))
    });
    let select: Select<tenant::Entity> = tenant::Entity::find();
    select
        .filter(tenant::Column::Status.ne(TenantStatus::Pending.as_str()))
        .join(JoinType::LeftJoin, primary)
        .select_also(domain::Entity)
}

fn read((row, domain): Row) -> Result<Tenant, CatalogError> {
    let id = TenantId(row.id);
    let schema =
        SchemaName::new(row.schema_name).map_err(|source| CatalogError::SchemaName { id, source })?;
    let status: TenantStatus = row
        .status
        .parse()
        .map_err(|source| CatalogError::Status { id, source })?;
    let domain = domain
        .map(|row| Host::parse(&row.domain))
        .transpose()
        .map_err(|source| CatalogError::Domain { id, source })?;
    Ok(Tenant::new(id, schema, row.name)
        .with_kind(row.kind)
        .with_status(status)
        .with_metadata(row.metadata)
        .with_version(row.version)
        .with_domain(domain))
}
