//! [`import_tenant`].

use std::{
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, sea_query::Expr,
    sqlx::postgres::PgConnectOptions,
};
use tenant_core::{
    __private::{ShutDown, detached},
    Domain, Tenant, TenantId, TenantStatus,
    catalog::{domain, tenant},
};

use crate::{
    define::{Migrations, SchemaRef},
    lifecycle::{
        LifecycleError, NameClaim, NameError, NewTenant, Reservation, baseline, catalog_insert, domains,
        lookup, name_availability, require_known,
    },
    plan::SchemaError,
    transfer::{
        DUMP, MANIFEST,
        error::TransferError,
        manifest::{FORMAT, Manifest, ParseError},
        programs::{self, PgPrograms, Program},
        replace::Replaced,
        session::{self, Session},
        table_of_contents,
    },
};

/// Options of [`import_tenant`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until a tenant is imported with them"]
pub struct ImportOptions {
    programs: PgPrograms,
    reuses_name: bool,
}

impl ImportOptions {
    /// Sets the directory of PostgreSQL's programs. Default: they are searched ([`PgPrograms`]).
    pub fn programs(mut self, programs: PgPrograms) -> Self {
        self.programs = programs;
        self
    }

    /// Allows the name of a dropped tenant's schema, such as this tenant's own. Work that still runs for the dropped tenant,
    /// such as a job with the schema's name, then reaches the rows of the imported tenant. It must have been dropped
    /// [`NAME_REUSE_AGE`](crate::NAME_REUSE_AGE) ago, 90 s.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }
}

/// Creates a tenant from a directory of [`export_tenant`](super::export_tenant), in this or another database. The tenant gets
/// its schema with all rows, its name, kind, status, metadata and domains, and a new id.
///
/// **The files must be trusted.** The SQL of `schema.dump` runs as the user of this connection, with all rights of that user in
/// every schema. The import refuses a dump whose table of contents (`pg_restore --list`) has an object outside of the tenant's
/// schema. This check finds a wrong file, but not a malicious one.
///
/// 1. The files are checked. Nothing is changed before that.
/// 2. A transaction inserts the row with the status `provisioning` and creates an empty schema. The tenant is neither served
///    nor migrated in this status.
/// 3. `pg_restore` fills the schema in one transaction. Objects of other schemas that the tenant's foreign keys, types and
///    functions need must exist. A foreign key into the shared schema blocks writes to the table that it refers to until the
///    transaction ends.
/// 4. Another transaction sets the `search_path` of functions, creates the tenant's role, and writes the version, the domains
///    and the status to the catalog. [`Executor`](crate::Executor) runs pending migrations.
///
/// A session of its own holds the tenant's lock during the import. If the import fails, it removes what it created. If it is
/// killed, another import of the tenant does so and starts over, or drop the tenant. The row's metadata has a mark of the import
/// with the `oid` of the created schema. Rows without this mark and schemas with another `oid` are never touched. A killed
/// import may leave a file `tenant-import-...` with the names of the dump's objects in the directory for temporary files.
///
/// The server may be newer than the export's server. An older server may not understand the dump.
///
/// If this future is dropped, the import goes on in the background.
///
/// # Errors
/// [`TransferError`] if the files are not an export, the schema's name or a domain is taken, the name is retired, the ledger has
/// migrations that this program does not have, or a program or a query failed.
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
) -> Result<Tenant, TransferError> {
    let import = Import::open(db, migrations, directory, options)?;
    let schema = import.manifest.schema.clone();
    let imported = detached(import.run()).await;
    imported.unwrap_or_else(|ShutDown| Err(LifecycleError::of(&schema, SchemaError::Interrupted).into()))
}

fn read_manifest(path: &Path) -> Result<Manifest, TransferError> {
    let text = fs::read_to_string(path).map_err(|error| TransferError::file(path, error))?;
    Manifest::parse(&text).map_err(|error| match error {
        ParseError::UnknownFormat(found) => TransferError::UnknownFormat {
            path: path.to_owned(),
            found,
            known: FORMAT,
        },
        ParseError::Invalid(problem) => TransferError::Manifest {
            path: path.to_owned(),
            problem,
        },
    })
}

pub(super) struct Import {
    db: DatabaseConnection,
    connect_options: PgConnectOptions,
    migrations: Migrations,
    options: ImportOptions,
    pub(super) manifest: Manifest,
    dump: PathBuf,
    /// The tenant that gets the imported schema, if there is one already.
    replaced: Option<Replaced>,
}

impl Import {
    /// Reads the files of an export.
    pub(super) fn open(
        db: &DatabaseConnection,
        migrations: &Migrations,
        directory: &Path,
        options: &ImportOptions,
    ) -> Result<Self, TransferError> {
        let manifest = read_manifest(&directory.join(MANIFEST))?;
        // A path that begins with a dash would be read as an option.
        let dump = directory.join(DUMP);
        let dump = fs::canonicalize(&dump).map_err(|error| TransferError::file(&dump, error))?;
        Ok(Self {
            connect_options: session::connect_options(db)?,
            db: db.clone(),
            migrations: migrations.clone(),
            options: options.clone(),
            manifest,
            dump,
            replaced: None,
        })
    }

    /// Gives the imported schema to a tenant that was moved aside, and the old one to the imported row.
    pub(super) fn replacing(self, replaced: &Replaced) -> Self {
        Self {
            manifest: replaced.archived(&self.manifest),
            // The name may have been another tenant's before it was this one's.
            options: self.options.reuse_name(),
            replaced: Some(replaced.clone()),
            ..self
        }
    }

    /// Checks the files without changing anything.
    pub(super) async fn check(&self) -> Result<(), TransferError> {
        self.require_known()?;
        let session = Session::connect(self.connect_options.clone(), &self.manifest.schema).await?;
        let server = session.server_version().await?;
        let programs = &self.options.programs;
        let pg_restore = programs.pg_restore(self.manifest.server, server).await?;
        self.use_list(&pg_restore).await?;
        session.db.close().await?;
        Ok(())
    }

    pub(super) async fn run(self) -> Result<Tenant, TransferError> {
        self.require_known()?;
        let session = Session::lock(self.connect_options.clone(), &self.manifest.schema).await?;
        let server = session.server_version().await?;
        let programs = &self.options.programs;
        let pg_restore = programs.pg_restore(self.manifest.server, server).await?;
        let use_list = self.use_list(&pg_restore).await?;
        if let Some(interrupted) = Reservation::find(&session.db, &self.manifest.schema).await? {
            tracing::warn!(schema = %self.manifest.schema, "removing an interrupted import");
            let removed = interrupted.remove(&session.db).await;
            removed.map_err(|error| LifecycleError::of(&self.manifest.schema, error))?;
        }
        let reservation = self.reserve(&session.db).await?;
        let filled = self.fill(&session, &reservation, &pg_restore, &use_list).await;
        let imported = match filled {
            Ok(tenant) => Ok(tenant),
            Err(failure) => self.undo(&reservation, failure).await,
        };
        // If closing fails, the session is lost, and the lock with it.
        let _ = session.db.close().await;
        imported
    }

    fn require_known(&self) -> Result<(), LifecycleError> {
        let known = self.manifest.applied.iter().map(String::as_str);
        let checked = require_known(&self.migrations, self.schema_ref(), known);
        checked.map_err(|error| LifecycleError::of(&self.manifest.schema, error))
    }

    /// Creates the row and the schema.
    async fn reserve(&self, db: &DatabaseConnection) -> Result<Reservation, LifecycleError> {
        let (manifest, schema) = (&self.manifest, &self.manifest.schema);
        let transaction = lookup::begin(db).await?;
        let new = NewTenant::new(schema.clone(), &manifest.name).kind(&manifest.kind);
        let row = catalog_insert::insert_tenant(&transaction, &new, TenantStatus::Provisioning).await?;
        let claim = NameClaim {
            tenant_id: self.replaced.as_ref().map(|replaced| replaced.tenant_id),
            reuses_name: self.options.reuses_name,
            ..NameClaim::default()
        };
        name_availability::require_available(&transaction, &self.migrations, schema, claim).await?;
        require_free(&transaction, manifest).await?;
        let reservation = Reservation::create(&transaction, row.id, schema).await?;
        if let Err(error) = transaction.commit().await {
            // The transaction may have been committed in spite of the error.
            let removed = reservation.remove(db).await;
            removed.map_err(|error| LifecycleError::of(schema, error))?;
            return Err(error.into());
        }
        Ok(reservation)
    }

    fn schema_ref(&self) -> SchemaRef<'_> {
        SchemaRef {
            schema: &self.manifest.schema,
            kind: Some(&self.manifest.kind),
        }
    }

    /// Returns the objects to restore, for `pg_restore --use-list`.
    async fn use_list(&self, pg_restore: &Program) -> Result<String, TransferError> {
        let list = pg_restore
            .run(&[], ["--list".into(), self.dump.clone().into()])
            .await?;
        let list = String::from_utf8_lossy(&list.stdout);
        table_of_contents::restorable_lines(&list, &self.manifest.schema).map_err(|entry| {
            TransferError::Foreign {
                path: self.dump.clone(),
                schema: self.manifest.schema.clone(),
                entry,
            }
        })
    }

    async fn fill(
        &self,
        session: &Session,
        reservation: &Reservation,
        pg_restore: &Program,
        use_list: &str,
    ) -> Result<Tenant, Failure> {
        self.restore(pg_restore, reservation, use_list).await?;
        let transaction = lookup::begin(&session.db).await?;
        match self.complete(session, &transaction, reservation).await {
            Ok(tenant) => {
                transaction.commit().await.map_err(Failure::Commit)?;
                Ok(tenant)
            }
            Err(error) => {
                // If the rollback fails, the session is lost, and the transaction with it.
                let _ = transaction.rollback().await;
                Err(error.into())
            }
        }
    }

    /// Makes a tenant of the restored schema, in a transaction of the lock's session. It checks that the session still has the
    /// lock.
    async fn complete(
        &self,
        session: &Session,
        transaction: &DatabaseTransaction,
        reservation: &Reservation,
    ) -> Result<Tenant, TransferError> {
        if !session.has_lock_in(transaction).await? || !reservation.lock(transaction).await? {
            let schema = self.manifest.schema.clone();
            return Err(TransferError::TakenOver { schema });
        }
        let remaining = baseline(transaction, &self.migrations, self.schema_ref(), &[]).await?;
        self.update_catalog(transaction, reservation.tenant_id).await?;
        let set = self.schema_ref().set(&self.migrations);
        let version = set.version(|name| remaining.applied.contains(name));
        let version = version.map(ToString::to_string);
        if let Some(replaced) = &self.replaced {
            let id = reservation.tenant_id;
            replaced
                .swap(transaction, id, &self.manifest, version.as_deref())
                .await?;
        }
        Ok(self.tenant(reservation.tenant_id, version))
    }

    async fn restore(
        &self,
        pg_restore: &Program,
        reservation: &Reservation,
        use_list: &str,
    ) -> Result<(), TransferError> {
        let file = UseListFile::write(use_list)?;
        let mut use_list = OsString::from("--use-list=");
        use_list.push(&file.path);
        let arguments = [
            "--single-transaction".into(),
            "--exit-on-error".into(),
            "--no-owner".into(),
            "--no-privileges".into(),
            "--no-password".into(),
            use_list,
            programs::database_argument(&self.connect_options).into(),
            self.dump.clone().into(),
        ];
        let mut environment = programs::environment(&self.connect_options);
        environment.push(("PGAPPNAME", reservation.application_name()));
        pg_restore.run(&environment, arguments).await?;
        Ok(())
    }

    /// Inserts the domains, and updates the row for a complete tenant.
    async fn update_catalog(&self, db: &DatabaseTransaction, id: i64) -> Result<(), TransferError> {
        for domain in &self.manifest.domains {
            domains::insert(db, id, domain).await?;
        }
        if let Some(host) = &self.manifest.primary {
            domains::make_primary(db, id, host.as_str()).await?;
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

    /// Removes what the import created, and returns the error. If the response to COMMIT was lost, the tenant may be complete: it
    /// is kept and returned.
    async fn undo(&self, reservation: &Reservation, failure: Failure) -> Result<Tenant, TransferError> {
        let (error, may_be_complete) = match failure {
            Failure::Commit(error) => (error.into(), true),
            Failure::BeforeCommit(error) => (error, false),
        };
        match self.remove(reservation).await {
            Ok(Some(tenant)) if may_be_complete => Ok(tenant),
            Ok(_) => Err(error),
            Err(source) => Err(TransferError::LeftBehind {
                schema: self.manifest.schema.clone(),
                error: Box::new(error),
                source,
            }),
        }
    }

    /// Removes what the import created. Returns the tenant instead if it is complete.
    async fn remove(&self, reservation: &Reservation) -> Result<Option<Tenant>, SchemaError> {
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

/// Refuses domains of other tenants before anything is created. Another tenant may still take a domain later, which the unique
/// key then refuses.
async fn require_free(db: &DatabaseTransaction, manifest: &Manifest) -> Result<(), LifecycleError> {
    let hosts = manifest.domains.iter().map(Domain::as_str);
    let taken = domain::Entity::find()
        .filter(domain::Column::Domain.is_in(hosts))
        .one(db)
        .await?;
    let Some(taken) = taken else {
        return Ok(());
    };
    let mut hosts = manifest.domains.iter();
    match hosts.find(|host| host.as_str() == taken.domain) {
        Some(domain) => {
            let domain = domain.clone();
            Err(NameError::DomainTaken { domain }.into())
        }
        None => Ok(()),
    }
}

/// Failure of an import after its reservation.
enum Failure {
    BeforeCommit(TransferError),
    /// The transaction that completes the tenant may have been committed.
    Commit(DbErr),
}

impl<E: Into<TransferError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::BeforeCommit(error.into())
    }
}

/// File for `pg_restore --use-list`. Dropping this value removes it.
struct UseListFile {
    path: PathBuf,
}

impl UseListFile {
    fn write(text: &str) -> Result<Self, TransferError> {
        let path = env::temp_dir().join(format!("tenant-import-{:016x}", fastrand::u64(..)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options
            .open(&path)
            .map_err(|error| TransferError::file(&path, error))?;
        let list_file = Self { path };
        file.write_all(text.as_bytes())
            .map_err(|error| TransferError::file(&list_file.path, error))?;
        Ok(list_file)
    }
}

impl Drop for UseListFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
