//! Errors of exporting and importing a tenant.

use std::{io, path::PathBuf};

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, reason},
    lifecycle::LifecycleError,
};

/// Error of exporting a tenant. No directory was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The tenant does not exist, or cannot be exported in its status.
    #[error(transparent)]
    Tenant(#[from] LifecycleError),
    /// A session for the tenant's lock could not be opened.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The path exists and is not an empty directory.
    #[error("{} already exists and is not an empty directory: name a new directory", directory.display())]
    Exists {
        /// Path of the directory.
        directory: PathBuf,
    },
    /// The tenant's schema has no ledger, so its migrations are unknown.
    #[error("tenant {schema} is not exported, because its schema has no ledger: run `up -s {schema}` first")]
    NoLedger {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// A non-transactional migration was begun and did not end.
    #[error(
        "tenant {schema} is not exported, because {step} was begun in its schema and did not end: run `up -s {schema}` first"
    )]
    Unfinished {
        /// The tenant's schema.
        schema: SchemaName,
        /// Unfinished step.
        step: String,
    },
    /// The session with the tenant's lock was lost, so a migration may have run during the export.
    #[error(
        "tenant {schema} is not exported, because the session with its lock was lost and a migration may have run: try again"
    )]
    LockLost {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// `pg_dump` was not found, or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file could not be written.
    #[error("{} could not be written: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// Error of importing a tenant. Unless it is [`LeftBehind`](Self::LeftBehind), [`Interrupted`](Self::Interrupted),
/// [`TakenOver`](Self::TakenOver) or [`Aside`](Self::Aside), nothing was created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The schema or a domain is taken, the name is retired, the ledger has unknown migrations, or a similar reason.
    #[error(transparent)]
    Tenant(#[from] LifecycleError),
    /// A session for the tenant's lock could not be opened.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A file could not be read or written.
    #[error("{} could not be read or written: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The export has a format that this version does not know.
    #[error(
        "{} has format {found}, and this program knows only format {known}: import it with the version that wrote it",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: String,
        /// Format that this version knows.
        known: u64,
    },
    /// The file does not describe a tenant.
    #[error("{} does not describe a tenant: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Description of the problem.
        problem: String,
    },
    /// The dump has something other than the tenant's schema.
    #[error(
        "tenant {schema} is not imported, because {} is not a dump of its schema alone: {entry}",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Expected schema.
        schema: SchemaName,
        /// Unexpected entry of the dump, or a text that the schema is missing.
        entry: String,
    },
    /// `pg_restore` was not found, or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Another import or a person removed or changed what this import created.
    #[error(
        "tenant {schema} is not imported, because its row or its schema was removed or changed during the import: check both, \
         and try again"
    )]
    TakenOver {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The import failed, and what it had created could not be removed.
    #[error(
        "{error}. The rest of tenant {schema} was not removed ({}): import the tenant again to remove it",
        reason(source)
    )]
    LeftBehind {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason of the failure.
        error: Box<ImportError>,
        /// Reason why the rest was not removed.
        source: DbErr,
    },
    /// Objects outside of the tenant's schema depend on objects in it. They would stay with the old rows.
    #[error(
        "tenant {schema} is not replaced, because objects outside of its schema depend on it and would stay with the old rows: \
         {}. Remove these dependencies first",
        by.join(", ")
    )]
    Needed {
        /// The tenant's schema.
        schema: SchemaName,
        /// Dependent objects, up to ten.
        by: Vec<String>,
    },
    /// The tenant was not replaced, and its schema still has the other name.
    #[error(
        "{error}. The schema of tenant {schema} is now called {aside}, and was not renamed back ({source}): `tenant schema \
         rename {aside} {schema}` does that"
    )]
    Aside {
        /// The tenant's schema before.
        schema: SchemaName,
        /// Its present name.
        aside: SchemaName,
        /// Reason of the failure.
        error: Box<ImportError>,
        /// Reason why it was not renamed back.
        source: Box<LifecycleError>,
    },
    /// The runtime ended before the import was complete. Another import of the tenant starts over.
    #[error("the tenant is not imported, because the program ended before it was done: import it again")]
    Interrupted,
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// Error of `pg_dump` or `pg_restore`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The program was not found.
    #[error(
        "{program} was not found{}: install PostgreSQL's client programs (the package `postgresql-client`), or name their \
         folder with --pg-bin (`PgPrograms::in_folder`)",
        folder.as_deref().map(|folder| format!(" in {}", folder.display())).unwrap_or_default()
    )]
    NotFound {
        /// Name of the program.
        program: &'static str,
        /// Folder that the caller named.
        folder: Option<PathBuf>,
    },
    /// The program is older than the server.
    #[error(
        "{} has version {version}, and version {needed} or newer is needed: install PostgreSQL's client programs of version \
         {needed}, or name their folder with --pg-bin (`PgPrograms::in_folder`)",
        program.display()
    )]
    TooOld {
        /// Path of the program.
        program: PathBuf,
        /// Major version of the program.
        version: u32,
        /// Major version of the server, or of the export's server.
        needed: u32,
    },
    /// `pg_restore` is of version 17 or newer, and the server is older than 17.
    #[error(
        "{} has version {version} and sets transaction_timeout, which a server of version {server} does not know: install \
         PostgreSQL's client programs of version {server}, or name their folder with --pg-bin (`PgPrograms::in_folder`). An \
         export from version 17 or newer needs a server of version 17 or newer",
        program.display()
    )]
    TooNew {
        /// Path of the program.
        program: PathBuf,
        /// Major version of the program.
        version: u32,
        /// Major version of the server.
        server: u32,
    },
    /// The program could not be started.
    #[error("{} could not be run: {source}", program.display())]
    NotRun {
        /// Path of the program.
        program: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The program failed.
    #[error("{} failed ({status}): {message}", program.display())]
    Failed {
        /// Path of the program.
        program: PathBuf,
        /// Exit status.
        status: std::process::ExitStatus,
        /// End of its error output.
        message: String,
    },
}
