//! Forms: what was typed, and what is wrong with it.

use axum::extract::{FromRequest, FromRequestParts};

use super::PageError;
use crate::error::{AppError, FieldError};

/// The body of a request that a form has sent.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(PageError))]
pub(crate) struct Form<T>(pub(crate) T);

/// The id in a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(PageError))]
pub(crate) struct Path<T>(pub(crate) T);

/// A form as a page shows it: with what was typed, so that nobody has to type it again.
#[derive(Debug, Default)]
pub(crate) struct Filled<T> {
    pub(crate) input: T,
    pub(crate) error: Option<FieldError>,
}

impl<T> Filled<T> {
    pub(crate) fn new(input: T) -> Self {
        Self { input, error: None }
    }

    /// The form again, with what is wrong with it, where the error is about a field of it.
    pub(crate) fn after(input: T, error: AppError) -> Result<Self, AppError> {
        match error {
            AppError::Invalid(error) | AppError::Taken(error) => Ok(Self {
                input,
                error: Some(error),
            }),
            error => Err(error),
        }
    }

    /// What is wrong with a field.
    pub(crate) fn error_of(&self, field: &str) -> Option<&str> {
        let error = self.error.as_ref().filter(|error| error.field == field)?;
        Some(&error.message)
    }
}
