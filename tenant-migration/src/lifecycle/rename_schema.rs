//! [`rename_schema`], for a tenant that is out of service.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    sea_query::Expr,
};
use tenant_core::{
    DEFAULT_HOST_CACHE_TTL, SchemaName, TenantStatus,
    catalog::{dropped_tenant, tenant},
};

use crate::{
    database::{broken_key, rows, sqlstate, texts},
    define::{Migrations, is_called, schema_of},
    lifecycle::{
        catalog_insert::not_written,
        drop::time_since_change,
        error::{LifecycleError, run_detached},
        lookup,
        name_availability::{self, NameClaim, NameError, retire},
    },
    plan::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT, SchemaError},
    run::retry,
    schema::{lock, mentions_of, roles},
};

/// Options of [`rename_schema`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until a schema is renamed with them"]
pub struct RenameOptions {
    settle: Duration,
    reuses_name: bool,
}

impl Default for RenameOptions {
    fn default() -> Self {
        Self {
            settle: DEFAULT_HOST_CACHE_TTL,
            reuses_name: false,
        }
    }
}

impl RenameOptions {
    /// Sets the time that the tenant must have been out of service. Default: [`DEFAULT_HOST_CACHE_TTL`].
    ///
    /// For this time other processes may cache its host as that of a tenant in service. [`rename_schema`] waits for the
    /// remaining time. If an application caches hosts for longer, set that time here.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
        self
    }

    /// Allows the name of a dropped tenant's schema. Work that still runs for the dropped tenant then reaches the rows of
    /// this one. It must have been dropped [`NAME_REUSE_AGE`](crate::NAME_REUSE_AGE) ago, 90 s.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }
}

/// Result of [`rename_schema`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaRenamed {
    /// Number of functions whose `search_path` now has the new name.
    pub functions: usize,
    /// Objects that seem to have the old name in a text, which PostgreSQL does not change: functions of all schemas, whose bodies
    /// name the schema; in the renamed schema also triggers, defaults, checks, views, comments and the like, and tables with such
    /// rows. A function or a trigger with the old name fails when it is called. A text may have the name for another reason.
    pub outdated: Vec<String>,
}

/// Renames the schema of a tenant. The tenant keeps its id, its name for people and its domains
/// ([`update_tenant`](super::update_tenant) changes the name for people).
///
/// The tenant must be out of service: suspended, in maintenance or archived. It must have been so for as long as other
/// processes cache its host. No other session may have a lock on one of its tables. A job that began earlier and uses the old
/// name again fails. So the old name is retired, as a dropped tenant's is: no other tenant gets it, and only this tenant may
/// have it again.
///
/// Functions of the schema get the new name in their `search_path`, and the tenant's role gets a new name, too. All changes are
/// one transaction.
///
/// Texts with the old name are not changed, such as bodies of functions, arguments of triggers, literals in views, and rows.
/// [`SchemaRenamed::outdated`] has those that were found: all rows of the tenant are read. Not searched are settings of users
/// and of the database, compressed and encoded values, and anything outside of the database.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is in service or in use, or the new name is not available. Nothing is
/// changed then.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants, migrations: tenant_migration::Migrations)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::SchemaName;
/// use tenant_migration::{RenameOptions, rename_schema, resume_tenant, suspend_tenant};
///
/// let (old, new) = (SchemaName::for_tenant("acme")?, SchemaName::for_tenant("acme_inc")?);
/// let db = tenants.shared_connection();
/// suspend_tenant(db, &old).await?;
/// rename_schema(db, &migrations, &old, &new, &RenameOptions::default()).await?;
/// resume_tenant(db, &migrations, &new).await?;
/// # Ok(())
/// # }
/// ```
pub async fn rename_schema(
    db: &DatabaseConnection,
    migrations: &Migrations,
    old: &SchemaName,
    new: &SchemaName,
    options: &RenameOptions,
) -> Result<SchemaRenamed, LifecycleError> {
    if new.is_shared() {
        return Err(NameError::SchemaTaken { schema: new.clone() }.into());
    }
    let renaming = Renaming {
        db: db.clone(),
        migrations: migrations.clone(),
        old: old.clone(),
        new: new.clone(),
        options: options.clone(),
    };
    run_detached(old, Box::pin(renaming.run())).await
}

struct Renaming {
    db: DatabaseConnection,
    migrations: Migrations,
    old: SchemaName,
    new: SchemaName,
    options: RenameOptions,
}

impl Renaming {
    async fn run(self) -> Result<SchemaRenamed, LifecycleError> {
        match self.rename_with_retry().await {
            Err(LifecycleError::NotSettled { wait, .. }) => {
                tokio::time::sleep(wait).await;
                self.rename_with_retry().await
            }
            renamed => renamed,
        }
    }

    async fn rename_with_retry(&self) -> Result<SchemaRenamed, LifecycleError> {
        retry::with_retry(&self.old, DEFAULT_ATTEMPTS, || self.rename()).await
    }

    async fn rename(&self) -> Result<SchemaRenamed, LifecycleError> {
        let transaction = lock::begin_all_locked(&self.db, [&self.old, &self.new]).await?;
        lookup::set_lock_timeout(&transaction, DEFAULT_LOCK_TIMEOUT).await?;
        let row = lookup::lock_own_schema(&transaction, &self.old, "renaming its schema").await?;
        // The catalog has the name in PostgreSQL's case. The caller's may differ.
        let old = schema_of(&row.schema_name)?;
        if old.as_str() == self.new.as_str() {
            return Ok(SchemaRenamed::default());
        }
        self.require_offline(&transaction, &row).await?;
        self.require_free(&transaction, &old, row.id).await?;
        self.change_name(&transaction, &old, row.id).await?;
        self.retire_name(&transaction, &old, &row).await?;
        let functions = replace_function_search_paths(&transaction, &old, &self.new).await?;
        self.rename_role(&transaction, &old).await?;
        let outdated = self.find_outdated(&transaction, &old, &row.kind).await?;
        self.require_unused(&transaction).await?;
        transaction.commit().await?;
        Ok(SchemaRenamed { functions, outdated })
    }

    async fn find_outdated(
        &self,
        db: &DatabaseTransaction,
        old: &SchemaName,
        kind: &str,
    ) -> Result<Vec<String>, DbErr> {
        let values = [old.as_str().into(), self.new.as_str().into()];
        let elsewhere = texts(db, FUNCTIONS_NAMING_SCHEMA, values).await?;
        let ledger = self.migrations.of_kind(kind).ledger();
        let own = mentions_of(db, &self.migrations, &self.new, old, ledger).await?;
        Ok(own.into_iter().chain(elsewhere).collect())
    }

    /// Refuses a tenant that is in service, or has been out of service for less than the required time.
    async fn require_offline(
        &self,
        db: &DatabaseTransaction,
        row: &tenant::Model,
    ) -> Result<(), LifecycleError> {
        use TenantStatus::{Archived, Maintenance, Suspended};
        let (schema, status) = (self.old.clone(), lookup::status(row)?);
        if !matches!(status, Suspended | Maintenance | Archived) {
            return Err(LifecycleError::WrongStatus {
                schema,
                status,
                hint: "its schema is renamed only while nobody uses it: suspend or archive it first, or set it in maintenance",
            });
        }
        let out_of_service = time_since_change(db, row.id).await?;
        match self.options.settle.saturating_sub(out_of_service) {
            Duration::ZERO => Ok(()),
            wait => Err(LifecycleError::NotSettled { schema, wait }),
        }
    }

    async fn require_free(
        &self,
        db: &DatabaseTransaction,
        old: &SchemaName,
        tenant_id: i64,
    ) -> Result<(), LifecycleError> {
        let claim = NameClaim {
            schema: Some(old),
            tenant_id: Some(tenant_id),
            reuses_name: self.options.reuses_name,
        };
        name_availability::require_available(db, &self.migrations, &self.new, claim).await
    }

    async fn change_name(
        &self,
        db: &DatabaseTransaction,
        old: &SchemaName,
        tenant_id: i64,
    ) -> Result<(), LifecycleError> {
        let update = tenant::Entity::update_many()
            .col_expr(tenant::Column::SchemaName, Expr::value(self.new.as_str()))
            .col_expr(tenant::Column::UpdatedAt, Expr::current_timestamp())
            .filter(tenant::Column::Id.eq(tenant_id));
        let updated = update.exec(db).await;
        updated.map_err(|error| not_written(error, &self.new))?;
        let alter = format!("ALTER SCHEMA {} RENAME TO {}", old.quoted(), self.new.quoted());
        let altered = db.execute_unprepared(&alter).await;
        altered.map(|_| ()).map_err(|error| self.not_altered(error))
    }

    fn not_altered(&self, error: DbErr) -> LifecycleError {
        match (sqlstate(&error), broken_key(&error)) {
            (Some("42P06"), _) | (_, Some("pg_namespace_nspname_index")) => {
                let schema = self.new.clone();
                NameError::SchemaTaken { schema }.into()
            }
            (Some("3F000"), _) => LifecycleError::of(&self.old, SchemaError::NoSchema),
            _ => error.into(),
        }
    }

    /// Retires the old name. The tenant's new name is no longer retired, if it was one of its earlier names.
    async fn retire_name(
        &self,
        db: &DatabaseTransaction,
        old: &SchemaName,
        row: &tenant::Model,
    ) -> Result<(), DbErr> {
        dropped_tenant::Entity::delete_many()
            .filter(is_called(dropped_tenant::Column::SchemaName, &self.new))
            .filter(dropped_tenant::Column::TenantId.eq(row.id))
            .exec(db)
            .await?;
        // Names that differ only in case count as one name.
        if *old == self.new {
            return Ok(());
        }
        retire(db, row, Some(&self.new)).await
    }

    async fn rename_role(&self, db: &DatabaseTransaction, old: &SchemaName) -> Result<(), LifecycleError> {
        let renamed = roles::rename(db, &self.migrations, old, &self.new).await;
        renamed.map_err(|error| LifecycleError::of(&self.new, error))
    }

    /// Refuses a schema that other sessions use. It runs last, to see sessions that came during the transaction.
    async fn require_unused(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let by = texts(db, SESSIONS_WITH_LOCKS, [self.new.as_str().into()]).await?;
        if by.is_empty() {
            return Ok(());
        }
        Err(LifecycleError::InUse {
            schema: self.old.clone(),
            by,
        })
    }
}

/// Replaces the old name by the new one in the `search_path` of functions in the renamed schema, and returns their number.
pub(super) async fn replace_function_search_paths(
    db: &DatabaseTransaction,
    old: &SchemaName,
    new: &SchemaName,
) -> Result<usize, DbErr> {
    let mut count = 0;
    for row in rows(db, FUNCTIONS_WITH_SEARCH_PATH, [new.as_str().into()]).await? {
        let (function, path): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let Some(path) = replace_in_search_path(&path, old, new) else {
            continue;
        };
        let values = [function.into(), serde_json::json!(path).into()];
        for row in rows(db, SET_SEARCH_PATH, values).await? {
            let command: String = row.try_get_by_index(0)?;
            db.execute_unprepared(&command).await?;
        }
        count += 1;
    }
    Ok(count)
}

/// Returns the schemas of a `search_path` with the old name replaced by the new one, or `None` if it has no old name.
fn replace_in_search_path(path: &str, old: &SchemaName, new: &SchemaName) -> Option<Vec<String>> {
    let mut schemas = parse_search_path(path);
    let mut has_old = false;
    for schema in &mut schemas {
        if schema == old.as_str() {
            *schema = new.to_string();
            has_old = true;
        }
    }
    has_old.then_some(schemas)
}

/// Parses a `search_path` as PostgreSQL stores it: separated by commas, and quoted where necessary. Names without quotes are
/// folded to lower case.
/// <https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/varlena.c> (`SplitIdentifierString`)
fn parse_search_path(path: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parts = path.split(|character| {
        is_quoted ^= character == '"';
        character == ',' && !is_quoted
    });
    let name = |part: &str| {
        let part = part.trim();
        let quoted = part.strip_prefix('"').and_then(|part| part.strip_suffix('"'));
        quoted.map_or_else(|| part.to_ascii_lowercase(), |name| name.replace("\"\"", "\""))
    };
    parts.map(name).collect()
}

/// Query for the functions of a schema that have a `search_path`, with that path.
const FUNCTIONS_WITH_SEARCH_PATH: &str = include_str!("rename_schema_functions.sql");

/// Query for the command that sets the `search_path` of a function. It quotes names as strings, because an empty name, which
/// stands for no schema, cannot be an identifier.
const SET_SEARCH_PATH: &str = include_str!("rename_schema_set_path.sql");

/// Query for functions outside of the renamed schema whose bodies seem to have the schema's old name before a dot.
///
/// A schema's name needs no escaping in the regular expression: the hyphen is its only special character, and is special only
/// in brackets.
const FUNCTIONS_NAMING_SCHEMA: &str = include_str!("rename_schema_functions_naming.sql");

/// Query for the sessions with a lock on a relation of a schema. It leaves out sessions without a user: these are PostgreSQL's
/// own, such as autovacuum, and refer to tables by their numbers.
const SESSIONS_WITH_LOCKS: &str = include_str!("rename_schema_sessions.sql");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_gets_the_new_name_in_place_of_the_old_one() {
        let names = |old: &str| (SchemaName::new(old).unwrap(), SchemaName::new("new-1").unwrap());
        let (old, new) = names("acme");
        for (path, expected) in [
            ("acme, pg_temp", Some(vec!["new-1", "pg_temp"])),
            ("ACME,\"acme\"", Some(vec!["new-1", "new-1"])),
            ("\"\", \"a\"\"b,c\", acme", Some(vec!["", "a\"b,c", "new-1"])),
            ("\"ACME\"", None),
            ("\"$user\", public, acmes", None),
            ("\"a,acme,b\"", None),
            ("", None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(replace_in_search_path(path, &old, &new), expected, "{path}");
        }
        let (old, new) = names("Acme-1");
        assert_eq!(
            replace_in_search_path("Acme-1", &old, &new),
            None,
            "it is read in lower case"
        );
        assert!(replace_in_search_path("\"Acme-1\", x", &old, &new).is_some());
    }
}
