//! [`Rejection`]: the answer to a request that is not served.

#[cfg(feature = "metrics")]
use crate::tenants::Tenants;
use crate::{
    catalog::CatalogError,
    host::HostError,
    resolve::ResolveError,
    tenant::{TenantDataError, TenantStatus},
    tenants::Unserved,
};

/// Error of a request that is not served. The default answer tells nothing about the request or the catalog. The
/// application words its own with `TenantLayer::on_rejection` (axum) or `TenantMiddleware::on_rejection` (actix-web).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request has no host, several hosts, or a malformed one.
    #[error("{0}")]
    BadHost(#[from] HostError),
    /// A header that names the tenant is there twice, or is no text.
    #[error("the header that names the tenant is there twice, or is no text")]
    BadHeader,
    /// The request names no tenant, or one that does not exist.
    #[error("no tenant has this host or name")]
    UnknownTenant,
    /// The tenant is not served now.
    #[error("the tenant is {0}")]
    NotServed(TenantStatus),
    /// The tenant's schema lacks migrations that the application expects.
    #[error("the tenant's schema is behind the application: migrate it")]
    Behind,
    /// The guard refused the request: its session or token is another tenant's.
    #[error("the session or token of the request is not for this tenant")]
    Mismatch,
    /// The catalog could not be read, or the tenant's data not be loaded.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// An extractor asked for data that the loader does not return.
    #[error(transparent)]
    Data(#[from] TenantDataError),
    /// Proxies are trusted, and the server did not say where the request comes from.
    #[error("{}", ResolveError::NoPeer)]
    NoPeer,
    /// An extractor found no tenant, because no layer put one there.
    #[error(
        "no tenant was resolved for this request: is `TenantLayer` (axum) or `TenantMiddleware` (actix) around the route?"
    )]
    NoLayer,
}

impl From<Unserved> for Rejection {
    fn from(reason: Unserved) -> Self {
        match reason {
            Unserved::Gone(_) | Unserved::OtherSchema { .. } => Self::UnknownTenant,
            Unserved::Status { status, .. } => Self::NotServed(status),
            Unserved::Behind(_) => Self::Behind,
            Unserved::Catalog(error) => Self::Catalog(error),
        }
    }
}

impl From<ResolveError> for Rejection {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Host(error) => Self::BadHost(error),
            ResolveError::Header => Self::BadHeader,
            ResolveError::NoSuchTenant => Self::UnknownTenant,
            ResolveError::NoPeer => Self::NoPeer,
        }
    }
}

impl Rejection {
    /// Returns the HTTP status of the default answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::BadHost(_) | Self::BadHeader => 400,
            Self::UnknownTenant | Self::NotServed(TenantStatus::Archived | TenantStatus::Dropping) => 404,
            Self::NotServed(TenantStatus::Suspended) | Self::Mismatch => 403,
            Self::NotServed(_) | Self::Behind | Self::Catalog(_) => 503,
            Self::NoPeer | Self::NoLayer | Self::Data(_) => 500,
        }
    }

    /// Returns a word for the reason, for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BadHost(_) => "bad_host",
            Self::BadHeader => "bad_header",
            Self::UnknownTenant => "unknown_tenant",
            Self::NotServed(_) => "not_served",
            Self::Behind => "behind",
            Self::Mismatch => "mismatch",
            Self::Catalog(_) => "catalog",
            Self::Data(_) => "data",
            Self::NoPeer => "no_peer",
            Self::NoLayer => "no_layer",
        }
    }

    /// Counts the rejection in the metrics. `TenantLayer` and `TenantMiddleware` do so; it is for other frameworks.
    #[cfg(feature = "metrics")]
    pub fn record(&self, tenants: &Tenants) {
        tenants.request_metrics().count_rejection(self.reason());
    }

    /// Returns the body of the default answer: a fixed text, so that it repeats nothing that a client wrote.
    #[must_use]
    pub fn body(&self) -> &'static str {
        match self {
            Self::BadHost(_) => "Bad Request: the Host header is missing or malformed.\n",
            Self::BadHeader => "Bad Request: the header that names the tenant is malformed.\n",
            Self::UnknownTenant | Self::NotServed(TenantStatus::Archived | TenantStatus::Dropping) => {
                "Not Found\n"
            }
            Self::NotServed(TenantStatus::Suspended) => "Forbidden: this site is suspended.\n",
            Self::Mismatch => "Forbidden: you are not signed in to this site.\n",
            Self::NotServed(_) | Self::Behind => "Service Unavailable: this site is being worked on.\n",
            Self::Catalog(_) => "Service Unavailable\n",
            Self::NoPeer | Self::Data(_) => "Internal Server Error\n",
            Self::NoLayer => {
                "Internal Server Error: no tenant was resolved for this request. Is `TenantLayer` (axum) or \
                 `TenantMiddleware` (actix) around the route?\n"
            }
        }
    }

    /// Logs faults of the application and of the database as errors, and bad requests for debugging only.
    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(crate) fn log(&self) {
        match self {
            Self::Catalog(error) => tracing::error!(%error, "the tenant of a request could not be looked up"),
            Self::NoLayer | Self::NoPeer | Self::Data(_) => tracing::error!("{self}"),
            _ => tracing::debug!(rejection = %self, "a request is not served"),
        }
    }
}
