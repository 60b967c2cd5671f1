//! The JSON API, below `/api`.

mod error;
pub mod notes;
pub mod plans;
pub mod tenants;
pub mod whoami;

use http::StatusCode;
use serde::Serialize;

use crate::answer::{self, Answer};
pub use error::ApiError;

fn ok(value: &impl Serialize) -> Result<Answer, ApiError> {
    Ok(answer::json(StatusCode::OK, value)?)
}
