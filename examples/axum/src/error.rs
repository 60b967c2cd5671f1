//! [`AppError`]: what a handler can fail with.

use axum::{
    extract::rejection::{FormRejection, JsonRejection, PathRejection},
    http::StatusCode,
};
use sea_orm::DbErr;
use tenant_core::catalog::CatalogError;
use tenant_migration::CreateTenantError;

/// What a handler can fail with. The API answers it as JSON, the pages as a page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("There is nothing here.")]
    NotFound,
    #[error("This cannot be done here: use another method.")]
    MethodNotAllowed,
    #[error("This was sent by another site's page, so nothing was changed.")]
    CrossSite,
    /// What was sent breaks a rule.
    #[error(transparent)]
    Invalid(FieldError),
    /// What was sent has something that another has already.
    #[error(transparent)]
    Taken(FieldError),
    /// What was sent cannot be read.
    #[error("{message}")]
    Unreadable { status: StatusCode, message: String },
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    CreateTenant(#[from] CreateTenantError),
    #[error(transparent)]
    Template(#[from] askama::Error),
}

/// What is wrong with one field of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub(crate) struct FieldError {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

impl AppError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid(FieldError { field, message })
    }

    pub(crate) fn taken(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Taken(FieldError { field, message })
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::Unreadable { status, .. } => *status,
            Self::Database(DbErr::ConnectionAcquire(_)) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the client is told. Faults of ours and of the database are for the log.
    pub(crate) fn public_message(&self) -> String {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE => "Too busy, try again in a moment.".to_owned(),
            status if status.is_server_error() => {
                "Something went wrong, and we have a record of it.".to_owned()
            }
            _ => self.to_string(),
        }
    }

    pub(crate) fn log(&self) {
        if self.status().is_server_error() {
            tracing::error!(error = %self, "a request failed");
        }
    }
}

impl From<JsonRejection> for AppError {
    fn from(rejection: JsonRejection) -> Self {
        unreadable(rejection.status(), rejection.body_text())
    }
}

impl From<FormRejection> for AppError {
    fn from(rejection: FormRejection) -> Self {
        unreadable(rejection.status(), rejection.body_text())
    }
}

/// The paths here have nothing but ids in them, so a path that cannot be read leads to nothing.
impl From<PathRejection> for AppError {
    fn from(_: PathRejection) -> Self {
        Self::NotFound
    }
}

fn unreadable(status: StatusCode, message: String) -> AppError {
    AppError::Unreadable { status, message }
}
