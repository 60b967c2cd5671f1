//! The operator: the check of the token, and the actions that it allows. [`Site::operator`] checks the token, and is the
//! only way to an [`Operator`].
//!
//! The browser asks for the token itself (HTTP Basic, <https://www.rfc-editor.org/rfc/rfc7617>), so there is no session
//! and no cookie. It sends the token to the main site alone. Like other forms, those of the operator are refused if they
//! come from another site: [`Head::check_same_site`].

mod overview;
mod sizes;
mod token;

use serde::Deserialize;
use tenant_core::{SchemaName, Tenant, TenantStatus};
use tenant_migration::{resume_tenant, set_maintenance, suspend_tenant};

use crate::{
    Head, Site,
    error::AppError,
    signup::{self, SignUp},
};
pub(crate) use overview::{MAX_ROWS, Overview, Row, VersionBar};
pub(crate) use token::CHALLENGE;
pub use token::{BadToken, OperatorToken};

/// The operator of the site. A value of this type proves that the request had the token.
#[derive(Clone)]
pub struct Operator {
    site: Site,
}

/// Input of a change of a tenant's status.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct NewStatus {
    /// The status: active, suspended or maintenance.
    pub status: TenantStatus,
}

impl Site {
    /// Returns the operator, if the request has the token.
    ///
    /// # Errors
    /// [`AppError::NotFound`] if no token is set, and [`AppError::Unauthorized`] if the request has none or another one.
    pub fn operator(&self, head: &Head<'_>) -> Result<Operator, AppError> {
        let token = self.operator_token.as_ref().ok_or(AppError::NotFound)?;
        match head.authorization {
            Some(authorization) if token.admits(authorization) => Ok(Operator { site: self.clone() }),
            Some(_) => {
                tracing::warn!("a request for the operator page had a wrong token");
                Err(AppError::Unauthorized)
            }
            None => Err(AppError::Unauthorized),
        }
    }
}

impl Operator {
    /// Creates a tenant, by the rules of a sign-up.
    pub(crate) async fn create(&self, main: &Tenant, input: &SignUp) -> Result<Tenant, AppError> {
        signup::sign_up(&self.site, main, input).await
    }

    /// Changes the status of a tenant. This process sees it at once, others within a second while they listen.
    pub(crate) async fn set_status(&self, schema: &str, new: NewStatus) -> Result<(), AppError> {
        let schema = SchemaName::for_tenant(schema).map_err(|_| AppError::NotFound)?;
        let db = self.site.tenants.shared_connection();
        match new.status {
            TenantStatus::Active => resume_tenant(db, &self.site.migrations, &schema).await?,
            TenantStatus::Suspended => suspend_tenant(db, &schema).await?,
            TenantStatus::Maintenance => set_maintenance(db, &schema, true).await?,
            status => {
                let message = format!("A tenant cannot be set to {status} here.");
                return Err(AppError::invalid("status", message));
            }
        }
        self.site.tenants.forget_hosts();
        tracing::info!(changed_tenant = %schema, status = %new.status, "the operator changed a tenant's status");
        Ok(())
    }
}
