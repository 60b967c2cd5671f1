//! Answers about notes.

use serde::Serialize;

use crate::models::notes::Model;

/// A note.
#[derive(Debug, Serialize)]
pub struct NoteResponse {
    /// Id, unique only within the tenant.
    pub id: i32,
    /// First line.
    pub title: String,
    /// Rest of the text.
    pub body: String,
}

impl From<Model> for NoteResponse {
    fn from(note: Model) -> Self {
        Self {
            id: note.id,
            title: note.title,
            body: note.body,
        }
    }
}
