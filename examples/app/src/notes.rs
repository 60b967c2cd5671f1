//! A tenant's notes. The tenant is in the connection, and in no query.

use example_entity::{note, plan};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    DbErr, EntityTrait, QueryOrder,
};
use serde::Deserialize;
use tenant_core::TenantConnection;

use crate::error::AppError;

/// Maximum length of a title, in characters.
pub(crate) const MAX_TITLE: usize = 200;
/// Maximum length of a body, in characters.
pub(crate) const MAX_BODY: usize = 20_000;
/// Plan of a note whose input names none.
pub(crate) const DEFAULT_PLAN: &str = "free";

/// Input of a note, from a form or from JSON.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct NoteInput {
    /// The title.
    pub title: String,
    /// The text. Default: empty.
    #[serde(default)]
    pub body: String,
    /// The code of a plan. Default: `free`.
    #[serde(default = "default_plan")]
    pub plan: String,
}

fn default_plan() -> String {
    DEFAULT_PLAN.to_owned()
}

impl From<note::Model> for NoteInput {
    fn from(note: note::Model) -> Self {
        Self {
            title: note.title,
            body: note.body,
            plan: note.plan,
        }
    }
}

/// Returns all notes, ordered by id.
pub(crate) async fn list(db: &TenantConnection) -> Result<Vec<note::Model>, DbErr> {
    note::Entity::find().order_by_asc(note::Column::Id).all(db).await
}

/// Returns a note.
pub(crate) async fn find(db: &TenantConnection, id: i32) -> Result<note::Model, AppError> {
    let found = note::Entity::find_by_id(id).one(db).await?;
    found.ok_or(AppError::NotFound)
}

/// Inserts a note.
pub(crate) async fn create(db: &TenantConnection, input: &NoteInput) -> Result<note::Model, AppError> {
    Ok(checked(db, input).await?.insert(db).await?)
}

/// Replaces a note.
pub(crate) async fn replace(
    db: &TenantConnection,
    id: i32,
    input: &NoteInput,
) -> Result<note::Model, AppError> {
    let mut note = checked(db, input).await?;
    note.id = Unchanged(id);
    match note.update(db).await {
        Err(DbErr::RecordNotUpdated) => Err(AppError::NotFound),
        result => Ok(result?),
    }
}

/// Deletes a note.
pub(crate) async fn delete(db: &TenantConnection, id: i32) -> Result<(), AppError> {
    let deleted = note::Entity::delete_by_id(id).exec(db).await?;
    match deleted.rows_affected {
        0 => Err(AppError::NotFound),
        _ => Ok(()),
    }
}

async fn checked(db: &TenantConnection, input: &NoteInput) -> Result<note::ActiveModel, AppError> {
    let title = input.title.trim();
    if title.is_empty() {
        return Err(AppError::invalid("title", "A note needs a title."));
    }
    check_text("title", title, MAX_TITLE)?;
    check_text("body", &input.body, MAX_BODY)?;
    check_plan(db, &input.plan).await?;
    Ok(note::ActiveModel {
        title: Set(title.to_owned()),
        // Forms send "\r\n" at the end of a line.
        body: Set(input.body.replace("\r\n", "\n")),
        plan: Set(input.plan.clone()),
        ..Default::default()
    })
}

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), AppError> {
    if text.chars().count() > max {
        return Err(AppError::invalid(
            field,
            format!("This is longer than {max} characters."),
        ));
    }
    // PostgreSQL cannot store this character in a text.
    if text.contains('\0') {
        return Err(AppError::invalid(
            field,
            "This has a character that cannot be stored.",
        ));
    }
    Ok(())
}

async fn check_plan(db: &TenantConnection, code: &str) -> Result<(), AppError> {
    check_text("plan", code, MAX_TITLE)?;
    match plan::Entity::find_by_id(code).one(db).await? {
        Some(_) => Ok(()),
        None => Err(AppError::invalid("plan", "There is no such plan.")),
    }
}
