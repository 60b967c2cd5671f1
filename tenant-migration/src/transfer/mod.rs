//! Moving a tenant to another database, archiving it in files, and restoring it: [`export_tenant`], [`import_tenant`] and
//! [`replace_tenant`].

mod directory;
mod error;
mod export;
mod import;
mod manifest;
mod programs;
mod replace;
mod session;
mod table_of_contents;

pub use error::{ProgramError, TransferError};
pub use export::export_tenant;
pub use import::{ImportOptions, import_tenant};
pub use programs::PgPrograms;
pub use replace::replace_tenant;

/// File name of the manifest, which has the tenant's data of the catalog.
const MANIFEST: &str = "tenant.json";
/// File name of the dump of the tenant's schema, in `pg_dump`'s format "custom".
const DUMP: &str = "schema.dump";
