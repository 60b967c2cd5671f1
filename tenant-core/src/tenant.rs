//! [`Tenant`]: a customer, as the catalog knows it.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{host::Host, schema_name::SchemaName};

/// The id of a tenant in the catalog. It never changes and is never given to another tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TenantId(pub i64);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether requests of a tenant are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TenantStatus {
    /// It was made ahead, and is nobody's yet. It has no domain, and the catalog does not tell of it.
    Pending,
    /// It is being made: requests get 503.
    Provisioning,
    /// Requests are served.
    Active,
    /// It is switched off: requests get 403.
    Suspended,
    /// It is worked on: requests get 503.
    Maintenance,
    /// It is kept, and neither served nor migrated with the others: requests get 404, as for a host that nobody has.
    Archived,
    /// It is being dropped: requests get 404, as for a host that nobody has.
    Dropping,
}

impl TenantStatus {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Provisioning,
        Self::Active,
        Self::Suspended,
        Self::Maintenance,
        Self::Archived,
        Self::Dropping,
    ];

    /// The word in the catalog.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Maintenance => "maintenance",
            Self::Archived => "archived",
            Self::Dropping => "dropping",
        }
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TenantStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// A word that is no [`TenantStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tenant status: it is one of {words}", words = words())]
pub struct UnknownStatus(String);

fn words() -> String {
    TenantStatus::ALL.map(TenantStatus::as_str).join(", ")
}

/// A customer, as the catalog knew it when it was read. Cheap to clone.
///
/// # Example
/// ```
/// use tenant_core::{SchemaName, Tenant, TenantId};
///
/// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme Inc.");
/// assert_eq!(acme.name(), "Acme Inc.");
/// assert!(!acme.is_public());
/// # Ok::<(), tenant_core::SchemaNameError>(())
/// ```
#[derive(Clone)]
pub struct Tenant(Arc<Fields>);

#[derive(Debug, Clone)]
struct Fields {
    id: TenantId,
    schema: SchemaName,
    name: String,
    kind: String,
    status: TenantStatus,
    metadata: serde_json::Value,
    domain: Option<Host>,
    version: Option<String>,
}

/// The kind of a tenant that was given none.
pub const DEFAULT_KIND: &str = "default";

impl Tenant {
    /// An active tenant of the default kind, without metadata and domain. What the catalog has comes from
    /// a [`TenantStore`](crate::catalog::TenantStore); this one is for tests.
    #[must_use]
    pub fn new(id: TenantId, schema: SchemaName, name: impl Into<String>) -> Self {
        Self(Arc::new(Fields {
            id,
            schema,
            name: name.into(),
            kind: DEFAULT_KIND.to_owned(),
            status: TenantStatus::Active,
            metadata: serde_json::Value::Object(serde_json::Map::new()),
            domain: None,
            version: None,
        }))
    }

    /// The same tenant with another status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        Arc::make_mut(&mut self.0).status = status;
        self
    }

    /// The same tenant with another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).kind = kind.into();
        self
    }

    /// The same tenant with other metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: serde_json::Value) -> Self {
        Arc::make_mut(&mut self.0).metadata = metadata;
        self
    }

    /// The same tenant with another primary domain.
    #[must_use]
    pub fn with_domain(mut self, domain: Option<Host>) -> Self {
        Arc::make_mut(&mut self.0).domain = domain;
        self
    }

    /// The same tenant with another version of its schema.
    #[must_use]
    pub fn with_version(mut self, version: Option<String>) -> Self {
        Arc::make_mut(&mut self.0).version = version;
        self
    }

    /// Its id in the catalog.
    #[must_use]
    pub fn id(&self) -> TenantId {
        self.0.id
    }

    /// Its schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.0.schema
    }

    /// The customer's name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// A word by which tenants are grouped.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Whether its requests are served.
    #[must_use]
    pub fn status(&self) -> TenantStatus {
        self.0.status
    }

    /// What the application keeps about it.
    #[must_use]
    pub fn metadata(&self) -> &serde_json::Value {
        &self.0.metadata
    }

    /// Its primary domain. Absolute links are made of this one and never of what a request says.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_ref().map(Host::as_str)
    }

    /// The version of its schema: the last migration that was applied there, if one was. The public tenant's
    /// schema has none here.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// Whether this is the public tenant: the main site, on the shared schema.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.0.schema.is_shared()
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("id", &self.0.id.0)
            .field("schema", &self.0.schema.as_str())
            .field("status", &self.0.status.as_str())
            .finish_non_exhaustive()
    }
}

/// The same tenant, however old what is known of it.
impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Tenant {}
