//! The domains of a tenant. One of them is its primary domain, which links use.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait, QueryFilter, QueryOrder, TransactionTrait, sea_query::Expr,
};
use tenant_core::{Domain, Host, SchemaName, catalog::domain};

use crate::{
    database::broken_key,
    define::DOMAIN_KEY,
    lifecycle::{error::LifecycleError, lookup, name_availability::NameError},
};

/// Adds a domain to a tenant: a [`Host`], or a wildcard [`Domain`]. A host becomes the primary domain if `is_primary` is true or
/// the tenant has no primary domain. For a domain that the tenant already has, nothing else is done.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, another tenant has the domain, or a wildcard is to be the primary domain.
pub async fn add_domain(
    db: &DatabaseConnection,
    schema: &SchemaName,
    domain: impl Into<Domain>,
    is_primary: bool,
) -> Result<(), LifecycleError> {
    let domain = domain.into();
    if is_primary && domain.is_wildcard() {
        let schema = schema.clone();
        return Err(LifecycleError::WildcardPrimary { schema, domain });
    }
    let (transaction, tenant_id, domains) = begin(db, schema).await?;
    if !domains.iter().any(|row| row.domain == domain.as_str()) {
        insert(&transaction, tenant_id, &domain).await?;
    }
    let has_primary = domains.iter().any(|row| row.is_primary);
    if is_primary || !has_primary && !domain.is_wildcard() {
        make_primary(&transaction, tenant_id, domain.as_str()).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Removes a domain from a tenant. The primary domain can only be removed as the last one, because the choice of its
/// successor is the caller's.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it has no such domain, or it is the primary one of several.
pub async fn remove_domain(
    db: &DatabaseConnection,
    schema: &SchemaName,
    domain: impl Into<Domain>,
) -> Result<(), LifecycleError> {
    let domain = domain.into();
    let (transaction, _, domains) = begin(db, schema).await?;
    let row = find(&domains, schema, &domain)?;
    if row.is_primary && domains.len() > 1 {
        let schema = schema.clone();
        return Err(LifecycleError::PrimaryDomain { schema, domain });
    }
    domain::Entity::delete_by_id(row.id).exec(&transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes one of a tenant's domains its primary domain.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, or it has no such domain.
pub async fn set_primary_domain(
    db: &DatabaseConnection,
    schema: &SchemaName,
    host: &Host,
) -> Result<(), LifecycleError> {
    let (transaction, tenant_id, domains) = begin(db, schema).await?;
    find(&domains, schema, &host.into())?;
    make_primary(&transaction, tenant_id, host.as_str()).await?;
    transaction.commit().await?;
    Ok(())
}

/// Returns the domains of a tenant, its primary domain first.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant.
pub async fn list_domains(
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<Vec<domain::Model>, LifecycleError> {
    let tenant = lookup::find(db, schema).await?;
    Ok(domains_of(db, tenant.id).await?)
}

/// Begins a transaction that locks a tenant's row. Returns the tenant's id and domains, too.
async fn begin(
    db: &DatabaseConnection,
    schema: &SchemaName,
) -> Result<(DatabaseTransaction, i64, Vec<domain::Model>), LifecycleError> {
    let transaction = db.begin().await?;
    let tenant = lookup::lock(&transaction, schema).await?;
    let domains = domains_of(&transaction, tenant.id).await?;
    Ok((transaction, tenant.id, domains))
}

async fn domains_of(db: &impl ConnectionTrait, tenant_id: i64) -> Result<Vec<domain::Model>, DbErr> {
    domain::Entity::find()
        .filter(domain::Column::TenantId.eq(tenant_id))
        .order_by_desc(domain::Column::IsPrimary)
        .order_by_asc(domain::Column::Domain)
        .all(db)
        .await
}

fn find<'a>(
    domains: &'a [domain::Model],
    schema: &SchemaName,
    domain: &Domain,
) -> Result<&'a domain::Model, LifecycleError> {
    let row = domains.iter().find(|row| row.domain == domain.as_str());
    row.ok_or_else(|| LifecycleError::NoSuchDomain {
        schema: schema.clone(),
        domain: domain.clone(),
    })
}

pub(crate) async fn insert(
    db: &impl ConnectionTrait,
    tenant_id: i64,
    domain: &Domain,
) -> Result<(), LifecycleError> {
    let row = domain::ActiveModel {
        tenant_id: Set(tenant_id),
        domain: Set(domain.to_string()),
        ..Default::default()
    };
    let inserted = domain::Entity::insert(row).exec_without_returning(db).await;
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if broken_key(&error) == Some(DOMAIN_KEY) => {
            let domain = domain.clone();
            Err(NameError::DomainTaken { domain }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a domain the primary one, in two statements, because a unique key allows only one primary domain at every moment.
pub(crate) async fn make_primary(
    db: &impl ConnectionTrait,
    tenant_id: i64,
    domain: &str,
) -> Result<(), DbErr> {
    let of_tenant = domain::Column::TenantId.eq(tenant_id);
    for is_primary in [false, true] {
        let domain_matches = match is_primary {
            true => domain::Column::Domain.eq(domain),
            false => domain::Column::Domain.ne(domain),
        };
        domain::Entity::update_many()
            .col_expr(domain::Column::IsPrimary, Expr::value(is_primary))
            .filter(of_tenant.clone())
            .filter(domain_matches)
            .exec(db)
            .await?;
    }
    Ok(())
}
