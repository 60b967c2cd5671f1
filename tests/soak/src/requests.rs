//! [`Site`]: a web application on the tenants, called without a network.

use std::fmt;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header::HOST},
    routing::get,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tenant_core::{TenantConnection, Tenants, axum::TenantLayer};
use tower_service::Service as _;

/// A web application with one page, which is the tenant's watermark.
#[derive(Clone)]
pub(crate) struct Site(Router);

/// The response of a [`Site`].
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

/// Maximal length of a body, in bytes.
const LIMIT: usize = 64 * 1024;

impl Site {
    pub(crate) fn new(tenants: Tenants) -> Self {
        Self(
            Router::new()
                .route("/", get(whose))
                .layer(TenantLayer::new(tenants)),
        )
    }

    /// Sends a request with this `Host` header.
    pub(crate) async fn get(&self, host: &str) -> Result<Answer, String> {
        let request = Request::get("/").header(HOST, host).body(Body::empty());
        let request = request.map_err(|error| error.to_string())?;
        let mut router = self.0.clone();
        let response = match router.call(request).await {
            Ok(response) => response,
            Err(error) => match error {},
        };
        let status = response.status();
        let bytes = to_bytes(response.into_body(), LIMIT)
            .await
            .map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Answer { status, body })
    }
}

/// Returns the watermark in the schema of the request's tenant.
async fn whose(db: TenantConnection) -> Result<String, (StatusCode, String)> {
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT watermark FROM \"$tenant\".seal");
    let row = db.query_one_raw(statement).await;
    let watermark = row.and_then(|row| row.map(|row| row.try_get_by_index::<String>(0)).transpose());
    match watermark {
        Ok(watermark) => Ok(watermark.unwrap_or_default()),
        Err(error) => Err((StatusCode::BAD_GATEWAY, error.to_string())),
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Site")
    }
}
