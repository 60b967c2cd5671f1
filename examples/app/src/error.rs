//! [`AppError`]: the errors of handlers.

use http::{StatusCode, header::InvalidHeaderValue};
use sea_orm::DbErr;
use tenant_core::{catalog::CatalogError, error::http_answer};
use tenant_migration::{LifecycleError, LookupError};

/// Errors of handlers. The API answers them as JSON, the pages as HTML.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// No route or row has this name.
    #[error("There is nothing here.")]
    NotFound,
    /// The route has no such method.
    #[error("This cannot be done here: use another method.")]
    MethodNotAllowed,
    /// A browser sent the request for a page of another site.
    #[error("This was sent by another site's page, so nothing was changed.")]
    CrossSite,
    /// The request lacks the credentials of the operator, or has wrong ones.
    #[error("This is for the operator of this site.")]
    Unauthorized,
    /// The input breaks a rule.
    #[error(transparent)]
    Invalid(FieldError),
    /// The input has a value that must be unique and is taken.
    #[error(transparent)]
    Taken(FieldError),
    /// The request's body cannot be parsed.
    #[error("{message}")]
    Unreadable {
        /// Status of the answer.
        status: StatusCode,
        /// Reason, for the client.
        message: String,
    },
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A tenant was not created or changed.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// A page was not rendered.
    #[error(transparent)]
    Template(#[from] askama::Error),
    /// A JSON answer was not written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A header of an answer was not written.
    #[error(transparent)]
    Header(#[from] InvalidHeaderValue),
}

/// An error in one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Name of the field.
    pub field: &'static str,
    /// Reason, for the client.
    pub message: String,
}

impl AppError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid(FieldError { field, message })
    }

    /// Returns the error of a request's body that cannot be parsed. The status is a number, since frameworks differ in
    /// its type.
    pub fn unreadable(status: u16, message: impl Into<String>) -> Self {
        Self::Unreadable {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
            message: message.into(),
        }
    }

    pub(crate) fn taken(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Taken(FieldError { field, message })
    }

    /// Returns the status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::Unreadable { status, .. } => *status,
            Self::Catalog(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(error) => {
                let (status, _) = http_answer(error);
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Lifecycle(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => {
                StatusCode::NOT_FOUND
            }
            Self::Lifecycle(LifecycleError::WrongStatus { .. } | LifecycleError::Behind { .. }) => {
                StatusCode::CONFLICT
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
