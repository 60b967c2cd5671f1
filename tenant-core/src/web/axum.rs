//! [`TenantLayer`] and the extractors [`Tenant`] and [`TenantConnection`] for axum.
//!
//! # Example
//! ```no_run
//! use axum::{Router, extract::State, routing::get};
//! use sea_orm::{ConnectionTrait, DbErr};
//! use tenant_core::{Tenant, TenantConnection, Tenants, axum::TenantLayer};
//!
//! async fn clear(tenant: Tenant, db: TenantConnection) -> Result<String, String> {
//!     let result = db.execute_unprepared("DELETE FROM note").await;
//!     let deleted = result.map_err(|error| error.to_string())?.rows_affected();
//!     Ok(format!("{deleted} notes of {} are gone", tenant.name()))
//! }
//!
//! fn app(tenants: Tenants) -> Router {
//!     Router::new().route("/clear", get(clear)).layer(TenantLayer::new(tenants))
//! }
//! ```

use std::any::Any;

use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use super::{data::TenantData, rejection::Rejection};
pub use super::{
    tls_ask::axum::{TlsAsk, tls_ask},
    tower::{PerKind, PublicOrTenant, TenantLayer, TenantService},
};
use crate::{connection::TenantConnection, resolve::PathPrefix, tenant::Tenant};

/// The connection of the request's tenant. Without a [`TenantLayer`] around the route, the answer is 500.
impl<S: Sync> FromRequestParts<S> for TenantConnection {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let connection = parts.extensions.get::<Self>();
        connection.cloned().ok_or(Rejection::NoLayer)
    }
}

/// The request's tenant. Without a [`TenantLayer`] around the route, the answer is 500.
impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let connection = parts.extensions.get::<TenantConnection>();
        let tenant = connection.map(|connection| connection.tenant().clone());
        tenant.ok_or(Rejection::NoLayer)
    }
}

/// The part of the request's path that named its tenant. Without a [`TenantLayer`] around the route, the answer is 500.
impl<S: Sync> FromRequestParts<S> for PathPrefix {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let connection = parts.extensions.get::<TenantConnection>();
        connection.ok_or(Rejection::NoLayer)?;
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The application's data of the request's tenant. Without it, or without a [`TenantLayer`] around the route, the answer is 500.
impl<S: Sync, T: Any + Send + Sync> FromRequestParts<S> for TenantData<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Self::of(parts.extensions.get())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.log();
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.body()).into_response()
    }
}
