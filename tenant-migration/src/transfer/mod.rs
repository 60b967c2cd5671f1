//! One tenant in a directory of files, for another database or for later: [`export_tenant`] and [`import_tenant`].

mod contents;
mod directory;
mod error;
mod export;
mod import;
mod manifest;
mod programs;
mod reservation;
mod session;

pub use error::{ExportError, ImportError, ProgramError};
pub use export::export_tenant;
pub use import::{ImportOptions, import_tenant};
pub use programs::PgPrograms;

/// What the catalog has of the tenant.
const MANIFEST: &str = "tenant.json";
/// The tenant's schema, as `pg_dump` writes it in its format "custom".
const DUMP: &str = "schema.dump";
