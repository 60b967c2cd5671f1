//! Availability of names for a tenant's schema and domains.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use tenant_core::{
    DEFAULT_HOST_CACHE_TTL, DEFAULT_STALE_IF_ERROR, Domain, SchemaName,
    catalog::{dropped_tenant, tenant},
};

use crate::{
    database::{rows, scalar},
    define::{Migrations, is_called},
    lifecycle::error::LifecycleError,
};

/// The claimant of a name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameClaim<'a> {
    /// The existing schema that gets the name, by its present name in PostgreSQL.
    pub(crate) schema: Option<&'a SchemaName>,
    /// The tenant, if it exists already. It may get its own old name again.
    pub(crate) tenant_id: Option<i64>,
    /// True if the name of another tenant's dropped or renamed schema may be reused, after [`NAME_REUSE_AGE`].
    pub(crate) reuses_name: bool,
}

/// Time after which the name of a dropped or renamed schema may be reused: 90 s, which is [`DEFAULT_HOST_CACHE_TTL`] and
/// [`DEFAULT_STALE_IF_ERROR`] together.
///
/// A process that cannot read the catalog serves the former tenant for this time at most, and would send its requests to the rows
/// of the new one. If an application caches tenants for longer, wait for longer before you reuse a name.
pub const NAME_REUSE_AGE: Duration = DEFAULT_HOST_CACHE_TTL.saturating_add(DEFAULT_STALE_IF_ERROR);

/// Error of a name or a domain that is not available. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The schema name is a tenant's, another existing schema's, reserved for all tenants, or that of a role. Case makes no
    /// difference.
    #[error(
        "the schema {schema} is taken: a tenant, another schema or a role of the server has this name, maybe in another \
         case, or it is reserved for all tenants. Choose another name"
    )]
    SchemaTaken {
        /// The schema.
        schema: SchemaName,
    },
    /// The schema name belonged to another tenant.
    #[error(
        "the schema name {schema} is retired: it belonged to tenant {name:?}, which was dropped or whose schema was renamed on \
         {dropped_at}. Work that still runs for that tenant would reach the new one's rows. Choose another name, or use \
         `--reuse-name` (`NewTenant::reuse_name`) if there is no such work"
    )]
    NameRetired {
        /// The schema.
        schema: SchemaName,
        /// Name of the former tenant.
        name: String,
        /// Day on which the former tenant was dropped or its schema renamed, in UTC.
        dropped_at: String,
    },
    /// The schema name belonged to another tenant a moment ago.
    #[error(
        "the schema name {schema} cannot be reused before {free_at}: it belonged to tenant {name:?}, and a process that cannot read \
         the catalog may serve that tenant until then. Its requests would reach the new tenant's rows. Try again in {} s",
        wait.as_secs()
    )]
    NameInUse {
        /// The schema.
        schema: SchemaName,
        /// Name of the former tenant.
        name: String,
        /// Time from which the name may be reused, in UTC.
        free_at: String,
        /// Time until then, in full seconds.
        wait: Duration,
    },
    /// The domain is another tenant's.
    #[error("the domain {domain} is taken by another tenant")]
    DomainTaken {
        /// The domain.
        domain: Domain,
    },
}

/// Refuses a name that is not available.
///
/// Call it after the tenant's row was written. The catalog's unique key then has refused a name that another tenant has,
/// and has waited for the end of a transaction that drops that tenant.
pub(crate) async fn require_available(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    name: &SchemaName,
    claim: NameClaim<'_>,
) -> Result<(), LifecycleError> {
    if let Some(retired) = find_retired(db, name, claim.tenant_id).await? {
        require_reusable(db, name, claim, retired).await?;
    }
    let schema = name.clone();
    match is_reserved(migrations, name) || is_in_database(db, name, claim.schema).await? {
        true => Err(NameError::SchemaTaken { schema }.into()),
        false => Ok(()),
    }
}

/// Refuses a retired name that is not to be reused, or was retired less than [`NAME_REUSE_AGE`] ago.
async fn require_reusable(
    db: &impl ConnectionTrait,
    schema: &SchemaName,
    claim: NameClaim<'_>,
    retired: dropped_tenant::Model,
) -> Result<(), LifecycleError> {
    let schema = schema.clone();
    if !claim.reuses_name {
        let dropped_at = retired.dropped_at.date_naive().to_string();
        return Err(NameError::NameRetired {
            schema,
            name: retired.name,
            dropped_at,
        }
        .into());
    }
    let seconds = "SELECT extract(epoch FROM clock_timestamp() - $1)::float8";
    let age: Option<f64> = scalar(db, seconds, [retired.dropped_at.into()]).await?;
    let age = Duration::try_from_secs_f64(age.unwrap_or_default()).unwrap_or_default();
    match NAME_REUSE_AGE.saturating_sub(age) {
        Duration::ZERO => Ok(()),
        wait => Err(NameError::NameInUse {
            schema,
            name: retired.name,
            free_at: (retired.dropped_at + NAME_REUSE_AGE).format("%F %T").to_string(),
            wait: Duration::from_secs(wait.as_secs() + 1),
        }
        .into()),
    }
}

/// Returns the last record of a retired name, ignoring case. Names of the tenant `tenant_id` itself do not count.
async fn find_retired(
    db: &impl ConnectionTrait,
    name: &SchemaName,
    tenant_id: Option<i64>,
) -> Result<Option<dropped_tenant::Model>, DbErr> {
    use dropped_tenant::Column::TenantId;
    let of_others = tenant_id.map(|id| TenantId.ne(id));
    dropped_tenant::Entity::find()
        .filter(is_called(dropped_tenant::Column::SchemaName, name))
        .filter(Condition::all().add_option(of_others))
        .order_by_desc(dropped_tenant::Column::DroppedAt)
        .one(db)
        .await
}

/// Records that the name of a tenant's schema is retired, because the tenant is dropped or its schema renamed.
pub(crate) async fn retire(
    db: &impl ConnectionTrait,
    row: &tenant::Model,
    renamed_to: Option<&SchemaName>,
) -> Result<(), DbErr> {
    let retired = dropped_tenant::ActiveModel {
        tenant_id: Set(row.id),
        schema_name: Set(row.schema_name.clone()),
        name: Set(row.name.clone()),
        renamed_to: Set(renamed_to.map(ToString::to_string)),
        ..Default::default()
    };
    let insert = dropped_tenant::Entity::insert(retired);
    insert.exec_without_returning(db).await?;
    Ok(())
}

/// True if the configuration names the schema as one that all tenants use. It may not exist in the database yet.
fn is_reserved(migrations: &Migrations, name: &SchemaName) -> bool {
    migrations.used_by_all().any(|schema| schema == name)
}

/// True if the server has a role of the name, or the database a schema other than `own`, ignoring case. PostgreSQL's default
/// `search_path` has `"$user"`, which is the role that is in force, also one that cannot log in (`ALTER ROLE ... SET role`). So
/// a schema called like a role would be on that role's path for all tenants.
async fn is_in_database(
    db: &impl ConnectionTrait,
    name: &SchemaName,
    own: Option<&SchemaName>,
) -> Result<bool, DbErr> {
    let sql = r#"SELECT FROM pg_catalog.pg_namespace
        WHERE octet_length(nspname::text) = octet_length($1)
            AND lower(nspname::text COLLATE "C") = $1 AND nspname::text IS DISTINCT FROM $2::text
        UNION ALL
        SELECT FROM pg_catalog.pg_roles WHERE lower(rolname::text COLLATE "C") = $1"#;
    let own = own.map(|schema| schema.as_str().to_owned());
    let values = [name.as_str().to_ascii_lowercase().into(), own.into()];
    Ok(!rows(db, sql, values).await?.is_empty())
}
