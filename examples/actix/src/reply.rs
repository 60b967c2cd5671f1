//! [`Page`] and [`Api`]: conversion of answers to responses.

use actix_web::{
    Error, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    error::{InternalError, JsonPayloadError, ResponseError as _, UrlencodedError},
    http::{
        StatusCode,
        header::{ALLOW, HeaderValue},
    },
};
use example_app::{Answer, AppError, api::ApiError, pages::PageError};

// Messages as axum words them, so that clients cannot tell the frameworks apart.
const JSON_EXPECTED: &str = "Expected request with `Content-Type: application/json`";
const FORM_EXPECTED: &str = "Form requests must have `Content-Type: application/x-www-form-urlencoded`";

/// The answer of a handler, or the answer to its error.
pub(crate) struct Reply<E>(Result<Answer, E>);

/// An answer whose errors are pages.
pub(crate) type Page = Reply<PageError>;

/// An answer whose errors are JSON.
pub(crate) type Api = Reply<ApiError>;

impl<E: Into<Answer>> Reply<E> {
    pub(crate) fn into_response(self) -> HttpResponse {
        let (parts, body) = self.0.unwrap_or_else(Into::into).into_parts();
        // Actix has the types of another version of the crate `http`.
        let status = StatusCode::from_u16(parts.status.as_u16());
        let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        for (name, value) in &parts.headers {
            response.append_header((name.as_str(), value.as_bytes()));
        }
        response.body(body)
    }

    /// Returns the response to a method that a route does not have.
    pub(crate) fn not_allowed(allow: &'static str) -> HttpResponse
    where
        E: From<AppError>,
    {
        let mut response = Self::from(AppError::MethodNotAllowed).into_response();
        let allow = HeaderValue::from_static(allow);
        response.headers_mut().insert(ALLOW, allow);
        response
    }
}

impl<E: Into<Answer>> Responder for Reply<E> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.into_response()
    }
}

impl<E> From<Result<Answer, E>> for Reply<E> {
    fn from(result: Result<Answer, E>) -> Self {
        Self(result)
    }
}

impl<E: From<AppError>> From<AppError> for Reply<E> {
    fn from(error: AppError) -> Self {
        Self(Err(error.into()))
    }
}

impl<E: Into<Answer>> From<Reply<E>> for Error {
    fn from(reply: Reply<E>) -> Self {
        InternalError::from_response("a request was refused", reply.into_response()).into()
    }
}

impl From<JsonPayloadError> for Api {
    fn from(error: JsonPayloadError) -> Self {
        let (status, message) = match &error {
            JsonPayloadError::ContentType => (415, JSON_EXPECTED.to_owned()),
            JsonPayloadError::Deserialize(error) if error.is_data() => (422, error.to_string()),
            JsonPayloadError::Deserialize(error) => (400, format!("This is no JSON: {error}")),
            error => (error.status_code().as_u16(), error.to_string()),
        };
        AppError::unreadable(status, message).into()
    }
}

impl From<UrlencodedError> for Page {
    fn from(error: UrlencodedError) -> Self {
        let (status, message) = match &error {
            UrlencodedError::ContentType => (415, FORM_EXPECTED.to_owned()),
            UrlencodedError::Parse(error) => (422, error.to_string()),
            error => (error.status_code().as_u16(), error.to_string()),
        };
        AppError::unreadable(status, message).into()
    }
}
