//! Models.

pub mod notes;
