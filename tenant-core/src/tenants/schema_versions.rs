//! [`SchemaVersions`]: the migrations that this program expects in a tenant's schema, and the policy for schemas that
//! lack some.
//!
//! While a release is rolled out, programs and schemas differ for a time. A schema that is *ahead* was migrated for a
//! newer program and is served: a migration must keep what the last release reads and writes (*expand*), and a later
//! one removes it (*contract*). A schema that is *behind* lacks migrations, and [`SkewPolicy`] decides about its
//! requests.
//!
//! Only the name of the last migration is compared. A migration that was added between older ones is not noticed here;
//! the status of migrations shows it.

use std::{collections::HashMap, sync::Arc};

use quick_cache::sync::Cache;

use crate::tenant::{Tenant, TenantId};

/// Most pairs of a tenant and a version that are kept as warned about.
const MAX_WARNED: usize = 10_000;

/// The names of the migrations that this program expects in the schemas of tenants, in their order. Cheap to clone.
///
/// # Example
/// ```
/// use tenant_core::{SchemaName, SchemaVersions, Tenant, TenantId, VersionSkew};
///
/// let versions = SchemaVersions::new(["m1_notes", "m2_tags"]);
/// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
/// let acme = acme.with_version(Some("m1_notes".to_owned()));
/// assert_eq!(versions.compare(&acme), VersionSkew::Behind { pending: 1 });
/// # Ok::<(), tenant_core::SchemaNameError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct SchemaVersions {
    all: Option<Arc<[String]>>,
    kinds: Arc<HashMap<String, Arc<[String]>>>,
}

impl SchemaVersions {
    /// Expects these migrations of tenants whose kind has no list of its own.
    #[must_use]
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            all: Some(list(names)),
            kinds: Arc::default(),
        }
    }

    /// Expects these migrations, and no others, of tenants of a kind.
    #[must_use]
    pub fn with_kind<N: Into<String>>(
        mut self,
        kind: impl Into<String>,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        Arc::make_mut(&mut self.kinds).insert(kind.into(), list(names));
        self
    }

    /// Compares the version of a tenant with the expected migrations. The public tenant is always current: its schema
    /// has no version in the catalog.
    #[must_use]
    pub fn compare(&self, tenant: &Tenant) -> VersionSkew {
        if tenant.is_public() {
            return VersionSkew::Current;
        }
        let names = self.kinds.get(tenant.kind()).or(self.all.as_ref());
        names.map_or(VersionSkew::Unknown, |names| skew(names, tenant.version()))
    }
}

fn list<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Arc<[String]> {
    names.into_iter().map(Into::into).collect()
}

fn skew(names: &[String], version: Option<&str>) -> VersionSkew {
    let applied = match version {
        None => Some(0),
        Some(version) => names.iter().position(|name| name == version).map(|at| at + 1),
    };
    match applied.map(|applied| names.len() - applied) {
        None => VersionSkew::Ahead,
        Some(0) => VersionSkew::Current,
        Some(pending) => VersionSkew::Behind { pending },
    }
}

/// Difference between a tenant's schema and the migrations that this program expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VersionSkew {
    /// The last expected migration is the last one of the schema.
    Current,
    /// Migrations are missing.
    Behind {
        /// Number of missing migrations.
        pending: usize,
    },
    /// This program does not know the last migration of the schema: a newer program migrated it.
    Ahead,
    /// No migrations are expected for this kind of tenants.
    Unknown,
}

/// Policy for the requests of a tenant whose schema is behind. A schema that is ahead is always served: see
/// [`TenantsBuilder::expect_versions`](crate::TenantsBuilder::expect_versions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SkewPolicy {
    /// Serves them.
    #[default]
    Serve,
    /// Serves them, and logs a warning once for each tenant and version.
    Warn,
    /// Answers 503 until the tenant is migrated.
    Refuse,
}

/// Expected migrations and the policy.
#[derive(Debug)]
pub(crate) struct VersionCheck {
    versions: SchemaVersions,
    policy: SkewPolicy,
    warned: Cache<(TenantId, Option<String>), ()>,
}

impl VersionCheck {
    pub(crate) fn new(versions: SchemaVersions, policy: SkewPolicy) -> Self {
        Self {
            versions,
            policy,
            warned: Cache::new(MAX_WARNED),
        }
    }

    pub(crate) fn compare(&self, tenant: &Tenant) -> VersionSkew {
        self.versions.compare(tenant)
    }

    /// True if the tenant's requests are refused for its version.
    pub(crate) fn refuses(&self, tenant: &Tenant) -> bool {
        self.policy == SkewPolicy::Refuse && matches!(self.compare(tenant), VersionSkew::Behind { .. })
    }

    /// Logs a warning for a tenant that is served although it is behind, once. Returns true if it did.
    pub(crate) fn warn(&self, tenant: &Tenant) -> bool {
        let VersionSkew::Behind { pending } = self.compare(tenant) else {
            return false;
        };
        if self.policy != SkewPolicy::Warn {
            return false;
        }
        let key = (tenant.id(), tenant.version().map(str::to_owned));
        let mut fresh = false;
        let Ok(()) = self.warned.get_or_insert_with(&key, || {
            fresh = true;
            Ok::<_, std::convert::Infallible>(())
        });
        if fresh {
            tracing::warn!(schema = %tenant.schema(), pending, "a tenant is served whose schema is behind: migrate it");
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema_name::SchemaName;

    fn tenant(schema: &str, version: Option<&str>) -> Tenant {
        let schema = SchemaName::new(schema).unwrap();
        Tenant::new(TenantId(1), schema, "Acme").with_version(version.map(str::to_owned))
    }

    fn acme(version: Option<&str>) -> Tenant {
        tenant("acme", version)
    }

    #[test]
    fn the_last_name_is_current_and_an_earlier_one_behind() {
        let versions = SchemaVersions::new(["a", "b", "c"]);
        for (version, skew) in [
            (Some("c"), VersionSkew::Current),
            (Some("b"), VersionSkew::Behind { pending: 1 }),
            (Some("a"), VersionSkew::Behind { pending: 2 }),
            (None, VersionSkew::Behind { pending: 3 }),
            (Some("d"), VersionSkew::Ahead),
        ] {
            assert_eq!(versions.compare(&acme(version)), skew, "{version:?}");
        }
    }

    #[test]
    fn nothing_expected_is_met_by_nothing_applied() {
        let versions = SchemaVersions::new([""; 0]);
        assert_eq!(versions.compare(&acme(None)), VersionSkew::Current);
        assert_eq!(versions.compare(&acme(Some("a"))), VersionSkew::Ahead);
        assert_eq!(
            SchemaVersions::default().compare(&acme(None)),
            VersionSkew::Unknown
        );
    }

    #[test]
    fn a_kind_has_its_own_list() {
        let versions = SchemaVersions::new(["a"]).with_kind("big", ["a", "b"]);
        assert_eq!(versions.compare(&acme(Some("a"))), VersionSkew::Current);
        let big = acme(Some("a")).with_kind("big");
        assert_eq!(versions.compare(&big), VersionSkew::Behind { pending: 1 });
    }

    #[test]
    fn the_public_tenant_is_current() {
        let versions = SchemaVersions::new(["a"]);
        assert_eq!(versions.compare(&tenant("public", None)), VersionSkew::Current);
    }

    #[test]
    fn only_what_is_behind_is_refused_and_only_where_asked_for() {
        let versions = SchemaVersions::new(["a", "b"]);
        let refuse = VersionCheck::new(versions.clone(), SkewPolicy::Refuse);
        assert!(refuse.refuses(&acme(Some("a"))) && refuse.refuses(&acme(None)));
        assert!(!refuse.refuses(&acme(Some("b"))) && !refuse.refuses(&acme(Some("c"))));
        for policy in [SkewPolicy::Serve, SkewPolicy::Warn] {
            assert!(!VersionCheck::new(versions.clone(), policy).refuses(&acme(None)));
        }
    }

    #[test]
    fn a_warning_is_given_once_for_a_tenant_and_version() {
        let expected = VersionCheck::new(SchemaVersions::new(["a", "b"]), SkewPolicy::Warn);
        assert!(expected.warn(&acme(None)));
        assert!(!expected.warn(&acme(None)));
        assert!(expected.warn(&acme(Some("a"))));
        assert!(!expected.warn(&acme(Some("b"))));
        let serve = VersionCheck::new(SchemaVersions::new(["a", "b"]), SkewPolicy::Serve);
        assert!(!serve.warn(&acme(None)));
    }
}
