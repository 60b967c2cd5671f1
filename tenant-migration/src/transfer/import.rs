//! [`import_tenant`].

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
    sqlx::postgres::PgConnectOptions,
};
use tenant_core::{__private::detached, Tenant, TenantId, catalog::tenant};

use crate::{
    define::{Migrations, SchemaRef},
    lifecycle::{baseline, domains, lookup, require_known},
    transfer::{
        DUMP, MANIFEST, contents,
        error::{ImportError, ProgramError},
        manifest::{FORMAT, Manifest, Unreadable},
        programs::{self, PgPrograms, Program},
        reservation::Reservation,
        session::{self, Session},
    },
};

/// How a tenant is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a tenant is imported with them"]
pub struct ImportOptions {
    programs: PgPrograms,
    reuses_name: bool,
}

impl ImportOptions {
    /// Where PostgreSQL's programs are. They are looked for if it is not called.
    pub fn programs(mut self, programs: PgPrograms) -> Self {
        self.programs = programs;
        self
    }

    /// Lets it have the name of a schema that a tenant had which is gone, such as itself. What still runs for that one, such
    /// as a job with its schema's name in it, reaches this one's rows.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }
}

/// Makes a tenant of what [`export_tenant`](super::export_tenant) wrote, in this or another database: its schema with all
/// rows, its name, kind, status, metadata and domains. It has a new id.
///
/// **The files must be trusted.** `schema.dump` has SQL in it that is run as the user of this connection, and may do what
/// that user may do, in every schema. What `pg_restore` lists of the file is checked, and nothing is run where it lists
/// something that is not in the tenant's schema. That finds the wrong file, and no file that somebody made to deceive.
///
/// 1. The files are checked. Nothing is changed before that.
/// 2. The row is written, as one that is being made (`provisioning`), with an empty schema, and committed. Nobody is served
///    of it, and it is not migrated with the others.
/// 3. `pg_restore` fills the schema, in one transaction. What a tenant's foreign keys, types and functions need of other
///    schemas must be there. A foreign key into the shared schema keeps others from writing to the table it refers to until
///    that transaction ends.
/// 4. As in every migration, functions get their `search_path`, the tenant its role and the catalog the version, by the
///    ledger that is in the schema then. With the domains and the status it had, that is one more transaction. Migrations
///    that this program has and the tenant has not are left to [`Executor`](crate::Executor).
///
/// All this time a session of its own holds the tenant's lock. Where it fails, what it made is removed. Where it is killed,
/// importing the tenant again does that and begins anew: the row says in its metadata that it is being imported, and which
/// schema was made for it, by its number in PostgreSQL. A row without that, and a schema with another number, are never
/// touched. Dropping the tenant removes them, too. A file `tenant-import-...` with the names of the dump's objects may be left
/// in the folder for temporary files.
///
/// The server may be newer than the one that the export is from. An older one may not understand it.
///
/// If this future is dropped, the work goes on in the background.
///
/// # Errors
/// [`ImportError`] if the files are not an export, the schema's name or a domain is taken, the name was that of a tenant that
/// is gone, the ledger has migrations that this program has not, or a program or the database failed.
///
/// # Example
/// ```no_run
/// # async fn example(
/// #     tenants: tenant_core::Tenants,
/// #     migrations: tenant_migration::Migrations,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
/// use tenant_migration::{ImportOptions, import_tenant};
///
/// let options = ImportOptions::default();
/// let directory = Path::new("/backup/acme");
/// let acme = import_tenant(tenants.shared_connection(), &migrations, directory, &options).await?;
/// # Ok(())
/// # }
/// ```
pub async fn import_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    directory: &Path,
    options: &ImportOptions,
) -> Result<Tenant, ImportError> {
    let manifest = read_manifest(&directory.join(MANIFEST))?;
    // A path that begins with a dash would be read as an option.
    let dump =
        fs::canonicalize(directory.join(DUMP)).map_err(|error| failed(&directory.join(DUMP), error))?;
    let importing = Importing {
        connect: session::options(db)?,
        db: db.clone(),
        migrations: migrations.clone(),
        options: options.clone(),
        manifest,
        dump,
    };
    let imported = detached(importing.run()).await;
    imported.unwrap_or(Err(ImportError::Interrupted))
}

fn read_manifest(path: &Path) -> Result<Manifest, ImportError> {
    let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    Manifest::parse(&text).map_err(|unreadable| match unreadable {
        Unreadable::Format(found) => ImportError::UnknownFormat {
            path: path.to_owned(),
            found,
            known: FORMAT,
        },
        Unreadable::Problem(problem) => ImportError::Manifest {
            path: path.to_owned(),
            problem,
        },
    })
}

fn failed(path: &Path, source: io::Error) -> ImportError {
    ImportError::File {
        path: path.to_owned(),
        source,
    }
}

struct Importing {
    db: DatabaseConnection,
    connect: PgConnectOptions,
    migrations: Migrations,
    options: ImportOptions,
    manifest: Manifest,
    dump: PathBuf,
}

impl Importing {
    async fn run(self) -> Result<Tenant, ImportError> {
        let known = self.manifest.applied.iter().map(String::as_str);
        require_known(&self.migrations, self.schema_ref(), known)?;
        let session = Session::lock(self.connect.clone(), &self.manifest.schema).await?;
        let server = session.server_version().await?;
        let programs = &self.options.programs;
        let pg_restore = programs.pg_restore(self.manifest.server, server).await?;
        let inside = self.inside(&pg_restore).await?;
        if let Some(remaining) = Reservation::find(&session.db, &self.manifest.schema).await? {
            tracing::warn!(schema = %self.manifest.schema, "removing what an import remaining that did not end");
            remaining.remove(&session.db).await?;
        }
        let reservation = Reservation::make(
            &session.db,
            &self.migrations,
            &self.manifest,
            self.options.reuses_name,
        )
        .await?;
        let filled = self.fill(&session, &reservation, &pg_restore, &inside).await;
        let imported = match filled {
            Ok(tenant) => Ok(tenant),
            Err(failure) => self.undo(&reservation, failure).await,
        };
        // Where this fails, the session is gone, and the lock with it.
        let _ = session.db.close().await;
        imported
    }

    fn schema_ref(&self) -> SchemaRef<'_> {
        SchemaRef {
            schema: &self.manifest.schema,
            kind: Some(&self.manifest.kind),
        }
    }

    /// What is to be restored.
    async fn inside(&self, pg_restore: &Program) -> Result<String, ImportError> {
        let list = pg_restore
            .run(&[], ["--list".into(), self.dump.clone().into()])
            .await?;
        let list = String::from_utf8_lossy(&list.stdout);
        contents::inside(&list, &self.manifest.schema).map_err(|entry| ImportError::Foreign {
            path: self.dump.clone(),
            schema: self.manifest.schema.clone(),
            entry,
        })
    }

    async fn fill(
        &self,
        session: &Session,
        reservation: &Reservation,
        pg_restore: &Program,
        inside: &str,
    ) -> Result<Tenant, Failure> {
        self.restore(pg_restore, reservation, inside).await?;
        let transaction = lookup::begin(&session.db).await?;
        match self.complete(session, &transaction, reservation).await {
            Ok(tenant) => {
                transaction.commit().await.map_err(Failure::OfCommit)?;
                Ok(tenant)
            }
            Err(error) => {
                // Where this fails, the session is gone, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error.into())
            }
        }
    }

    /// Makes a tenant of what was restored, in a transaction of the session that has the lock, or had it.
    async fn complete(
        &self,
        session: &Session,
        transaction: &DatabaseTransaction,
        reservation: &Reservation,
    ) -> Result<Tenant, ImportError> {
        if !session.has_lock_in(transaction).await? || !reservation.lock(transaction).await? {
            let schema = self.manifest.schema.clone();
            return Err(ImportError::TakenOver { schema });
        }
        let remaining = baseline(transaction, &self.migrations, self.schema_ref(), &[]).await?;
        self.register(transaction, reservation.tenant_id).await?;
        let set = self.schema_ref().set(&self.migrations);
        let version = set.version(|name| remaining.applied.contains(name));
        Ok(self.tenant(reservation.tenant_id, version.map(ToString::to_string)))
    }

    async fn restore(
        &self,
        pg_restore: &Program,
        reservation: &Reservation,
        inside: &str,
    ) -> Result<(), ImportError> {
        let list = List::write(inside)?;
        let mut use_list = OsString::from("--use-list=");
        use_list.push(&list.path);
        let arguments = [
            "--single-transaction".into(),
            "--exit-on-error".into(),
            "--no-owner".into(),
            "--no-privileges".into(),
            "--no-password".into(),
            use_list,
            programs::database_argument(&self.connect).into(),
            self.dump.clone().into(),
        ];
        let mut place = programs::place(&self.connect);
        place.push(("PGAPPNAME", reservation.application_name()));
        let restored: Result<_, ProgramError> = pg_restore.run(&place, arguments).await;
        restored?;
        Ok(())
    }

    /// What the row says of a complete tenant.
    async fn register(&self, db: &DatabaseTransaction, id: i64) -> Result<(), ImportError> {
        for host in &self.manifest.domains {
            domains::insert(db, id, host).await?;
        }
        if let Some(host) = &self.manifest.primary {
            domains::make_primary(db, id, host).await?;
        }
        tenant::Entity::update_many()
            .col_expr(tenant::Column::Status, Expr::value(self.manifest.status.as_str()))
            .col_expr(
                tenant::Column::Metadata,
                Expr::value(self.manifest.metadata.clone()),
            )
            .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
            .filter(tenant::Column::Id.eq(id))
            .exec(db)
            .await?;
        Ok(())
    }

    /// Removes what was made. Where the answer to COMMIT was lost, the tenant may be complete.
    async fn undo(&self, reservation: &Reservation, failure: Failure) -> Result<Tenant, ImportError> {
        let (error, may_be_complete) = match failure {
            Failure::OfCommit(error) => (error.into(), true),
            Failure::Before(error) => (error, false),
        };
        match self.remove(reservation).await {
            Ok(Some(tenant)) if may_be_complete => Ok(tenant),
            Ok(_) => Err(error),
            Err(source) => Err(ImportError::LeftBehind {
                schema: self.manifest.schema.clone(),
                error: Box::new(error),
                source,
            }),
        }
    }

    /// What there is instead of what was to be removed.
    async fn remove(&self, reservation: &Reservation) -> Result<Option<Tenant>, DbErr> {
        if reservation.remove(&self.db).await? {
            return Ok(None);
        }
        let row = tenant::Entity::find_by_id(reservation.tenant_id)
            .one(&self.db)
            .await?;
        let complete = row.filter(|row| row.status == self.manifest.status.as_str());
        Ok(complete.map(|row| self.tenant(row.id, row.version)))
    }

    fn tenant(&self, id: i64, version: Option<String>) -> Tenant {
        let Manifest {
            schema,
            name,
            kind,
            status,
            metadata,
            primary,
            ..
        } = self.manifest.clone();
        Tenant::new(TenantId(id), schema, name)
            .with_status(status)
            .with_version(version)
            .with_kind(kind)
            .with_metadata(metadata)
            .with_domain(primary)
    }
}

/// When it failed.
enum Failure {
    Before(ImportError),
    /// The transaction that completes the tenant was committed or not.
    OfCommit(DbErr),
}

impl<E: Into<ImportError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// A file with what `pg_restore` is to restore, removed with this value.
struct List {
    path: PathBuf,
}

impl List {
    fn write(text: &str) -> Result<Self, ImportError> {
        let path = env::temp_dir().join(format!("tenant-import-{:016x}", fastrand::u64(..)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(|error| failed(&path, error))?;
        let list = Self { path };
        file.write_all(text.as_bytes())
            .map_err(|error| failed(&list.path, error))?;
        Ok(list)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
