//! Why a tenant was not exported or imported.

use std::{io, path::PathBuf};

use sea_orm::DbErr;
use tenant_core::SchemaName;

use crate::{
    database::{SessionError, reason},
    lifecycle::LifecycleError,
};

/// Why a tenant was not exported. There is no directory of the export then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The tenant is not there, or in no status to be exported.
    #[error(transparent)]
    Tenant(#[from] LifecycleError),
    /// There is no session to keep the tenant's lock in.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The directory is there and has something in it, or is no directory.
    #[error("{} is there already and no empty directory: name one that is new", directory.display())]
    Exists {
        /// Which one.
        directory: PathBuf,
    },
    /// The tenant's schema has no ledger, so it is not known what it is.
    #[error("tenant {schema} is not exported, because its schema has no ledger: `up -s {schema}` first")]
    NoLedger {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// A migration that runs outside of a transaction was begun and did not end.
    #[error(
        "tenant {schema} is not exported, because {step} was begun there and did not end: `up -s {schema}` first"
    )]
    Unfinished {
        /// The tenant's schema.
        schema: SchemaName,
        /// What was begun.
        step: String,
    },
    /// The session that keeps migrations from running meanwhile was lost.
    #[error(
        "tenant {schema} is not exported, because the session with its lock was lost meanwhile, so that a migration may \
         have run: try again"
    )]
    LockLost {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// `pg_dump` was not found, or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// Why a tenant was not imported. Unless it is [`LeftBehind`](Self::LeftBehind), [`Interrupted`](Self::Interrupted) or
/// [`TakenOver`](Self::TakenOver), nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The schema or a domain is taken, the name is retired, the ledger has unknown migrations, or the like.
    #[error(transparent)]
    Tenant(#[from] LifecycleError),
    /// There is no session to keep the tenant's lock in.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A file could not be read, or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The export was written by a version with another format.
    #[error(
        "{} is of format {found}, and this program knows format {known} only: import it with the version that wrote it",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The one that is known.
        known: u64,
    },
    /// The file does not describe a tenant.
    #[error("{} does not describe a tenant: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The dump is not the one of the tenant's schema alone.
    #[error(
        "{} has more in it than the schema {schema}, or something else, so it is not imported: {entry}",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The schema that it should have.
        schema: SchemaName,
        /// What it has, or has not.
        entry: String,
    },
    /// `pg_restore` was not found, or failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Another import, or a person, removed what this one had made.
    #[error(
        "tenant {schema} is not imported, because somebody else removed or changed its row or its schema meanwhile: look \
         at what is there, and try again"
    )]
    TakenOver {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// It failed, and what it had made could not be removed.
    #[error(
        "{error}. What there is of tenant {schema} is not removed ({}): importing it again does that",
        reason(source)
    )]
    LeftBehind {
        /// The tenant's schema.
        schema: SchemaName,
        /// Why it failed.
        error: Box<ImportError>,
        /// Why it was not removed.
        source: DbErr,
    },
    /// The runtime ended before the work did. Importing it again begins anew.
    #[error(
        "the tenant is not imported: the program ended before it was done. Importing it again begins anew"
    )]
    Interrupted,
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

/// Why a program of PostgreSQL did not do what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It is not there.
    #[error(
        "{program} was not found{}: install PostgreSQL's client programs (the package `postgresql-client`), or name their \
         folder with --pg-bin (`PgPrograms::in_folder`)",
        folder.as_deref().map(|folder| format!(" in {}", folder.display())).unwrap_or_default()
    )]
    NotFound {
        /// Its name.
        program: &'static str,
        /// The folder that was named.
        folder: Option<PathBuf>,
    },
    /// It is of an older version than the server.
    #[error(
        "{} is of version {version}, and version {needed} or newer is needed: install PostgreSQL's client programs of that \
         version, or name their folder with --pg-bin (`PgPrograms::in_folder`)",
        program.display()
    )]
    TooOld {
        /// Path of the program.
        program: PathBuf,
        /// Its major version.
        version: u32,
        /// The server's, or that of the server that the export is from.
        needed: u32,
    },
    /// `pg_restore` is of version 17 or newer, and the server is older than 17.
    #[error(
        "{} is of version {version}, and sets transaction_timeout, which a server of version {server} does not know: install \
         PostgreSQL's client programs of version {server}, or name their folder with --pg-bin (`PgPrograms::in_folder`). An \
         export from version 17 or newer needs a server of version 17 or newer",
        program.display()
    )]
    TooNew {
        /// Path of the program.
        program: PathBuf,
        /// Its major version.
        version: u32,
        /// The server's.
        server: u32,
    },
    /// It could not be run.
    #[error("{} could not be run: {source}", program.display())]
    NotRun {
        /// Path of the program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error("{} failed ({status}): {message}", program.display())]
    Failed {
        /// Path of the program.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it said.
        message: String,
    },
}
