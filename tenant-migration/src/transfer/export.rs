//! [`export_tenant`].

use std::{collections::HashSet, fs, path::Path};

use sea_orm::{DatabaseConnection, DbErr};
use tenant_core::{Host, SchemaName, catalog::tenant};

use crate::{
    database::is_without_table,
    define::{Ledger, Migrations},
    lifecycle::{LifecycleError, domains, lookup},
    schema::dirty,
    transfer::{
        DUMP, MANIFEST,
        directory::{Partial, failed},
        error::ExportError,
        manifest::{Manifest, is_whole},
        programs::{self, PgPrograms},
        session::{self, Session},
    },
};

/// Writes a tenant into a new directory: its schema with all rows, by `pg_dump`, and what the catalog has of it.
/// [`import_tenant`](super::import_tenant) makes a tenant of that again.
///
/// The directory has two files. `tenant.json` has the tenant's name, kind, status, metadata and domains, and the names of
/// the migrations that are applied; `schema.dump` is what `pg_dump` writes. Both have the tenant's data in them, so nobody but
/// this user can read the directory. It gets its name when all is written: what a killed export leaves is called
/// `.NAME.partial-...` and can be removed.
///
/// `pg_dump` sees all rows as they are at one moment, and a session of its own holds the tenant's lock meanwhile: the
/// application goes on, its migrations wait. What the catalog has is read right before.
///
/// Rights and owners are not in it, nor is what is not in the schema: rows of shared tables, extensions, publications,
/// large objects.
///
/// # Errors
/// [`ExportError`] if there is no such tenant, it is not complete, the directory is there already, or a program or the
/// database failed. There is no directory then.
///
/// # Example
/// ```no_run
/// # async fn example(
/// #     tenants: tenant_core::Tenants,
/// #     migrations: tenant_migration::Migrations,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
/// use tenant_core::SchemaName;
/// use tenant_migration::{PgPrograms, export_tenant};
///
/// let acme = SchemaName::for_tenant("acme")?;
/// let directory = Path::new("/backup/acme");
/// export_tenant(tenants.shared_connection(), &migrations, &acme, directory, &PgPrograms::default()).await?;
/// # Ok(())
/// # }
/// ```
pub async fn export_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    schema: &SchemaName,
    directory: &Path,
    programs: &PgPrograms,
) -> Result<(), ExportError> {
    let row = lookup::find(db, schema).await?;
    let schema = complete(&row)?;
    let partial = Partial::create(directory)?;
    let options = session::options(db)?;
    let session = Session::lock(options.clone(), &schema).await?;
    let manifest = read(&session, migrations, &schema).await?;
    let pg_dump = programs.pg_dump(manifest.server).await?;
    let dump = partial.file(DUMP);
    let mut file = std::ffi::OsString::from("--file=");
    file.push(&dump);
    let arguments = [
        "--format=custom".into(),
        // A pattern, in which nothing is special between quotes, and no case is changed.
        format!("--schema={}", schema.quoted()).into(),
        "--no-owner".into(),
        "--no-privileges".into(),
        "--no-password".into(),
        file,
    ];
    pg_dump.run(&programs::place(&options), arguments).await?;
    if !session.has_lock().await? {
        return Err(ExportError::LockLost { schema });
    }
    session.db.close().await?;
    let path = partial.file(MANIFEST);
    fs::write(&path, manifest.to_text()).map_err(|source| failed(&path, source))?;
    partial.complete(&[DUMP, MANIFEST])
}

/// The schema of a tenant that is complete.
fn complete(row: &tenant::Model) -> Result<SchemaName, LifecycleError> {
    let schema = SchemaName::new(&row.schema_name);
    let schema = schema.map_err(|error| DbErr::Custom(error.to_string()))?;
    if schema.is_shared() {
        return Err(LifecycleError::PublicTenant { action: "exporting" });
    }
    match lookup::status(row)? {
        status if is_whole(status) => Ok(schema),
        status => Err(LifecycleError::WrongStatus {
            schema,
            status,
            hint: "only tenants that are complete are exported",
        }),
    }
}

/// What is written of a tenant, whose lock the session has.
async fn read(
    session: &Session,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<Manifest, ExportError> {
    // It may have been dropped, or renamed, before it was locked.
    let row = lookup::find(&session.db, schema).await?;
    complete(&row)?;
    let domains = domains::list_domains(&session.db, schema).await?;
    let primary = domains.iter().find(|domain| domain.is_primary);
    let primary = primary.map(|domain| host(&domain.domain)).transpose()?;
    let ledger = migrations.of_kind(&row.kind).ledger_of(schema);
    Ok(Manifest {
        server: session.server_version().await?,
        schema: schema.clone(),
        status: lookup::status(&row)?,
        name: row.name,
        kind: row.kind,
        metadata: row.metadata,
        domains: domains
            .iter()
            .map(|domain| host(&domain.domain))
            .collect::<Result<_, _>>()?,
        primary,
        applied: applied(session, ledger).await?.into_iter().collect(),
    })
}

fn host(domain: &str) -> Result<Host, DbErr> {
    let no_host = |error| {
        DbErr::Custom(format!(
            "the catalog has the domain {domain:?}, which is no host: {error}"
        ))
    };
    Host::parse(domain).map_err(no_host)
}

/// The migrations in a ledger whose last one ended.
async fn applied(session: &Session, ledger: Ledger<'_>) -> Result<HashSet<String>, ExportError> {
    let schema = || ledger.schema.clone();
    let applied = ledger
        .read(&session.db)
        .await
        .map_err(|error| match is_without_table(&error) {
            true => ExportError::NoLedger { schema: schema() },
            false => error.into(),
        })?;
    match dirty::find(&session.db, ledger).await? {
        None => Ok(applied),
        Some(step) => Err(ExportError::Unfinished {
            schema: schema(),
            step: step.to_string(),
        }),
    }
}
