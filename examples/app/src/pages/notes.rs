//! A tenant's pages: its notes, and the form to change one.

use askama::Template;
use example_entity::note;
use tenant_core::TenantConnection;

use super::{Filled, PageError, Team, ok};
use crate::{
    answer::{self, Answer},
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

/// Returns the page of all notes.
///
/// # Errors
/// [`PageError`].
pub async fn list(db: &TenantConnection) -> Result<Answer, PageError> {
    ok(&all(db, Filled::default()).await?)
}

/// Creates a note, and leads to it.
///
/// # Errors
/// [`PageError`]. An error of a field is on the page, beside the form.
pub async fn create(db: &TenantConnection, input: NoteInput) -> Result<Answer, PageError> {
    match notes::create(db, &input).await {
        Ok(note) => to_note(note.id),
        Err(error) => {
            let status = error.status();
            let page = all(db, Filled::after(input, error)?).await?;
            Ok(answer::html(status, &page)?)
        }
    }
}

/// Returns the form to change a note.
///
/// # Errors
/// [`PageError`].
pub async fn edit(db: &TenantConnection, id: i32) -> Result<Answer, PageError> {
    let note = notes::find(db, id).await?;
    ok(&one(db, id, Filled::new(note.into())).await?)
}

/// Changes a note, and leads to it.
///
/// # Errors
/// [`PageError`]. An error of a field is on the page, beside the form.
pub async fn save(db: &TenantConnection, id: i32, input: NoteInput) -> Result<Answer, PageError> {
    match notes::replace(db, id, &input).await {
        Ok(note) => to_note(note.id),
        Err(error) => {
            let status = error.status();
            let page = one(db, id, Filled::after(input, error)?).await?;
            Ok(answer::html(status, &page)?)
        }
    }
}

/// Deletes a note, and leads to all notes.
///
/// # Errors
/// [`PageError`].
pub async fn delete(db: &TenantConnection, id: i32) -> Result<Answer, PageError> {
    notes::delete(db, id).await?;
    Ok(answer::see_other("/")?)
}

/// Redirects to a note in the list of notes.
fn to_note(id: i32) -> Result<Answer, PageError> {
    Ok(answer::see_other(&format!("/#note-{id}"))?)
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
