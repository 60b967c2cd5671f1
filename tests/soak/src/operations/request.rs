//! Requests by host: each gets its tenant's rows and status.

use axum::http::StatusCode;
use sea_orm::{DbErr, error::ConnAcquireErr};
use tenant_core::{Host, TenantStatus, catalog::CatalogError};

use super::OperationContext;
use crate::{
    outcome::{Failure, Kind, Outcome, require, violation},
    tenants::{Handle, PoolKind, SHORT_HOST_CACHE_TTL, ServiceSnapshot},
};

/// Expected answer to a request. `Either`: the tenant's status changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Service,
    NoService,
    Either,
}

/// True if the request goes to a handle that is notified of changes. Other handles may be late by their
/// `host_cache_ttl`.
fn choose_notified(context: &mut OperationContext) -> bool {
    context.pool != PoolKind::Faulty && context.random.coin()
}

fn handle(context: &OperationContext, is_notified: bool) -> &Handle {
    match context.pool {
        PoolKind::Direct | PoolKind::Roles if !is_notified => context.tenant_set.unnotified(),
        pool => context.tenant_set.handle(pool),
    }
}

fn expected(context: &OperationContext, before: ServiceSnapshot, is_notified: bool) -> Expected {
    let after = context.tenant.service.snapshot();
    let is_known = is_notified || before.outlives(SHORT_HOST_CACHE_TTL);
    match before.holds_until(&after) && is_known && !context.tenant.deletion_has_begun() {
        true if after.is_served => Expected::Service,
        true => Expected::NoService,
        false => Expected::Either,
    }
}

fn catalog(error: CatalogError) -> Failure {
    match error {
        CatalogError::Database(error) => Failure::Error(error),
        CatalogError::Timeout { .. } => Failure::Error(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        error => Failure::Violation(error.to_string()),
    }
}

/// Checks that a host leads to its own tenant, with the status in the catalog.
pub(super) async fn by_host(mut context: OperationContext) -> Outcome {
    let is_notified = choose_notified(&mut context);
    let before = context.tenant.service.snapshot();
    let tenants = &handle(&context, is_notified).tenants;
    let found = tenants.by_host(&context.tenant.host).await.map_err(catalog)?;
    let expected = expected(&context, before, is_notified);
    let Some(tenant) = found else {
        return require(context.tenant.deletion_has_begun(), || {
            format!("host {:?} is nobody's", context.tenant.host)
        });
    };
    let is_own = tenant.schema() == context.tenant.schema() && tenant == context.tenant.record;
    require(is_own, || {
        format!("host {:?} leads to {tenant:?}", context.tenant.host)
    })?;
    let is_served = tenant.status() == TenantStatus::Active;
    match expected {
        Expected::Service => require(is_served, || format!("an active tenant is {:?}", tenant.status())),
        Expected::NoService => require(!is_served, || "a suspended tenant is active".to_owned()),
        Expected::Either => Ok(()),
    }
}

/// Checks the answer to a request through the layer.
pub(super) async fn page(mut context: OperationContext) -> Outcome {
    let is_notified = choose_notified(&mut context);
    let before = context.tenant.service.snapshot();
    let host = context.tenant.host.as_str();
    let host = match context.random.below(3) {
        0 => host.to_owned(),
        1 => host.to_ascii_uppercase(),
        _ => format!("{host}.:443"),
    };
    let answer = handle(&context, is_notified).site.get(&host).await?;
    let expected = expected(&context, before, is_notified);
    match answer.status {
        StatusCode::OK => {
            context.check_watermark(&format!("the page of {host}"), &answer.body)?;
            require(expected != Expected::NoService, || {
                format!("the suspended tenant of {host} was served")
            })
        }
        StatusCode::FORBIDDEN => require(expected != Expected::Service, || {
            format!("the active tenant of {host} got 403")
        }),
        StatusCode::NOT_FOUND if context.tenant.deletion_has_begun() => Ok(()),
        // The catalog could not be read, or the page's own query failed.
        StatusCode::SERVICE_UNAVAILABLE if context.excuses(&Kind::Lost) => Ok(()),
        StatusCode::BAD_GATEWAY
            if context.excuses(&Kind::Lost) || context.excuses(&Kind::Database("42P01".to_owned())) =>
        {
            Ok(())
        }
        status => violation(format!("the page of {host} is {status}: {}", answer.body)),
    }
}

/// Checks the answers to hosts of no tenant, and to invalid hosts.
pub(super) async fn unknown(mut context: OperationContext) -> Outcome {
    let host = context.tenant.host.as_str();
    let (host, expected) = match context.random.below(5) {
        0 => (format!("x-{host}"), StatusCode::NOT_FOUND),
        1 => ("example.com".to_owned(), StatusCode::NOT_FOUND),
        2 => (format!("{host}.evil.example"), StatusCode::NOT_FOUND),
        3 => (format!("evil@{host}"), StatusCode::BAD_REQUEST),
        _ => (format!("{host}:99999"), StatusCode::BAD_REQUEST),
    };
    if let Ok(parsed) = Host::parse(&host) {
        let found = context
            .tenant_set
            .handle(context.pool)
            .tenants
            .by_host(&parsed)
            .await
            .map_err(catalog)?;
        require(found.is_none(), || {
            format!("the unknown host {host} leads to {found:?}")
        })?;
    }
    let answer = context.tenant_set.handle(context.pool).site.get(&host).await?;
    let is_excused = answer.status == StatusCode::SERVICE_UNAVAILABLE && context.excuses(&Kind::Lost);
    require(answer.status == expected || is_excused, || {
        format!("{host} was answered with {}", answer.status)
    })
}
