//! [`AppError`]: the errors of handlers.

use axum::{
    extract::rejection::{FormRejection, JsonRejection, PathRejection},
    http::StatusCode,
};
use sea_orm::DbErr;
use tenant_core::{catalog::CatalogError, error::http_answer};
use tenant_migration::LifecycleError;

/// Errors of handlers. The API answers them as JSON, the pages as HTML.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("There is nothing here.")]
    NotFound,
    #[error("This cannot be done here: use another method.")]
    MethodNotAllowed,
    #[error("This was sent by another site's page, so nothing was changed.")]
    CrossSite,
    /// The input breaks a rule.
    #[error(transparent)]
    Invalid(FieldError),
    /// The input has a value that must be unique and is taken.
    #[error(transparent)]
    Taken(FieldError),
    /// The request's body cannot be parsed.
    #[error("{message}")]
    Unreadable { status: StatusCode, message: String },
    #[error(transparent)]
    Database(#[from] DbErr),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    CreateTenant(#[from] LifecycleError),
    #[error(transparent)]
    Template(#[from] askama::Error),
}

/// An error in one field of the input.
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
            Self::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(error) => {
                let (status, _) = http_answer(error);
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the message for the client. It hides the details of server errors, which go to the log.
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

/// The only parameters of paths are ids. So a path that cannot be parsed names nothing.
impl From<PathRejection> for AppError {
    fn from(_: PathRejection) -> Self {
        Self::NotFound
    }
}

fn unreadable(status: StatusCode, message: String) -> AppError {
    AppError::Unreadable { status, message }
}
