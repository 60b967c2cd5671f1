//! [`Tenant`]: a customer, as read from the catalog.

use std::{
    any::{Any, type_name},
    fmt,
    str::FromStr,
    sync::Arc,
};

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

/// Status of a tenant: it decides how requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TenantStatus {
    /// Pooled: the schema exists and belongs to no customer yet. It has no domain and is in no list.
    Pending,
    /// Being created: requests get 503.
    Provisioning,
    /// Served.
    Active,
    /// Switched off: requests get 403.
    Suspended,
    /// In maintenance: requests get 503.
    Maintenance,
    /// Kept, but not served and not migrated with the others: requests get 404, as for an unknown host.
    Archived,
    /// Being dropped: requests get 404, as for an unknown host.
    Dropping,
}

impl TenantStatus {
    /// All statuses.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Provisioning,
        Self::Active,
        Self::Suspended,
        Self::Maintenance,
        Self::Archived,
        Self::Dropping,
    ];

    /// Returns the word in the catalog.
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

/// Error of a word that is not a [`TenantStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tenant status: it is one of {words}", words = words())]
pub struct UnknownStatus(String);

fn words() -> String {
    TenantStatus::ALL.map(TenantStatus::as_str).join(", ")
}

/// A customer, as read from the catalog. Cheap to clone.
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
    origin: Origin,
    data: Option<Data>,
}

/// The value of the application's loader.
#[derive(Clone)]
struct Data {
    value: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Data").field(&self.type_name).finish()
    }
}

/// Error of a tenant's data that was not loaded, or has another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantDataError {
    /// The tenant was read without its data.
    #[error(
        "tenant {tenant}: it was read without its data: set a loader with `TenantsBuilder::with_data`, and call \
         `Tenants::load_data` for a tenant of `by_id`, `by_schema` or `list`"
    )]
    NotLoaded {
        /// The tenant.
        tenant: TenantRef,
    },
    /// The loader returns another type.
    #[error(
        "tenant {tenant}: its data has the type `{loaded}`, and not `{wanted}`: ask for the type that the loader of \
         `TenantsBuilder::with_data` returns"
    )]
    OtherType {
        /// The tenant.
        tenant: TenantRef,
        /// Type of the data.
        loaded: &'static str,
        /// Type that was asked for.
        wanted: &'static str,
    },
}

/// A reference to a tenant that is stored, such as with a job in a queue. `Tenants::resolve` makes a connection of it.
///
/// The id is the tenant's for ever. The schema is for people who read the queue, and tells a job of another database from one
/// of this.
///
/// # Example
/// ```
/// use tenant_core::{SchemaName, Tenant, TenantId, TenantRef};
///
/// let acme = Tenant::new(TenantId(7), SchemaName::new("acme")?, "Acme");
/// let stored = serde_json::to_string(&acme.reference())?;
/// assert_eq!(stored, r#"{"id":7,"schema":"acme"}"#);
/// assert_eq!(serde_json::from_str::<TenantRef>(&stored)?, acme.reference());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TenantRef {
    /// The tenant's id.
    pub id: TenantId,
    /// The tenant's schema.
    pub schema: SchemaName,
}

impl fmt::Display for TenantRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (id {})", self.schema, self.id)
    }
}

/// Scheme and port of the addresses of all tenants, as the application configured them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    pub(crate) scheme: UrlScheme,
    /// `None` for the default port of the scheme.
    pub(crate) port: Option<u16>,
}

/// Scheme of the addresses of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UrlScheme {
    /// `http`, for development.
    Http,
    /// `https`
    #[default]
    Https,
}

impl fmt::Display for UrlScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Default kind of a tenant.
pub const DEFAULT_KIND: &str = "default";

impl Tenant {
    /// Creates an active tenant of the default kind, without metadata and domain, for tests. Tenants of the catalog
    /// come from a [`TenantStore`](crate::catalog::TenantStore).
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
            origin: Origin::default(),
            data: None,
        }))
    }

    /// Returns a reference to the tenant, to be stored with a job.
    #[must_use]
    pub fn reference(&self) -> TenantRef {
        TenantRef {
            id: self.0.id,
            schema: self.0.schema.clone(),
        }
    }

    /// Returns a span `tenant` for log lines and traces, with the fields `tenant.id` and `tenant.schema`. Requests and
    /// [`context::scope`](crate::context::scope) are in such a span already.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        tracing::info_span!("tenant", tenant.id = self.0.id.0, tenant.schema = %self.0.schema)
    }

    /// Reads the metadata as a type of the application. Write it with `tenant_migration::update_tenant`.
    ///
    /// # Errors
    /// [`serde_json::Error`] if the metadata has another form.
    ///
    /// # Example
    /// ```
    /// use tenant_core::{SchemaName, Tenant, TenantId};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     seats: u32,
    /// }
    ///
    /// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
    /// let acme = acme.with_metadata(serde_json::json!({ "seats": 5 }));
    /// assert_eq!(acme.metadata_as::<Settings>()?.seats, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn metadata_as<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.0.metadata)
    }

    /// Returns the data that the loader of [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) returned. Its
    /// documentation says which tenants have it.
    ///
    /// # Errors
    /// [`TenantDataError`] if the tenant was read without its data, or the data has another type.
    ///
    /// # Example
    /// ```
    /// use tenant_core::{SchemaName, Tenant, TenantId};
    ///
    /// struct Plan {
    ///     seats: u32,
    /// }
    ///
    /// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme").with_data(Plan { seats: 5 });
    /// assert_eq!(acme.data::<Plan>()?.seats, 5);
    /// assert!(acme.data::<String>().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn data<T: Any + Send + Sync>(&self) -> Result<&T, TenantDataError> {
        let data = self.loaded()?;
        data.value
            .downcast_ref()
            .ok_or_else(|| self.has_other_type::<T>(data))
    }

    /// Returns the same as [`data`](Self::data), to be kept without the tenant.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) fn shared_data<T: Any + Send + Sync>(&self) -> Result<Arc<T>, TenantDataError> {
        let data = self.loaded()?;
        Arc::clone(&data.value)
            .downcast()
            .map_err(|_| self.has_other_type::<T>(data))
    }

    fn loaded(&self) -> Result<&Data, TenantDataError> {
        let data = self.0.data.as_ref();
        data.ok_or_else(|| TenantDataError::NotLoaded {
            tenant: self.reference(),
        })
    }

    fn has_other_type<T>(&self, data: &Data) -> TenantDataError {
        TenantDataError::OtherType {
            tenant: self.reference(),
            loaded: data.type_name,
            wanted: type_name::<T>(),
        }
    }

    /// Sets the data, for tests and for a [`TenantStore`](crate::catalog::TenantStore) that reads it with the tenant. The
    /// loader of [`TenantsBuilder::with_data`](crate::TenantsBuilder::with_data) replaces it.
    #[must_use]
    pub fn with_data<T: Any + Send + Sync>(mut self, data: T) -> Self {
        Arc::make_mut(&mut self.0).data = Some(Data {
            value: Arc::new(data),
            type_name: type_name::<T>(),
        });
        self
    }

    /// Sets the status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        Arc::make_mut(&mut self.0).status = status;
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).kind = kind.into();
        self
    }

    /// Sets the metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: serde_json::Value) -> Self {
        Arc::make_mut(&mut self.0).metadata = metadata;
        self
    }

    /// Sets the primary domain.
    #[must_use]
    pub fn with_domain(mut self, domain: Option<Host>) -> Self {
        Arc::make_mut(&mut self.0).domain = domain;
        self
    }

    /// Sets the version of the schema.
    #[must_use]
    pub fn with_version(mut self, version: Option<String>) -> Self {
        Arc::make_mut(&mut self.0).version = version;
        self
    }

    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        if self.0.origin != origin {
            Arc::make_mut(&mut self.0).origin = origin;
        }
        self
    }

    /// Returns the id in the catalog.
    #[must_use]
    pub fn id(&self) -> TenantId {
        self.0.id
    }

    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.0.schema
    }

    /// Returns the display name of the customer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the group of tenants that it belongs to.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> TenantStatus {
        self.0.status
    }

    /// Returns the application's own data about the tenant.
    #[must_use]
    pub fn metadata(&self) -> &serde_json::Value {
        &self.0.metadata
    }

    /// Returns the primary domain. Build absolute links from it, and never from the host of a request.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_ref().map(Host::as_str)
    }

    /// Returns the address of a path on the tenant's primary domain, or `None` if it has none. Scheme and port are those
    /// of [`TenantsBuilder::url_origin`](crate::TenantsBuilder::url_origin), by default `https` and its own port. Nothing
    /// comes from a request, which could name any host.
    ///
    /// The path must be encoded already.
    ///
    /// # Example
    /// ```
    /// use tenant_core::{Host, SchemaName, Tenant, TenantId};
    ///
    /// let acme = Tenant::new(TenantId(1), SchemaName::new("acme")?, "Acme");
    /// assert_eq!(acme.url("/notes"), None);
    /// let acme = acme.with_domain(Some("acme.example.com".parse::<Host>()?));
    /// assert_eq!(acme.url("/notes").as_deref(), Some("https://acme.example.com/notes"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn url(&self, path: &str) -> Option<String> {
        let (domain, Origin { scheme, port }) = (self.domain()?, self.0.origin);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        // Without the slash, a path such as `@evil.example` would be another host.
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(format!("{scheme}://{domain}{port}{slash}{path}"))
    }

    /// Returns the version of the schema: the name of the last migration that was applied. `None` before the first one,
    /// and for the public tenant.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// True for the public tenant: the main site, on the shared schema.
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

/// Compares ids only, so that two readings of one tenant are equal.
impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Tenant {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_configured_scheme_and_port_and_the_stored_domain() {
        let acme = Tenant::new(TenantId(1), SchemaName::new("acme").unwrap(), "Acme");
        let acme = acme.with_domain(Some(Host::parse("acme.example.com").unwrap()));
        let local = acme.clone().with_origin(Origin {
            scheme: UrlScheme::Http,
            port: Some(8000),
        });
        assert_eq!(local.url("/").as_deref(), Some("http://acme.example.com:8000/"));
        for (path, url) in [
            ("", "https://acme.example.com/"),
            ("notes?page=2", "https://acme.example.com/notes?page=2"),
            ("@evil.example", "https://acme.example.com/@evil.example"),
            (":80", "https://acme.example.com/:80"),
            ("//evil.example", "https://acme.example.com//evil.example"),
        ] {
            assert_eq!(acme.url(path).as_deref(), Some(url));
        }
    }
}
