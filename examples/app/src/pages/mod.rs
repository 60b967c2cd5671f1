//! The pages. The server renders them. They work without scripts: a form is posted, and the answer redirects.

pub mod assets;
mod error;
mod filled;
pub mod landing;
pub mod notes;
pub mod operator;
mod port;
mod team;

use askama::Template;
use http::StatusCode;

use crate::answer::{self, Answer};
pub(crate) use assets::STYLE_PATH;
pub use error::PageError;
use filled::Filled;
pub use port::Port;
use team::Team;

fn ok(page: &impl Template) -> Result<Answer, PageError> {
    Ok(answer::html(StatusCode::OK, page)?)
}
