//! [`Filled`]: a form on a page.

use crate::error::{AppError, FieldError};

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
