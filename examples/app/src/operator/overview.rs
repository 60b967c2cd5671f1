//! [`Overview`]: the tenants, as the operator sees them.

use std::collections::HashMap;

use sea_orm::{EntityTrait, QueryOrder};
use tenant_core::{Tenant, TenantStatus, VersionSkew, catalog::domain};
use tenant_migration::{MigrationFailure, migration_failures};

use super::{Operator, sizes::sizes};
use crate::error::AppError;

/// Maximum of tenants that are listed: 100. The search finds the others.
pub(crate) const MAX_ROWS: usize = 100;

/// The tenants, as the operator sees them.
pub(crate) struct Overview {
    /// Number of tenants by schema version, those that lack the most migrations first.
    pub(crate) versions: Vec<VersionBar>,
    /// The tenants that were searched for, those that need attention first.
    pub(crate) rows: Vec<Row>,
    /// Number of tenants that were found. If it is more than [`MAX_ROWS`], the others are not in `rows`.
    pub(crate) found: usize,
    /// Number of all tenants.
    pub(crate) all: usize,
}

/// A tenant.
pub(crate) struct Row {
    pub(crate) tenant: Tenant,
    pub(crate) skew: VersionSkew,
    /// The primary domain comes first.
    pub(crate) domains: Vec<String>,
    /// The last run of migrations that failed, if none has succeeded since.
    pub(crate) failure: Option<MigrationFailure>,
    /// `None` if the size could not be read.
    pub(crate) bytes: Option<i64>,
}

/// The tenants whose schemas have the same version.
pub(crate) struct VersionBar {
    /// The last migration. `None` before the first one.
    pub(crate) version: Option<String>,
    pub(crate) skew: VersionSkew,
    pub(crate) tenants: usize,
}

impl Operator {
    /// Reads the tenants. `search` is a part of a name, a schema or a domain.
    pub(crate) async fn overview(&self, search: &str) -> Result<Overview, AppError> {
        let rows = self.rows().await?;
        let versions = versions(&rows);
        let all = rows.len();
        let mut rows: Vec<_> = rows.into_iter().filter(|row| row.matches(search)).collect();
        let found = rows.len();
        // The sort is stable, so tenants that need the same attention stay in the order of their schemas.
        rows.sort_by_key(Row::needs_no_attention);
        rows.truncate(MAX_ROWS);
        self.measure(&mut rows).await;
        Ok(Overview {
            versions,
            rows,
            found,
            all,
        })
    }

    /// Returns all tenants except the public one, without sizes.
    async fn rows(&self) -> Result<Vec<Row>, AppError> {
        let tenants = self.site.tenants.list().await?;
        let versions = self.site.migrations.versions();
        let mut domains = self.domains().await?;
        let mut failures = migration_failures(self.site.tenants.shared_connection()).await?;
        let customers = tenants.into_iter().filter(|tenant| !tenant.is_public());
        Ok(customers
            .map(|tenant| Row {
                skew: versions.compare(&tenant),
                domains: domains.remove(&tenant.id().0).unwrap_or_default(),
                failure: failures.remove(tenant.schema()),
                bytes: None,
                tenant,
            })
            .collect())
    }

    /// Returns the domains by the id of their tenant.
    async fn domains(&self) -> Result<HashMap<i64, Vec<String>>, AppError> {
        let rows = domain::Entity::find()
            .order_by_desc(domain::Column::IsPrimary)
            .order_by_asc(domain::Column::Domain)
            .all(self.site.tenants.shared_connection())
            .await?;
        let mut domains: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            domains.entry(row.tenant_id).or_default().push(row.domain);
        }
        Ok(domains)
    }

    /// Adds the sizes. Without them, as while a migration has locked a table, the page is still of use.
    async fn measure(&self, rows: &mut [Row]) {
        let schemas: Vec<_> = rows.iter().map(|row| row.tenant.schema().as_str()).collect();
        match sizes(self.site.tenants.shared_connection(), &schemas).await {
            Ok(sizes) => {
                for row in rows {
                    row.bytes = sizes.get(row.tenant.schema().as_str()).copied();
                }
            }
            Err(error) => tracing::warn!(%error, "the sizes of schemas could not be read"),
        }
    }
}

impl Row {
    fn matches(&self, search: &str) -> bool {
        let search = search.trim().to_lowercase();
        let texts = [self.tenant.name(), self.tenant.schema().as_str()];
        let domains = self.domains.iter().map(String::as_str);
        texts
            .into_iter()
            .chain(domains)
            .any(|text| text.to_lowercase().contains(&search))
    }

    fn needs_no_attention(&self) -> bool {
        let is_current = matches!(self.skew, VersionSkew::Current | VersionSkew::Unknown);
        is_current && self.failure.is_none() && self.tenant.status() == TenantStatus::Active
    }
}

/// Counts the tenants by version. Archived tenants are left out: they are not migrated with the others.
fn versions(rows: &[Row]) -> Vec<VersionBar> {
    let mut bars: Vec<VersionBar> = Vec::new();
    let in_use = rows
        .iter()
        .filter(|row| row.tenant.status() != TenantStatus::Archived);
    for row in in_use {
        let version = row.tenant.version();
        let same = |bar: &&mut VersionBar| bar.skew == row.skew && bar.version.as_deref() == version;
        match bars.iter_mut().find(same) {
            Some(bar) => bar.tenants += 1,
            None => bars.push(VersionBar {
                version: version.map(str::to_owned),
                skew: row.skew,
                tenants: 1,
            }),
        }
    }
    bars.sort_by(|a, b| {
        let key = |bar: &VersionBar| (distance(bar.skew), bar.version.clone());
        key(a).cmp(&key(b))
    });
    bars
}

/// Orders versions: the most pending migrations first, newer programs' versions last.
fn distance(skew: VersionSkew) -> (u8, std::cmp::Reverse<usize>) {
    use std::cmp::Reverse;
    match skew {
        VersionSkew::Behind { pending } => (0, Reverse(pending)),
        VersionSkew::Current => (1, Reverse(0)),
        VersionSkew::Ahead => (2, Reverse(0)),
        _ => (3, Reverse(0)),
    }
}
