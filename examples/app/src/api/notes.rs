//! `/api/notes`.

use example_entity::note;
use http::{HeaderValue, StatusCode, header::LOCATION};
use serde::Serialize;
use tenant_core::TenantConnection;

use super::{ApiError, ok};
use crate::{
    answer::{self, Answer},
    error::AppError,
    notes::{self, NoteInput},
};

/// JSON of a note.
#[derive(Serialize)]
struct NoteView {
    id: i32,
    title: String,
    body: String,
    plan: String,
}

impl From<note::Model> for NoteView {
    fn from(note: note::Model) -> Self {
        Self {
            id: note.id,
            title: note.title,
            body: note.body,
            plan: note.plan,
        }
    }
}

/// Returns all notes.
///
/// # Errors
/// [`ApiError`].
pub async fn list(db: &TenantConnection) -> Result<Answer, ApiError> {
    let notes = notes::list(db).await?;
    ok(&notes.into_iter().map(NoteView::from).collect::<Vec<_>>())
}

/// Creates a note.
///
/// # Errors
/// [`ApiError`].
pub async fn create(db: &TenantConnection, input: &NoteInput) -> Result<Answer, ApiError> {
    let note = notes::create(db, input).await?;
    let location = HeaderValue::try_from(format!("/api/notes/{}", note.id)).map_err(AppError::from)?;
    let mut answer = answer::json(StatusCode::CREATED, &NoteView::from(note))?;
    answer.headers_mut().insert(LOCATION, location);
    Ok(answer)
}

/// Returns a note.
///
/// # Errors
/// [`ApiError`].
pub async fn show(db: &TenantConnection, id: i32) -> Result<Answer, ApiError> {
    ok(&NoteView::from(notes::find(db, id).await?))
}

/// Replaces a note.
///
/// # Errors
/// [`ApiError`].
pub async fn replace(db: &TenantConnection, id: i32, input: &NoteInput) -> Result<Answer, ApiError> {
    ok(&NoteView::from(notes::replace(db, id, input).await?))
}

/// Deletes a note.
///
/// # Errors
/// [`ApiError`].
pub async fn delete(db: &TenantConnection, id: i32) -> Result<Answer, ApiError> {
    notes::delete(db, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
