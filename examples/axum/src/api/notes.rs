//! `/api/notes`.

use axum::{
    Json,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
};
use example_entity::note;
use serde::Serialize;
use tenant_core::TenantConnection;

use super::{error::ApiError, extract};
use crate::notes::{self, NoteInput};

/// JSON of a note.
#[derive(Serialize)]
pub(crate) struct NoteView {
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

pub(crate) async fn list(db: TenantConnection) -> Result<Json<Vec<NoteView>>, ApiError> {
    let notes = notes::list(&db).await?;
    Ok(Json(notes.into_iter().map(NoteView::from).collect()))
}

pub(crate) async fn create(
    db: TenantConnection,
    extract::Json(input): extract::Json<NoteInput>,
) -> Result<impl IntoResponse, ApiError> {
    let note = notes::create(&db, &input).await?;
    let location = format!("/api/notes/{}", note.id);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        Json(NoteView::from(note)),
    ))
}

pub(crate) async fn show(
    db: TenantConnection,
    extract::Path(id): extract::Path<i32>,
) -> Result<Json<NoteView>, ApiError> {
    Ok(Json(notes::find(&db, id).await?.into()))
}

pub(crate) async fn replace(
    db: TenantConnection,
    extract::Path(id): extract::Path<i32>,
    extract::Json(input): extract::Json<NoteInput>,
) -> Result<Json<NoteView>, ApiError> {
    Ok(Json(notes::replace(&db, id, &input).await?.into()))
}

pub(crate) async fn delete(
    db: TenantConnection,
    extract::Path(id): extract::Path<i32>,
) -> Result<StatusCode, ApiError> {
    notes::delete(&db, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
