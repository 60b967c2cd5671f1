//! [`Rejection`]: the answer to a request without a tenant.

use crate::{catalog::CatalogError, host::HostError, tenant::TenantStatus};

/// Error of a request without a tenant. The answer tells nothing about the request or the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request has no host, several hosts, or a malformed one.
    #[error("{0}")]
    BadHost(#[from] HostError),
    /// No tenant has the host.
    #[error("no tenant has this host")]
    UnknownHost,
    /// The tenant is not served now.
    #[error("the tenant is {0}")]
    NotServed(TenantStatus),
    /// The tenant's schema lacks migrations that the application expects.
    #[error("the tenant's schema is behind the application: migrate it")]
    Behind,
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// An extractor found no tenant, because no layer put one there.
    #[error(
        "no tenant was resolved for this request: is `TenantLayer` (axum) or `TenantMiddleware` (actix) around the route?"
    )]
    NoLayer,
}

impl Rejection {
    /// Returns the HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::BadHost(_) => 400,
            Self::UnknownHost | Self::NotServed(TenantStatus::Archived | TenantStatus::Dropping) => 404,
            Self::NotServed(TenantStatus::Suspended) => 403,
            Self::NotServed(_) | Self::Behind | Self::Catalog(_) => 503,
            Self::NoLayer => 500,
        }
    }

    /// Returns the body of the answer: a fixed text, so that it repeats nothing that a client wrote.
    #[must_use]
    pub fn body(&self) -> &'static str {
        match self {
            Self::BadHost(_) => "Bad Request: the Host header is missing or malformed.\n",
            Self::UnknownHost | Self::NotServed(TenantStatus::Archived | TenantStatus::Dropping) => {
                "Not Found\n"
            }
            Self::NotServed(TenantStatus::Suspended) => "Forbidden: this site is suspended.\n",
            Self::NotServed(_) | Self::Behind => "Service Unavailable: this site is being worked on.\n",
            Self::Catalog(_) => "Service Unavailable\n",
            Self::NoLayer => {
                "Internal Server Error: no tenant was resolved for this request. Is `TenantLayer` (axum) or \
                 `TenantMiddleware` (actix) around the route?\n"
            }
        }
    }

    /// Logs faults of the application and of the database as errors, and bad requests for debugging only.
    pub(crate) fn log(&self) {
        match self {
            Self::Catalog(error) => tracing::error!(%error, "the tenant of a request could not be looked up"),
            Self::NoLayer => tracing::error!("{self}"),
            _ => tracing::debug!(rejection = %self, "a request has no tenant"),
        }
    }
}
