//! [`TransferError`] and [`ProgramError`].

use std::{
    io,
    path::{Path, PathBuf},
};

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, reason},
    lifecycle::LifecycleError,
    plan::SchemaError,
};

/// Error of exporting or importing a tenant. An export wrote no directory. An import created nothing, unless it is
/// [`LeftBehind`](Self::LeftBehind), [`TakenOver`](Self::TakenOver), [`Aside`](Self::Aside) or [`SchemaError::Interrupted`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The tenant cannot be exported in its state, or cannot be created here.
    #[error(transparent)]
    Tenant(#[from] LifecycleError),
    /// A session for the tenant's lock could not be opened.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// `pg_dump` or `pg_restore` was not found, or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file could not be read or written.
    #[error("{} could not be read or written: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The path of an export exists and is not an empty directory.
    #[error("{} already exists and is not an empty directory: name a new directory", directory.display())]
    Exists {
        /// Path of the directory.
        directory: PathBuf,
    },
    /// The session with the tenant's lock was lost, so a migration may have run during the export.
    #[error(
        "tenant {schema} is not exported, because the session with its lock was lost and a migration may have run: try again"
    )]
    LockLost {
        /// The tenant's schema.
        schema: SchemaName,
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
        "{error}. The rest of tenant {schema} was not removed ({source}): import the tenant again to remove it"
    )]
    LeftBehind {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason of the failure.
        error: Box<TransferError>,
        /// Reason why the rest was not removed.
        source: SchemaError,
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
        error: Box<TransferError>,
        /// Reason why it was not renamed back.
        source: Box<LifecycleError>,
    },
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

impl TransferError {
    /// Returns the error of a file.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
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
