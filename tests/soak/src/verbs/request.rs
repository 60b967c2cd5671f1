//! Requests by host: who is served, and by whose rows.

use axum::http::StatusCode;
use tenant_core::{Host, TenantStatus, catalog::CatalogError};

use super::Job;
use crate::{
    fleet::{Handle, Lane, Moment, SHORT_MEMORY},
    wrong::{Done, Kind, Wrong, require, violation},
};

/// What must be answered, if anything can be said for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Service,
    NoService,
    Either,
}

/// Whether the request goes to a handle that is told of changes. If not, it may be late by what it remembers.
fn choose_told(job: &mut Job) -> bool {
    job.lane != Lane::Faulty && job.random.coin()
}

fn handle(job: &Job, is_told: bool) -> &Handle {
    match job.lane {
        Lane::Direct | Lane::Roles if !is_told => job.fleet.untold(),
        lane => job.fleet.handle(lane),
    }
}

fn due(job: &Job, before: Moment, is_told: bool) -> Due {
    let after = job.resident.service.now();
    let is_known = is_told || before.is_older_than(SHORT_MEMORY);
    match before.holds_until(&after) && is_known && !job.resident.is_leaving() {
        true if after.is_served => Due::Service,
        true => Due::NoService,
        false => Due::Either,
    }
}

fn catalog(error: CatalogError) -> Wrong {
    match error {
        CatalogError::Database(error) => Wrong::Error(error),
        error => Wrong::Violation(error.to_string()),
    }
}

/// A host leads to its own tenant, with the status it has.
pub(super) async fn by_host(mut job: Job) -> Done {
    let is_told = choose_told(&mut job);
    let before = job.resident.service.now();
    let tenants = &handle(&job, is_told).tenants;
    let found = tenants.by_host(&job.resident.host).await.map_err(catalog)?;
    let due = due(&job, before, is_told);
    let Some(tenant) = found else {
        return require(job.resident.is_leaving(), || {
            format!("host {:?} is nobody's", job.resident.host)
        });
    };
    let is_own = tenant.schema() == job.resident.schema() && tenant == job.resident.tenant;
    require(is_own, || {
        format!("host {:?} leads to {tenant:?}", job.resident.host)
    })?;
    let is_served = tenant.status() == TenantStatus::Active;
    match due {
        Due::Service => require(is_served, || format!("an active tenant is {:?}", tenant.status())),
        Due::NoService => require(!is_served, || "a suspended tenant is active".to_owned()),
        Due::Either => Ok(()),
    }
}

/// A request through the layer.
pub(super) async fn page(mut job: Job) -> Done {
    let is_told = choose_told(&mut job);
    let before = job.resident.service.now();
    let host = job.resident.host.as_str();
    let host = match job.random.below(3) {
        0 => host.to_owned(),
        1 => host.to_ascii_uppercase(),
        _ => format!("{host}.:443"),
    };
    let answer = handle(&job, is_told).site.get(&host).await?;
    let due = due(&job, before, is_told);
    match answer.status {
        StatusCode::OK => {
            job.check_watermark(&format!("the page of {host}"), &answer.body)?;
            require(due != Due::NoService, || {
                format!("the suspended tenant of {host} was served")
            })
        }
        StatusCode::FORBIDDEN => require(due != Due::Service, || {
            format!("the active tenant of {host} got 403")
        }),
        StatusCode::NOT_FOUND if job.resident.is_leaving() => Ok(()),
        // The catalog could not be read, or the page's own query failed.
        StatusCode::SERVICE_UNAVAILABLE if job.excuses(&Kind::Lost) => Ok(()),
        StatusCode::BAD_GATEWAY
            if job.excuses(&Kind::Lost) || job.excuses(&Kind::Database("42P01".to_owned())) =>
        {
            Ok(())
        }
        status => violation(format!("the page of {host} is {status}: {}", answer.body)),
    }
}

/// Hosts that nobody has, and texts that are none.
pub(super) async fn unknown(mut job: Job) -> Done {
    let host = job.resident.host.as_str();
    let (host, expected) = match job.random.below(5) {
        0 => (format!("x-{host}"), StatusCode::NOT_FOUND),
        1 => ("example.com".to_owned(), StatusCode::NOT_FOUND),
        2 => (format!("{host}.evil.example"), StatusCode::NOT_FOUND),
        3 => (format!("evil@{host}"), StatusCode::BAD_REQUEST),
        _ => (format!("{host}:99999"), StatusCode::BAD_REQUEST),
    };
    if let Ok(parsed) = Host::parse(&host) {
        let found = job
            .fleet
            .handle(job.lane)
            .tenants
            .by_host(&parsed)
            .await
            .map_err(catalog)?;
        require(found.is_none(), || {
            format!("the unknown host {host} leads to {found:?}")
        })?;
    }
    let answer = job.fleet.handle(job.lane).site.get(&host).await?;
    let is_excused = answer.status == StatusCode::SERVICE_UNAVAILABLE && job.excuses(&Kind::Lost);
    require(answer.status == expected || is_excused, || {
        format!("{host} was answered with {}", answer.status)
    })
}
