//! The operator's page, `/operator` on the main site: all tenants, and what can be done with them.

use askama::Template;
use serde::Deserialize;
use tenant_core::{Tenant, TenantStatus, VersionSkew};
use tenant_migration::MigrationFailure;

use super::{Filled, PageError, Port, Team, landing, ok};
use crate::{
    answer::{self, Answer},
    error::AppError,
    operator::{MAX_ROWS, NewStatus, Operator, Overview, Row, VersionBar},
    signup::{self, SignUp},
};

const PATH: &str = "/operator";

/// Query of the page.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Search {
    /// A part of a tenant's name, schema or domain. Default: all tenants.
    #[serde(default)]
    pub find: String,
}

#[derive(Template)]
#[template(path = "operator.html")]
struct Page {
    /// The main site's domain.
    domain: String,
    find: String,
    found: usize,
    all: usize,
    behind: usize,
    bars: Vec<Bar>,
    tenants: Vec<Card>,
    form: Filled<SignUp>,
    /// Error of a change of a tenant.
    notice: Option<String>,
}

/// A bar of the picture: the tenants whose schemas have the same version.
struct Bar {
    version: String,
    class: &'static str,
    remark: String,
    tenants: usize,
    /// Length, in percent of the longest bar.
    percent: usize,
}

/// A tenant on the page.
struct Card {
    team: Team,
    kind: String,
    status: TenantStatus,
    /// The tenant's site, if requests are served.
    url: Option<String>,
    domains: Vec<String>,
    version: String,
    class: &'static str,
    remark: String,
    failure: Option<MigrationFailure>,
    size: String,
    actions: Vec<Action>,
}

/// A button that changes a tenant's status.
struct Action {
    label: &'static str,
    status: TenantStatus,
}

/// Returns the page.
///
/// # Errors
/// [`PageError`].
pub async fn show(
    operator: &Operator,
    main: &Tenant,
    port: Port,
    search: Search,
) -> Result<Answer, PageError> {
    ok(&page(operator, main, port, search, Filled::default()).await?)
}

/// Creates a tenant, and leads to it on the page.
///
/// # Errors
/// [`PageError`]. An error of a field is on the page, beside the form.
pub async fn create(
    operator: &Operator,
    main: &Tenant,
    port: Port,
    input: SignUp,
) -> Result<Answer, PageError> {
    match operator.create(main, &input).await {
        Ok(tenant) => to_tenant(tenant.schema().as_str()),
        Err(error) => {
            let status = error.status();
            let form = Filled::after(input, error)?;
            let page = page(operator, main, port, Search::default(), form).await?;
            Ok(answer::html(status, &page)?)
        }
    }
}

/// Changes the status of a tenant, and leads to it on the page.
///
/// # Errors
/// [`PageError`]. The reason why a tenant cannot have the status is on the page, above the tenants.
pub async fn set_status(
    operator: &Operator,
    main: &Tenant,
    port: Port,
    schema: &str,
    new: NewStatus,
) -> Result<Answer, PageError> {
    match operator.set_status(schema, new).await {
        Ok(()) => to_tenant(schema),
        Err(error) if error.status().is_server_error() || matches!(error, AppError::NotFound) => {
            Err(error.into())
        }
        Err(error) => {
            let mut page = page(operator, main, port, Search::default(), Filled::default()).await?;
            page.notice = Some(error.public_message());
            Ok(answer::html(error.status(), &page)?)
        }
    }
}

fn to_tenant(schema: &str) -> Result<Answer, PageError> {
    Ok(answer::see_other(&format!("{PATH}#tenant-{schema}"))?)
}

async fn page(
    operator: &Operator,
    main: &Tenant,
    port: Port,
    search: Search,
    form: Filled<SignUp>,
) -> Result<Page, AppError> {
    let overview = operator.overview(&search.find).await?;
    Ok(Page {
        domain: signup::base_domain(main).to_owned(),
        find: search.find,
        found: overview.found,
        all: overview.all,
        behind: behind(&overview),
        bars: bars(&overview.versions),
        tenants: overview
            .rows
            .into_iter()
            .map(|row| Card::new(row, port))
            .collect(),
        form,
        notice: None,
    })
}

fn behind(overview: &Overview) -> usize {
    let behind = overview
        .versions
        .iter()
        .filter(|bar| matches!(bar.skew, VersionSkew::Behind { .. }));
    behind.map(|bar| bar.tenants).sum()
}

fn bars(versions: &[VersionBar]) -> Vec<Bar> {
    let longest = versions.iter().map(|bar| bar.tenants).max().unwrap_or(1);
    let bars = versions.iter().map(|bar| Bar {
        version: version(bar.version.as_deref()),
        class: class(bar.skew),
        remark: remark(bar.skew),
        tenants: bar.tenants,
        // At least 1, so that a single tenant among thousands can be seen.
        percent: (100 * bar.tenants / longest).max(1),
    });
    bars.collect()
}

impl Card {
    fn new(row: Row, port: Port) -> Self {
        let status = row.tenant.status();
        let is_open = status == TenantStatus::Active && row.tenant.domain().is_some();
        Self {
            team: Team::from(&row.tenant),
            kind: row.tenant.kind().to_owned(),
            status,
            url: is_open.then(|| landing::url(&row.tenant, port)),
            domains: row.domains,
            version: version(row.tenant.version()),
            class: class(row.skew),
            remark: remark(row.skew),
            failure: row.failure,
            size: row.bytes.map_or_else(|| "unknown".to_owned(), size),
            actions: actions(status),
        }
    }
}

/// Returns what can be done with a tenant of this status.
fn actions(status: TenantStatus) -> Vec<Action> {
    use TenantStatus::{Active, Archived, Maintenance, Suspended};
    let possible: &[TenantStatus] = match status {
        Active => &[Maintenance, Suspended],
        Maintenance => &[Active, Suspended],
        Suspended | Archived => &[Active],
        _ => &[],
    };
    let label = |status| match status {
        Active => "Resume",
        Maintenance => "Maintenance",
        _ => "Suspend",
    };
    let actions = possible.iter().map(|status| Action {
        label: label(*status),
        status: *status,
    });
    actions.collect()
}

fn version(version: Option<&str>) -> String {
    version.unwrap_or("no migration yet").to_owned()
}

/// Returns the class in the style sheet.
fn class(skew: VersionSkew) -> &'static str {
    match skew {
        VersionSkew::Behind { .. } => "behind",
        VersionSkew::Ahead => "ahead",
        _ => "current",
    }
}

fn remark(skew: VersionSkew) -> String {
    match skew {
        VersionSkew::Current => "up to date".to_owned(),
        VersionSkew::Behind { pending } => format!("{pending} behind"),
        VersionSkew::Ahead => "newer than this program".to_owned(),
        _ => "no version expected".to_owned(),
    }
}

/// Formats bytes as PostgreSQL does: `8192 bytes`, `96 kB`, `12 MB`.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut number, mut unit) = (bytes, 0);
    while number >= 10 * 1024 && unit + 1 < UNITS.len() {
        number = (number + 512) / 1024;
        unit += 1;
    }
    format!("{number} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_written_as_postgresql_does() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (8192, "8192 bytes"),
            (98_304, "96 kB"),
            (12_582_912, "12 MB"),
            (i64::MAX / 1024, "8192 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
