//! Renaming a tenant's schema, for a tenant that is out of service: [`rename_schema`].

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait, QueryFilter, sea_query::Expr,
};
use tenant_core::{
    __private::{ShutDown, detached},
    DEFAULT_HOST_CACHE_TTL, SchemaName, TenantStatus,
    catalog::{dropped_tenant, tenant},
};

use crate::lifecycle::NameError;
use crate::{
    database::{broken_key, rows, sqlstate, texts},
    define::Migrations,
    lifecycle::{
        baseline::not_granted,
        catalog_insert::not_written,
        drop::seconds_since_change,
        error::LifecycleError,
        lookup,
        name_availability::{self, NameClaim, is_called},
    },
    plan::{DEFAULT_ATTEMPTS, DEFAULT_LOCK_TIMEOUT},
    run::retry,
    schema::{lock, roles},
};

/// How a schema is renamed.
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
    /// How long the tenant must have been out of service, [`DEFAULT_HOST_CACHE_TTL`] if it is not called: so long other
    /// processes may still know its host as that of a tenant in service. What is missing of it is waited for. An
    /// application that remembers hosts for longer needs that time here.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
        self
    }

    /// Lets the schema have a name that another tenant's had, which is gone. What still runs for that one reaches this
    /// one's rows.
    pub fn reuse_name(mut self) -> Self {
        self.reuses_name = true;
        self
    }
}

/// What renaming a schema took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaRenamed {
    /// How many functions got the new name into their `search_path`.
    pub functions: usize,
    /// The functions that seem to have the old name in their bodies, which are not changed. They fail when they are
    /// called, as long as nobody else has the name.
    pub outdated: Vec<String>,
}

/// Gives the schema of a tenant another name. The tenant keeps its id, its name for people and its domains
/// ([`rename_tenant`](super::rename_tenant) changes what people call it).
///
/// The tenant must be out of service: suspended, in maintenance or archived, and so for as long as other processes
/// remember its host. Nobody else may have a lock on one of its tables. Even so, what runs with the old name, such as a
/// job that began before, fails when it uses that again. So the old name is kept, as that of a dropped tenant is, and
/// given to nobody else; the tenant itself may have it again.
///
/// The functions of the schema that have it in their `search_path` get the new name, and so does the tenant's role. All
/// of it is one transaction.
///
/// Not changed is what has the old name as text: bodies of functions (see [`SchemaRenamed::outdated`]), settings of
/// users and of the database, and what is outside of it.
///
/// # Errors
/// [`LifecycleError`] if there is no such tenant, it is in service, is used, or the name cannot be given to it. Nothing was
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
    let renamed = detached(renaming.run()).await;
    renamed.unwrap_or_else(|ShutDown| Err(LifecycleError::Interrupted { schema: old.clone() }))
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
        let row = lookup::lock_own_schema(&transaction, &self.old, "renaming a schema").await?;
        // Its name as PostgreSQL has it, whatever the case of what was asked for.
        let old = lookup::schema_of(&row.schema_name)?;
        if old.as_str() == self.new.as_str() {
            return Ok(SchemaRenamed::default());
        }
        self.require_offline(&transaction, &row).await?;
        self.require_free(&transaction, &old, row.id).await?;
        self.change_name(&transaction, &old, row.id).await?;
        self.keep_name(&transaction, &old, &row).await?;
        let functions = replace_function_search_paths(&transaction, &old, &self.new).await?;
        self.change_role(&transaction, &old).await?;
        let outdated = texts(&transaction, NAMING, [old.as_str().into()]).await?;
        self.require_unused(&transaction).await?;
        transaction.commit().await?;
        Ok(SchemaRenamed { functions, outdated })
    }

    /// It is out of service, and has been for long enough.
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
                hint: "suspend or archive it first, or say that it is in maintenance: its schema is renamed while nobody uses it",
            });
        }
        let left_service = seconds_since_change(db, row.id).await?;
        match self.options.settle.saturating_sub(left_service) {
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
        let conflict = name_availability::find_conflict(db, &self.migrations, &self.new, claim).await?;
        conflict.map_or(Ok(()), |conflict| Err(conflict.into()))
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
            (Some("3F000"), _) => LifecycleError::NoSchema {
                schema: self.old.clone(),
            },
            _ => error.into(),
        }
    }

    /// The old name is nobody else's from now on. The tenant may have been called as it is called now before.
    async fn keep_name(
        &self,
        db: &DatabaseTransaction,
        old: &SchemaName,
        row: &tenant::Model,
    ) -> Result<(), DbErr> {
        dropped_tenant::Entity::delete_many()
            .filter(is_called(&self.new))
            .filter(dropped_tenant::Column::TenantId.eq(row.id))
            .exec(db)
            .await?;
        // Names that differ in case alone are one name.
        if *old == self.new {
            return Ok(());
        }
        let gone = dropped_tenant::ActiveModel {
            tenant_id: Set(row.id),
            schema_name: Set(old.to_string()),
            name: Set(row.name.clone()),
            renamed_to: Set(Some(self.new.to_string())),
            ..Default::default()
        };
        dropped_tenant::Entity::insert(gone)
            .exec_without_returning(db)
            .await?;
        Ok(())
    }

    async fn change_role(&self, db: &DatabaseTransaction, old: &SchemaName) -> Result<(), LifecycleError> {
        if self.migrations.tenant_roles().is_none() {
            return Ok(());
        }
        let granted = roles::grant(db, &self.migrations, &self.new).await;
        granted.map_err(|error| not_granted(error, &self.new))?;
        let dropped = roles::drop_role(db, old).await;
        dropped.map(|_| ()).map_err(|error| not_granted(error, old))
    }

    /// Asked at the end, when most of the time has passed in which somebody may have come.
    async fn require_unused(&self, db: &DatabaseTransaction) -> Result<(), LifecycleError> {
        let by = texts(db, USERS, [self.new.as_str().into()]).await?;
        if by.is_empty() {
            return Ok(());
        }
        Err(LifecycleError::InUse {
            schema: self.old.clone(),
            by,
        })
    }
}

/// Puts the new name into the `search_path` of the functions that have the old one in theirs.
pub(super) async fn replace_function_search_paths(
    db: &DatabaseTransaction,
    old: &SchemaName,
    new: &SchemaName,
) -> Result<usize, DbErr> {
    let mut count = 0;
    for row in rows(db, FUNCTIONS, [new.as_str().into()]).await? {
        let (function, path): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let Some(path) = renamed(&path, old, new) else {
            continue;
        };
        let values = [function.into(), serde_json::json!(path).into()];
        for row in rows(db, SET_PATH, values).await? {
            let command: String = row.try_get_by_index(0)?;
            db.execute_unprepared(&command).await?;
        }
        count += 1;
    }
    Ok(count)
}

/// The schemas of a `search_path` with the new name in the place of the old one, which it must have.
fn renamed(path: &str, old: &SchemaName, new: &SchemaName) -> Option<Vec<String>> {
    let mut schemas = schemas_of(path);
    let mut has_old = false;
    for schema in &mut schemas {
        if schema == old.as_str() {
            *schema = new.to_string();
            has_old = true;
        }
    }
    has_old.then_some(schemas)
}

/// The schemas of a `search_path` as PostgreSQL keeps it: with commas between, and quoted where they need it. What is not
/// quoted is in lower case.
/// <https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/utils/adt/varlena.c> (`SplitIdentifierString`)
fn schemas_of(path: &str) -> Vec<String> {
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

/// The functions of a schema that have a `search_path`, with that.
const FUNCTIONS: &str = include_str!("rename_schema_functions.sql");

/// What gives a function a `search_path`. Names between single quotes may be empty, as that of no schema is.
const SET_PATH: &str = include_str!("rename_schema_set_path.sql");

/// The functions that seem to have a schema's name in their bodies, before a dot.
///
/// Schema names have no character that means something in a regular expression, but for the hyphen between brackets.
const NAMING: &str = include_str!("rename_schema_naming.sql");

/// The sessions with a lock on a table, an index or the like of a schema. Those of no user are PostgreSQL's own: they
/// clean up, and know tables by their numbers.
const USERS: &str = include_str!("rename_schema_users.sql");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gets_the_new_name_where_it_had_the_old_one() {
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
            assert_eq!(renamed(path, &old, &new), expected, "{path}");
        }
        let (old, new) = names("Acme-1");
        assert_eq!(renamed("Acme-1", &old, &new), None, "it is read in lower case");
        assert!(renamed("\"Acme-1\", x", &old, &new).is_some());
    }
}
