//! Forms: their input and their errors.

use axum::extract::{FromRequest, FromRequestParts};

use super::PageError;
use crate::error::{AppError, FieldError};

/// The body of a request from a form.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(PageError))]
pub(crate) struct Form<T>(pub(crate) T);

/// The id in a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(PageError))]
pub(crate) struct Path<T>(pub(crate) T);

/// A form on a page. It keeps its input after an error, so that nobody has to type it again.
#[derive(Debug, Default)]
pub(crate) struct Filled<T> {
    pub(crate) input: T,
    pub(crate) error: Option<FieldError>,
}

impl<T> Filled<T> {
    pub(crate) fn new(input: T) -> Self {
        Self { input, error: None }
    }

    /// Returns the form with the error of one of its fields. Returns any other error as it is.
    pub(crate) fn after(input: T, error: AppError) -> Result<Self, AppError> {
        match error {
            AppError::Invalid(error) | AppError::Taken(error) => Ok(Self {
                input,
                error: Some(error),
            }),
            error => Err(error),
        }
    }

    /// Returns the error message of a field, if there is one.
    pub(crate) fn error_of(&self, field: &str) -> Option<&str> {
        let error = self.error.as_ref().filter(|error| error.field == field)?;
        Some(&error.message)
    }
}
