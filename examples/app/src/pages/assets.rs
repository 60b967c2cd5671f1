//! Static files of the pages. They are compiled into the program, so that a deployment is one file.

use http::{HeaderValue, StatusCode, header::CACHE_CONTROL};

use crate::answer::{self, Answer};

const STYLE: &str = include_str!("../../assets/style.css");
const ICON: &str = include_str!("../../assets/icon.svg");

/// Path of the style sheet. It contains the version, so that no cache serves the style sheet of an older version.
pub(crate) const STYLE_PATH: &str = concat!("/style.css?", env!("CARGO_PKG_VERSION"));

/// Returns the style sheet, `/style.css`.
pub fn style() -> Answer {
    asset("text/css; charset=utf-8", STYLE)
}

/// Returns the icon, `/icon.svg`.
pub fn icon() -> Answer {
    asset("image/svg+xml", ICON)
}

fn asset(content_type: &'static str, content: &'static str) -> Answer {
    let mut answer = answer::answer(StatusCode::OK, content_type, content);
    let cached = HeaderValue::from_static("max-age=300");
    answer.headers_mut().insert(CACHE_CONTROL, cached);
    answer
}
