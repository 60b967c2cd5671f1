//! [`TenantStore`]: look-up of tenants, and the store in the catalog's tables.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, ExprTrait, JoinType, QueryFilter,
    QueryOrder, QuerySelect, RelationTrait, Select, sea_query::Expr,
};

use super::{domain, tenant};
use crate::{
    error::sqlstate,
    host::{Host, HostError},
    schema_name::{SHARED_SCHEMA, SchemaName, SchemaNameError},
    tenant::{Tenant, TenantId, TenantRef, TenantStatus, UnknownStatus},
};

/// Look-up of tenants.
///
/// [`SeaOrmStore`] reads the catalog's tables. Another store can cache or replace it. Stores check what they read with
/// [`SchemaName`] and [`Host`].
#[async_trait]
pub trait TenantStore: Send + Sync + std::fmt::Debug {
    /// Returns the tenant of a domain, by its exact name.
    async fn by_domain(&self, domain: &Host) -> Result<Option<Tenant>, CatalogError>;

    /// Returns the tenant of a host: that of the domain of its name, or else that of the wildcard domain one label above.
    /// Default: [`by_domain`](Self::by_domain), for stores without wildcards.
    async fn by_host(&self, host: &Host) -> Result<Option<Tenant>, CatalogError> {
        self.by_domain(host).await
    }

    /// Returns the tenant of a schema.
    async fn by_schema(&self, schema: &SchemaName) -> Result<Option<Tenant>, CatalogError>;

    /// Returns the tenant of an id. Default: looks for it in [`list`](Self::list).
    async fn by_id(&self, id: TenantId) -> Result<Option<Tenant>, CatalogError> {
        let all = self.list().await?;
        Ok(all.into_iter().find(|tenant| tenant.id() == id))
    }

    /// Returns all tenants, in the order of their schemas.
    async fn list(&self) -> Result<Vec<Tenant>, CatalogError>;
}

/// Error of reading a tenant from the catalog.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database did not answer.
    #[error("the catalog could not be read: {0}")]
    Database(DbErr),
    /// The database has no catalog, or an older version's.
    #[error(
        "the database has no catalog yet, or an older version's: migrate the shared schema first (`up -s public`), \
         with `tenant_migration::catalog::migrations()` among its migrations"
    )]
    NoCatalog,
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
    /// Too many look-ups of tenants that are not cached wait already.
    #[error("{waiting} look-ups of tenants wait for the catalog already: try again later")]
    Busy {
        /// The number of waiting look-ups.
        waiting: usize,
    },
    /// The catalog did not answer in time.
    #[error(
        "the catalog did not answer within {waited:?}: see what holds the connections of the shared schema"
    )]
    Timeout {
        /// The longest time of a look-up.
        waited: std::time::Duration,
    },
    /// The loader of [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) failed.
    #[error("tenant {tenant}: its data could not be loaded by the application's loader: {source}")]
    Data {
        /// The tenant.
        tenant: TenantRef,
        /// Error of the loader.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The loader of [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) did not return in time.
    #[error(
        "tenant {tenant}: its data was not loaded within {waited:?}: see what the application's loader of \
         `TenantsBuilder::with_data` waits for"
    )]
    DataTimeout {
        /// The tenant.
        tenant: TenantRef,
        /// The longest time of a loader.
        waited: std::time::Duration,
    },
    /// The look-up ended without an answer, because the store or the loader panicked or the runtime shut down.
    #[error("the look-up of the tenant ended without an answer: try again")]
    Interrupted,
}

impl CatalogError {
    /// True if the catalog could not be asked. False if its answer is invalid.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::NoCatalog
            | Self::Busy { .. }
            | Self::Timeout { .. }
            | Self::Interrupted => true,
            Self::SchemaName { .. } | Self::Status { .. } | Self::Domain { .. } => false,
            Self::Data { .. } | Self::DataTimeout { .. } => false,
        }
    }

    /// True if the catalog was read, and the application's loader failed.
    pub(crate) fn is_of_data(&self) -> bool {
        matches!(self, Self::Data { .. } | Self::DataTimeout { .. })
    }

    /// True if a tenant may be served as it was cached. If the loader of data failed, the catalog named the tenant of the
    /// key: no other one is served.
    pub(crate) fn excuses(&self, cached: &Tenant) -> bool {
        match self {
            Self::Data { tenant, .. } | Self::DataTimeout { tenant, .. } => tenant.id == cached.id(),
            error => error.is_outage(),
        }
    }
}

impl From<DbErr> for CatalogError {
    fn from(error: DbErr) -> Self {
        match lacks_table_or_column(&error) {
            true => Self::NoCatalog,
            false => Self::Database(error),
        }
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn lacks_table_or_column(error: &DbErr) -> bool {
    matches!(sqlstate(error).as_deref(), Some("42P01" | "42703"))
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

    async fn by_host(&self, host: &Host) -> Result<Option<Tenant>, CatalogError> {
        let Some(parent) = host.parent() else {
            return self.by_domain(host).await;
        };
        // `*` sorts before letters and digits in the column's collation "C", so the exact row is the greater one.
        let names = [host.as_str().to_owned(), format!("*.{parent}")];
        let of_domain = sea_orm::sea_query::Query::select()
            .column(domain::Column::TenantId)
            .from((SHARED_SCHEMA, domain::Entity))
            .and_where(Expr::col(domain::Column::Domain).is_in(names))
            .order_by(domain::Column::Domain, sea_orm::sea_query::Order::Desc)
            .limit(1)
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
