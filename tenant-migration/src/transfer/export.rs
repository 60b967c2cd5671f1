//! [`export_tenant`].

use std::{collections::HashSet, fs, path::Path, str::FromStr};

use sea_orm::{DatabaseConnection, DbErr};
use tenant_core::{HostError, SHARED_SCHEMA, SchemaName, catalog::tenant};

use crate::{
    database::is_without_table,
    define::{Ledger, Migrations, schema_of},
    lifecycle::{LifecycleError, domains, lookup},
    plan::SchemaError,
    schema::dirty,
    transfer::{
        DUMP, MANIFEST,
        directory::PartialDirectory,
        error::TransferError,
        manifest::{Manifest, is_complete},
        programs::{self, PgPrograms},
        session::{self, Session},
    },
};

/// Writes a tenant into a new directory: its schema with all rows, by `pg_dump`, and its data of the catalog.
/// [`import_tenant`](super::import_tenant) creates a tenant from it.
///
/// The directory has two files. `tenant.json` has the tenant's name, kind, status, metadata, domains and applied migrations.
/// `schema.dump` is the dump of `pg_dump`. Both contain the tenant's data, so only this user can read the directory. It gets
/// its name when it is complete. A killed export leaves a directory `.NAME.partial-...`, which can be removed.
///
/// `pg_dump` reads all rows in one snapshot, and a session of its own holds the tenant's lock: the application goes on, and
/// migrations wait. The catalog is read right before.
///
/// The export has no rights and owners, and nothing outside of the schema, such as rows of shared tables, extensions,
/// publications and large objects.
///
/// # Errors
/// [`TransferError`] if there is no such tenant, it is not complete, the directory exists and is not empty, or a program or a
/// query failed. No directory is written then.
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
) -> Result<(), TransferError> {
    let row = lookup::find(db, schema).await?;
    let schema = require_complete(&row)?;
    let partial = PartialDirectory::create(directory)?;
    let options = session::connect_options(db)?;
    let session = Session::lock(options.clone(), &schema).await?;
    let manifest = read_manifest(&session, migrations, &schema).await?;
    let pg_dump = programs.pg_dump(manifest.server).await?;
    let dump = partial.file(DUMP);
    let mut file = std::ffi::OsString::from("--file=");
    file.push(&dump);
    let arguments = [
        "--format=custom".into(),
        // The option is a pattern. Quotes turn off its special characters and the folding to lower case.
        format!("--schema={}", schema.quoted()).into(),
        "--no-owner".into(),
        "--no-privileges".into(),
        "--no-password".into(),
        file,
    ];
    pg_dump.run(&programs::environment(&options), arguments).await?;
    if !session.has_lock_in(&session.db).await? {
        return Err(TransferError::LockLost { schema });
    }
    session.db.close().await?;
    let path = partial.file(MANIFEST);
    fs::write(&path, manifest.to_text()).map_err(|source| TransferError::file(&path, source))?;
    partial.complete(&[DUMP, MANIFEST])
}

/// Returns the schema of a tenant, or an error if the tenant is not complete.
fn require_complete(row: &tenant::Model) -> Result<SchemaName, LifecycleError> {
    if row.schema_name == SHARED_SCHEMA {
        return Err(LifecycleError::PublicTenant { action: "exporting" });
    }
    let schema = schema_of(&row.schema_name)?;
    match lookup::status(row)? {
        status if is_complete(status) => Ok(schema),
        status => Err(LifecycleError::WrongStatus {
            schema,
            status,
            hint: "only a complete tenant can be exported",
        }),
    }
}

/// Reads the manifest of a tenant whose lock the session has.
async fn read_manifest(
    session: &Session,
    migrations: &Migrations,
    schema: &SchemaName,
) -> Result<Manifest, TransferError> {
    // The tenant may have been dropped or renamed before the session had the lock.
    let row = lookup::find(&session.db, schema).await?;
    require_complete(&row)?;
    let domains = domains::list_domains(&session.db, schema).await?;
    let primary = domains.iter().find(|domain| domain.is_primary);
    let primary = primary.map(|domain| parse(&domain.domain)).transpose()?;
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
            .map(|domain| parse(&domain.domain))
            .collect::<Result<_, _>>()?,
        primary,
        applied: applied(session, ledger).await?.into_iter().collect(),
    })
}

/// Parses a domain of the catalog: a host, or also a wildcard.
fn parse<T: FromStr<Err = HostError>>(domain: &str) -> Result<T, DbErr> {
    let invalid = |error| {
        DbErr::Custom(format!(
            "the catalog has the domain {domain:?}, which is invalid: {error}"
        ))
    };
    domain.parse().map_err(invalid)
}

/// Returns the migrations in a ledger, or an error if one of them was begun and did not end.
async fn applied(session: &Session, ledger: Ledger<'_>) -> Result<HashSet<String>, LifecycleError> {
    let applied = ledger
        .read(&session.db)
        .await
        .map_err(|error| match is_without_table(&error) {
            true => LifecycleError::of(ledger.schema, SchemaError::NoLedger),
            false => error.into(),
        })?;
    match dirty::find(&session.db, ledger).await? {
        None => Ok(applied),
        Some(step) => Err(LifecycleError::of(
            ledger.schema,
            SchemaError::Unfinished { step },
        )),
    }
}
