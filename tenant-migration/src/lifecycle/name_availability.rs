//! Whether a schema of a tenant may have a name.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Func},
};
use tenant_core::{SchemaName, catalog::dropped_tenant};

use crate::{database::rows, define::Migrations, lifecycle::error::LifecycleError};

/// Who wants a name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameClaim<'a> {
    /// The schema that is there and is to be the tenant's, by its name as PostgreSQL has it.
    pub(crate) schema: Option<&'a SchemaName>,
    /// The tenant, if it is there already: it may have its own old name again.
    pub(crate) tenant_id: Option<i64>,
    /// Whether the name may be that of a schema which another tenant had.
    pub(crate) reuses_name: bool,
}

/// Why a name is not given out.
#[derive(Debug)]
pub(crate) enum Unavailable {
    /// The database has it, or it is kept for all tenants, or a user has it.
    Taken,
    /// Another tenant had it.
    Retired {
        /// What people called that tenant.
        name: String,
        /// Until which day it had it, in UTC.
        until: String,
    },
}

impl Unavailable {
    /// The error for a name.
    pub(crate) fn of(self, schema: &SchemaName) -> LifecycleError {
        let schema = schema.clone();
        match self {
            Self::Taken => LifecycleError::SchemaTaken { schema },
            Self::Retired { name, until } => LifecycleError::NameRetired {
                schema,
                name,
                dropped_at: until,
            },
        }
    }
}

/// What speaks against a name. That another tenant has it is for the catalog's key to say: a tenant that is dropped
/// meanwhile has its name until its transaction ended, so this is asked after the row was written.
pub(crate) async fn find_conflict(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    name: &SchemaName,
    claim: NameClaim<'_>,
) -> Result<Option<Unavailable>, DbErr> {
    if !claim.reuses_name
        && let Some(gone) = find_retired(db, name, claim.tenant_id).await?
    {
        return Ok(Some(Unavailable::Retired {
            name: gone.name,
            until: gone.dropped_at.date_naive().to_string(),
        }));
    }
    let is_taken = is_reserved(migrations, name) || is_in_database(db, name, claim.schema).await?;
    Ok(is_taken.then_some(Unavailable::Taken))
}

/// The name of a schema that a tenant had, other than the given one, whatever its case.
async fn find_retired(
    db: &impl ConnectionTrait,
    name: &SchemaName,
    tenant_id: Option<i64>,
) -> Result<Option<dropped_tenant::Model>, DbErr> {
    use dropped_tenant::Column::TenantId;
    let of_others = tenant_id.map(|id| TenantId.ne(id));
    dropped_tenant::Entity::find()
        .filter(is_called(name))
        .filter(of_others.map_or_else(Condition::all, |of_others| Condition::all().add(of_others)))
        .one(db)
        .await
}

/// The condition that a row of `dropped_tenants` is about a name, whatever its case.
pub(crate) fn is_called(name: &SchemaName) -> Expr {
    let column = Func::lower(Expr::col(dropped_tenant::Column::SchemaName));
    Expr::expr(column).eq(name.as_str().to_ascii_lowercase())
}

/// Whether the schema is named in the configuration, as one that others use. It may not be in the database yet.
fn is_reserved(migrations: &Migrations, name: &SchemaName) -> bool {
    migrations.used_by_all().any(|schema| schema == name)
}

/// Whether the database has a schema of the name, in any case, other than `own`, or a user: `"$user"` is on the
/// `search_path` of sessions, so that the schema would be on it for all tenants.
async fn is_in_database(
    db: &impl ConnectionTrait,
    name: &SchemaName,
    own: Option<&SchemaName>,
) -> Result<bool, DbErr> {
    let sql = r#"SELECT FROM pg_catalog.pg_namespace
        WHERE lower(nspname::text COLLATE "C") = $1 AND nspname::text IS DISTINCT FROM $2::text
        UNION ALL
        SELECT FROM pg_catalog.pg_roles WHERE rolcanlogin AND lower(rolname::text COLLATE "C") = $1"#;
    let own = own.map(|schema| schema.as_str().to_owned());
    let values = [name.as_str().to_ascii_lowercase().into(), own.into()];
    Ok(!rows(db, sql, values).await?.is_empty())
}
