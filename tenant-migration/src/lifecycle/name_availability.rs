//! Names that a tenant may have for its schema and domains.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter,
    sea_query::{Expr, Func},
};
use tenant_core::{Host, SchemaName, catalog::dropped_tenant};

use crate::{database::rows, define::Migrations};

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

/// A name or a domain that a tenant does not get. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The schema is another tenant's, or in the database already, or one that all tenants use, or called like a user
    /// who can log in. Case makes no difference.
    #[error(
        "the schema {schema} is taken: another tenant has it, or it is in the database already, or kept for all tenants, \
         or called like a user of the database"
    )]
    SchemaTaken {
        /// The schema.
        schema: SchemaName,
    },
    /// The schema was that of another tenant.
    #[error(
        "the schema {schema} was that of tenant {name:?}, until that was dropped or its schema renamed on {dropped_at}: what \
         still runs for it would reach the new one's rows. Take another name, or `--reuse-name` \
         (`NewTenant::reuse_name`) if nothing does"
    )]
    NameRetired {
        /// The schema.
        schema: SchemaName,
        /// The name of the tenant that had it.
        name: String,
        /// The day on which that tenant lost it, in UTC.
        dropped_at: String,
    },
    /// The domain is another tenant's.
    #[error("the domain {domain} is taken by another tenant")]
    DomainTaken {
        /// The domain.
        domain: Host,
    },
}

/// Returns the reason why a name is not to be had. Call it after the row was written: the catalog's key says if another
/// tenant has the name, and a tenant that is being dropped has it until the transaction ends.
pub(crate) async fn find_conflict(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    name: &SchemaName,
    claim: NameClaim<'_>,
) -> Result<Option<NameError>, DbErr> {
    if !claim.reuses_name
        && let Some(gone) = find_retired(db, name, claim.tenant_id).await?
    {
        return Ok(Some(NameError::NameRetired {
            schema: name.clone(),
            name: gone.name,
            dropped_at: gone.dropped_at.date_naive().to_string(),
        }));
    }
    let is_taken = is_reserved(migrations, name) || is_in_database(db, name, claim.schema).await?;
    let taken = || NameError::SchemaTaken { schema: name.clone() };
    Ok(is_taken.then(taken))
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
        WHERE octet_length(nspname::text) = octet_length($1)
            AND lower(nspname::text COLLATE "C") = $1 AND nspname::text IS DISTINCT FROM $2::text
        UNION ALL
        SELECT FROM pg_catalog.pg_roles WHERE rolcanlogin AND lower(rolname::text COLLATE "C") = $1"#;
    let own = own.map(|schema| schema.as_str().to_owned());
    let values = [name.as_str().to_ascii_lowercase().into(), own.into()];
    Ok(!rows(db, sql, values).await?.is_empty())
}
