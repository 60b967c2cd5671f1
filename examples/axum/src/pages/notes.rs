//! A tenant's pages: its notes, and the form to change one.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use example_entity::note;
use tenant_core::TenantConnection;

use super::{
    PageError, Team,
    form::{Filled, Form, Path},
    render,
};
use crate::{
    error::AppError,
    notes::{self, NoteInput},
    plans::{self, Usage},
};

#[derive(Template)]
#[template(path = "notes.html")]
struct Notes {
    team: Team,
    plans: Vec<Usage>,
    notes: Vec<Card>,
    editor: Filled<NoteInput>,
}

#[derive(Template)]
#[template(path = "edit.html")]
struct Edit {
    team: Team,
    plans: Vec<Usage>,
    id: i32,
    editor: Filled<NoteInput>,
}

/// A note on the page.
struct Card {
    id: i32,
    title: String,
    body: String,
    plan: String,
    written_at: String,
    written_on: String,
}

pub(crate) async fn list(db: TenantConnection) -> Result<Response, PageError> {
    let page = all(&db, Filled::default()).await?;
    Ok(render(StatusCode::OK, &page)?)
}

pub(crate) async fn create(
    db: TenantConnection,
    Form(input): Form<NoteInput>,
) -> Result<Response, PageError> {
    match notes::create(&db, &input).await {
        Ok(note) => Ok(show(note.id)),
        Err(error) => {
            let status = error.status();
            let page = all(&db, Filled::after(input, error)?).await?;
            Ok(render(status, &page)?)
        }
    }
}

pub(crate) async fn edit(db: TenantConnection, Path(id): Path<i32>) -> Result<Response, PageError> {
    let note = notes::find(&db, id).await?;
    let page = one(&db, id, Filled::new(note.into())).await?;
    Ok(render(StatusCode::OK, &page)?)
}

pub(crate) async fn save(
    db: TenantConnection,
    Path(id): Path<i32>,
    Form(input): Form<NoteInput>,
) -> Result<Response, PageError> {
    match notes::replace(&db, id, &input).await {
        Ok(note) => Ok(show(note.id)),
        Err(error) => {
            let status = error.status();
            let page = one(&db, id, Filled::after(input, error)?).await?;
            Ok(render(status, &page)?)
        }
    }
}

pub(crate) async fn delete(db: TenantConnection, Path(id): Path<i32>) -> Result<Redirect, PageError> {
    notes::delete(&db, id).await?;
    Ok(Redirect::to("/"))
}

/// Redirects to a note in the list of notes.
fn show(id: i32) -> Response {
    Redirect::to(&format!("/#note-{id}")).into_response()
}

async fn all(db: &TenantConnection, editor: Filled<NoteInput>) -> Result<Notes, AppError> {
    let plans = plans::usage(db).await?;
    let notes = notes::list(db).await?;
    // Newest first.
    let notes = notes
        .into_iter()
        .rev()
        .map(|note| Card::new(note, &plans))
        .collect();
    Ok(Notes {
        team: db.tenant().into(),
        plans,
        notes,
        editor,
    })
}

async fn one(db: &TenantConnection, id: i32, editor: Filled<NoteInput>) -> Result<Edit, AppError> {
    Ok(Edit {
        team: db.tenant().into(),
        plans: plans::usage(db).await?,
        id,
        editor,
    })
}

impl Card {
    fn new(note: note::Model, plans: &[Usage]) -> Self {
        let plan = plans.iter().find(|plan| plan.plan == note.plan);
        Self {
            id: note.id,
            title: note.title,
            body: note.body,
            plan: plan.map_or(note.plan, |plan| plan.name.clone()),
            written_at: note.created_at.to_rfc3339(),
            written_on: note.created_at.format("%-d %b %Y").to_string(),
        }
    }
}
