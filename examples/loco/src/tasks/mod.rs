//! Tasks: `cargo loco task` lists them.

use loco_rs::{Error, Result};
use tenant_core::SchemaName;

pub mod notes_purge;
pub mod tenant_create;
pub mod tenants_migrate;
pub mod token_create;

fn schema_name(text: &str) -> Result<SchemaName> {
    SchemaName::new(text).map_err(Error::msg)
}
