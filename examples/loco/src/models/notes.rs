//! Finders and changes of notes. They take a [`TenantConnection`], so `ctx.db`, which is of no tenant, is a compile error.

pub use example_entity::note::{ActiveModel, Column, Entity, Model};
use loco_rs::prelude::*;
use serde::Deserialize;
use tenant_core::TenantConnection;

/// A new note.
#[derive(Debug, Deserialize)]
pub struct Params {
    /// First line.
    pub title: String,
    /// Rest of the text. Default: empty.
    #[serde(default)]
    pub body: String,
}

/// Returns a page of the notes, the oldest first.
///
/// # Errors
/// [`ModelError`] if the database does not answer.
pub async fn page(
    db: &TenantConnection,
    page: &query::PaginationQuery,
) -> ModelResult<(Vec<Model>, PagerMeta)> {
    let notes = Entity::find().order_by_asc(Column::Id);
    // SeaORM's, since Loco's `query::paginate` wants a `DatabaseConnection`.
    let pages = notes.paginate(db, page.page_size.max(1));
    let total = pages.num_items_and_pages().await?;
    let found = pages.fetch_page(page.page.saturating_sub(1)).await?;
    let info = PagerMeta {
        page: page.page,
        page_size: page.page_size,
        total_pages: total.number_of_pages,
        total_items: total.number_of_items,
    };
    Ok((found, info))
}

/// Returns a note.
///
/// # Errors
/// [`ModelError::EntityNotFound`] if the tenant has no such note.
pub async fn find(db: &TenantConnection, id: i32) -> ModelResult<Model> {
    let note = Entity::find_by_id(id).one(db).await?;
    note.ok_or(ModelError::EntityNotFound)
}

/// Writes a note.
///
/// # Errors
/// [`ModelError`] if the database does not answer.
pub async fn create(db: &TenantConnection, params: Params) -> ModelResult<Model> {
    let note = ActiveModel {
        title: Set(params.title),
        body: Set(params.body),
        ..Default::default()
    };
    Ok(note.insert(db).await?)
}

/// Writes a note that says how many there are.
///
/// # Errors
/// [`ModelError`] if the database does not answer.
pub async fn create_digest(db: &TenantConnection) -> ModelResult<Model> {
    let count = Entity::find().count(db).await?;
    let params = Params {
        title: format!("Digest: {count} notes"),
        body: String::new(),
    };
    create(db, params).await
}

/// Deletes the notes without a title, and returns their number.
///
/// # Errors
/// [`ModelError`] if the database does not answer.
pub async fn purge(db: &TenantConnection) -> ModelResult<u64> {
    let untitled = Entity::delete_many().filter(Column::Title.eq(""));
    Ok(untitled.exec(db).await?.rows_affected)
}
