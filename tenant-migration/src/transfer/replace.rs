//! [`replace_tenant`]: restores an export over a tenant that exists.

use std::{path::Path, time::Duration};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, sea_query::Expr,
};
use tenant_core::{
    __private::{ShutDown, detached},
    DEFAULT_HOST_CACHE_TTL, SchemaName, Tenant, TenantStatus,
    catalog::{CatalogError, SeaOrmStore, TenantStore as _, dropped_tenant, tenant},
};

use crate::{
    define::{LookupError, Migrations, is_called},
    lifecycle::{LifecycleError, RenameOptions, Reservation, lookup, rename_schema, time_since_change},
    plan::SchemaError,
    schema::dependents,
    transfer::{
        error::TransferError,
        import::{Import, ImportOptions},
        manifest::Manifest,
    },
};

/// Restores an export over the tenant that has its schema. The present schema with its rows is kept under the name `aside`, as
/// an archived tenant of its own: drop that tenant when it is no longer needed.
///
/// The tenant keeps its id, name, metadata, status and domains. It gets the rows, the kind and the version of the export. It
/// must be out of service, as for [`rename_schema`].
///
/// 1. The files are checked. Nothing is changed before that.
/// 2. The tenant's schema is renamed to `aside`.
/// 3. The export is imported with its own schema, as by [`import_tenant`](super::import_tenant).
/// 4. The transaction that completes the import gives the tenant the imported schema, and the renamed one to the archived
///    tenant.
///
/// If the import fails, the schema gets its name back. If it is killed, the tenant has the schema `aside`: call it again with
/// the same name, and it goes on, or rename the schema back.
///
/// **The files must be trusted**, as for [`import_tenant`](super::import_tenant). Stop jobs for the tenant before: a job that
/// looks the tenant up between the steps 2 and 4 works on the old rows.
///
/// # Errors
/// [`TransferError`] if there is no such tenant, it is in service or in use, `aside` is not available, objects outside of its
/// schema depend on it, or the import failed. Nothing is changed then, unless it is [`TransferError::Aside`].
///
/// # Example
/// ```no_run
/// # async fn example(
/// #     tenants: tenant_core::Tenants,
/// #     migrations: tenant_migration::Migrations,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
/// use tenant_core::SchemaName;
/// use tenant_migration::{ImportOptions, replace_tenant, resume_tenant, suspend_tenant};
///
/// let (acme, aside) = (SchemaName::new("acme")?, SchemaName::for_tenant("acme_old")?);
/// let db = tenants.shared_connection();
/// suspend_tenant(db, &acme).await?;
/// let options = ImportOptions::default();
/// replace_tenant(db, &migrations, Path::new("/backup/acme"), &aside, &options).await?;
/// resume_tenant(db, &migrations, &acme).await?;
/// # Ok(())
/// # }
/// ```
pub async fn replace_tenant(
    db: &DatabaseConnection,
    migrations: &Migrations,
    directory: &Path,
    aside: &SchemaName,
    options: &ImportOptions,
) -> Result<Tenant, TransferError> {
    let import = Import::open(db, migrations, directory, options)?;
    let replacement = Replacement {
        db: db.clone(),
        migrations: migrations.clone(),
        aside: aside.clone(),
        import,
    };
    let schema = replacement.import.manifest.schema.clone();
    let replaced = detached(replacement.run()).await;
    replaced.unwrap_or_else(|ShutDown| Err(LifecycleError::of(&schema, SchemaError::Interrupted).into()))
}

struct Replacement {
    db: DatabaseConnection,
    migrations: Migrations,
    aside: SchemaName,
    import: Import,
}

impl Replacement {
    async fn run(self) -> Result<Tenant, TransferError> {
        let schema = self.import.manifest.schema.clone();
        self.import.check().await?;
        let replaced = self.move_aside(&schema).await?;
        match self.import.replacing(&replaced).run().await {
            Ok(_) => {
                let tenant = SeaOrmStore::new(self.db).by_schema(&schema).await;
                let missing = || LifecycleError::from(LookupError::NoSuchTenant { schema });
                Ok(tenant.map_err(catalog_error)?.ok_or_else(missing)?)
            }
            Err(error) => {
                // The tenant has been out of service for long enough: the first renaming checked that.
                let options = RenameOptions::default().settle(Duration::ZERO).reuse_name();
                let back = rename_schema(&self.db, &self.migrations, &self.aside, &schema, &options).await;
                match back {
                    Ok(_) => Err(error),
                    Err(source) => Err(TransferError::Aside {
                        schema,
                        aside: self.aside,
                        error: Box::new(error),
                        source: Box::new(source),
                    }),
                }
            }
        }
    }

    /// Renames the schema of the tenant, unless an interrupted replacement did.
    async fn move_aside(&self, schema: &SchemaName) -> Result<Replaced, TransferError> {
        let row = match self.find(schema).await? {
            Some(row) => row,
            None => return self.find_moved(schema).await,
        };
        self.require_no_dependents(schema).await?;
        rename_schema(
            &self.db,
            &self.migrations,
            schema,
            &self.aside,
            &RenameOptions::default(),
        )
        .await?;
        Ok(self.replaced(row))
    }

    /// Refuses a schema that objects outside of it depend on: they would go with the old rows.
    async fn require_no_dependents(&self, schema: &SchemaName) -> Result<(), TransferError> {
        let transaction = lookup::begin(&self.db).await?;
        let required = dependents::require_none(&transaction, schema).await;
        transaction.rollback().await?;
        required.map_err(|error| match error {
            SchemaError::Needed { by } => TransferError::Needed {
                schema: schema.clone(),
                by,
            },
            error => LifecycleError::of(schema, error).into(),
        })
    }

    /// Returns the row of a tenant. The rest of an interrupted import is no tenant.
    async fn find(&self, schema: &SchemaName) -> Result<Option<tenant::Model>, TransferError> {
        match lookup::find(&self.db, schema).await {
            Ok(row) if Reservation::from_row(&row).is_some() => Ok(None),
            Ok(row) => Ok(Some(row)),
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the tenant that an interrupted replacement has moved aside: it has the name `aside`, and had the other one.
    async fn find_moved(&self, schema: &SchemaName) -> Result<Replaced, TransferError> {
        let missing = || {
            LifecycleError::from(LookupError::NoSuchTenant {
                schema: schema.clone(),
            })
        };
        let row = self.find(&self.aside).await?.ok_or_else(missing)?;
        let moved = dropped_tenant::Entity::find()
            .filter(is_called(dropped_tenant::Column::SchemaName, schema))
            .filter(dropped_tenant::Column::TenantId.eq(row.id))
            .filter(dropped_tenant::Column::RenamedTo.eq(row.schema_name.as_str()))
            .one(&self.db)
            .await?;
        moved.ok_or_else(missing)?;
        self.wait_until_settled(&row).await?;
        Ok(self.replaced(row))
    }

    /// Requires that the tenant is out of service, and waits until no other process serves it, as renaming does.
    async fn wait_until_settled(&self, row: &tenant::Model) -> Result<(), TransferError> {
        let status = lookup::status(row)?;
        if !is_out_of_service(status) {
            let error = LifecycleError::WrongStatus {
                schema: self.aside.clone(),
                status,
                hint: "it is replaced only while nobody uses it: suspend or archive it first, or set it in maintenance",
            };
            return Err(error.into());
        }
        let transaction = lookup::begin(&self.db).await?;
        let out_of_service = time_since_change(&transaction, row.id).await?;
        transaction.rollback().await?;
        tokio::time::sleep(DEFAULT_HOST_CACHE_TTL.saturating_sub(out_of_service)).await;
        Ok(())
    }

    fn replaced(&self, row: tenant::Model) -> Replaced {
        Replaced {
            tenant_id: row.id,
            name: row.name,
            aside: self.aside.clone(),
        }
    }
}

fn is_out_of_service(status: TenantStatus) -> bool {
    use TenantStatus::{Archived, Maintenance, Suspended};
    matches!(status, Suspended | Maintenance | Archived)
}

fn catalog_error(error: CatalogError) -> DbErr {
    match error {
        CatalogError::Database(error) => error,
        error => DbErr::Custom(error.to_string()),
    }
}

/// A tenant that an import replaces. Its schema has the name `aside`.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    pub(super) tenant_id: i64,
    name: String,
    aside: SchemaName,
}

impl Replaced {
    /// Returns the manifest of the archived tenant that gets the old schema. It has no domains, so it is never served.
    pub(super) fn archived(&self, manifest: &Manifest) -> Manifest {
        Manifest {
            name: self.name.clone(),
            status: TenantStatus::Archived,
            metadata: serde_json::json!({}),
            domains: Vec::new(),
            primary: None,
            ..manifest.clone()
        }
    }

    /// Swaps the schemas of the two rows: the tenant gets the imported schema, and the imported row the one that was moved
    /// aside.
    ///
    /// # Errors
    /// [`TransferError::TakenOver`] if the tenant is in service again, or its schema has another name.
    pub(super) async fn swap(
        &self,
        db: &DatabaseTransaction,
        imported_id: i64,
        imported: &Manifest,
        version: Option<&str>,
    ) -> Result<(), TransferError> {
        let row = tenant::Entity::find_by_id(self.tenant_id)
            .lock_exclusive()
            .one(db)
            .await?;
        let taken_over = || TransferError::TakenOver {
            schema: self.aside.clone(),
        };
        let row = row
            .filter(|row| row.schema_name == self.aside.as_str())
            .ok_or_else(taken_over)?;
        if !is_out_of_service(lookup::status(&row)?) {
            return Err(taken_over());
        }
        let unused = format!("replaced-{imported_id}-{:016x}", fastrand::u64(..));
        set_schema(db, imported_id, &unused, &row.kind, row.version.as_deref()).await?;
        let schema = imported.schema.as_str();
        set_schema(db, row.id, schema, &imported.kind, version).await?;
        set_schema(
            db,
            imported_id,
            self.aside.as_str(),
            &row.kind,
            row.version.as_deref(),
        )
        .await?;
        // The tenant has its old name again, so it is no longer retired.
        dropped_tenant::Entity::delete_many()
            .filter(is_called(dropped_tenant::Column::SchemaName, &imported.schema))
            .filter(dropped_tenant::Column::TenantId.eq(row.id))
            .exec(db)
            .await?;
        Ok(())
    }
}

async fn set_schema(
    db: &impl ConnectionTrait,
    id: i64,
    schema: &str,
    kind: &str,
    version: Option<&str>,
) -> Result<(), DbErr> {
    tenant::Entity::update_many()
        .col_expr(tenant::Column::SchemaName, Expr::value(schema))
        .col_expr(tenant::Column::Kind, Expr::value(kind))
        .col_expr(tenant::Column::Version, Expr::value(version))
        .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
        .filter(tenant::Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}
