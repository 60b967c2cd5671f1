//! [`LifecycleError`].

use std::pin::Pin;

use sea_orm::DbErr;
use tenant_core::{
    __private::{ShutDown, detached},
    Domain, SchemaName, TenantStatus,
};

use crate::{
    database::{SessionError, reason},
    define::{LookupError, RoleError},
    lifecycle::name_availability::NameError,
    plan::SchemaError,
    run::Retryable,
};

/// Error of creating, copying, changing or dropping a tenant. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The tenant or the catalog was not found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The name of the schema or the domain is not available.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The tenant's schema is not in the state that the change needs, or work in it failed.
    #[error("tenant {schema}: {source}")]
    Schema {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason.
        source: SchemaError,
    },
    /// The public tenant has no schema of its own.
    #[error("{action} is not possible for the public tenant, which is the main site on the shared schema")]
    PublicTenant {
        /// The action, such as "dropping".
        action: &'static str,
    },
    /// The action is not possible for a tenant with this status.
    #[error("tenant {schema} is {status}: {hint}")]
    WrongStatus {
        /// The tenant's schema.
        schema: SchemaName,
        /// Its status.
        status: TenantStatus,
        /// Reason, or what to do first.
        hint: &'static str,
    },
    /// The tenant has pending migrations.
    #[error(
        "tenant {schema} is behind this program: {}. Run `up --tenant {schema}` first",
        lacks(pending)
    )]
    Behind {
        /// The tenant's schema.
        schema: SchemaName,
        /// Names of the migrations, in the order in which they are applied.
        pending: Vec<String>,
    },
    /// The schema has extensions, which are for all tenants.
    #[error(
        "the schema {schema} has {}, which is for the whole database: move it first \
         (`ALTER EXTENSION ... SET SCHEMA extensions`)",
        extensions.join(", ")
    )]
    HasExtension {
        /// The schema.
        schema: SchemaName,
        /// The extensions.
        extensions: Vec<String>,
    },
    /// The tenants have no such migration.
    #[error("tenants of kind {kind} have no migration {name}: `status -v` shows their migrations")]
    NoSuchMigration {
        /// The kind of the tenant.
        kind: String,
        /// The name that was given.
        name: String,
    },
    /// The kinds of a tenant and its copy have different migrations.
    #[error(
        "tenant {schema} is not copied, because it is of kind {kind}, and {new_kind} has other migrations: give the copy a \
         kind with the same migrations"
    )]
    OtherMigrations {
        /// The tenant's schema.
        schema: SchemaName,
        /// The tenant's kind.
        kind: String,
        /// The copy's kind.
        new_kind: String,
    },
    /// The tenant has an object that cannot be created from PostgreSQL's catalogs, or copied.
    #[error("tenant {schema} is not copied: {object}. Remove that, or copy the tenant with `pg_dump`")]
    Unsupported {
        /// The tenant's schema.
        schema: SchemaName,
        /// Description of the object.
        object: String,
    },
    /// The copy of a tenant differs from it, or depends on it. It was rolled back.
    #[error(
        "the copy of tenant {schema} was rolled back, because it was not exact: {difference}. Please report this"
    )]
    Differs {
        /// The tenant's schema.
        schema: SchemaName,
        /// Description of the difference.
        difference: String,
    },
    /// The schema has migrations that tenants of its new kind do not have.
    #[error(
        "tenant {schema} does not become {kind}, because its schema has {}, which tenants of that kind do not have: roll it \
         back first (`-s {schema} down`)",
        names.join(", ")
    )]
    UnknownToKind {
        /// The tenant's schema.
        schema: SchemaName,
        /// The new kind.
        kind: String,
        /// The names of the migrations.
        names: Vec<String>,
    },
    /// The migrations of the new kind were not applied.
    #[error("tenant {schema} does not become {kind}: {source}")]
    KindNotChanged {
        /// The tenant's schema.
        schema: SchemaName,
        /// The new kind.
        kind: String,
        /// Reason.
        source: Box<SchemaError>,
    },
    /// The tenant's row was changed a short time ago, and other processes may still cache the old row.
    #[error(
        "tenant {schema} was changed a short time ago, and other processes may still serve it: try again in {} s",
        wait.as_secs() + 1
    )]
    NotSettled {
        /// The tenant's schema.
        schema: SchemaName,
        /// Remaining time until other processes have the new row.
        wait: std::time::Duration,
    },
    /// Other sessions use the tenant's schema.
    #[error("the schema {schema} is in use by {}: try again when they have ended", by.join(", "))]
    InUse {
        /// The tenant's schema.
        schema: SchemaName,
        /// The sessions.
        by: Vec<String>,
    },
    /// The tenant has no such domain.
    #[error("tenant {schema} has no domain {domain}: `tenant domain list {schema}` shows its domains")]
    NoSuchDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Domain,
    },
    /// The primary domain of a tenant with other domains was to be removed.
    #[error(
        "{domain} is the primary domain of tenant {schema} and was not removed: make another of its domains the primary one \
         first"
    )]
    PrimaryDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Domain,
    },
    /// A wildcard domain was to be the primary one.
    #[error(
        "{domain} is a wildcard and cannot be the primary domain of tenant {schema}, which links use: make a host the primary \
         one"
    )]
    WildcardPrimary {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Domain,
    },
    /// The tenant is dropped, but not its role.
    #[error("tenant {schema} is dropped, but not its role: {source}. Drop the tenant again to drop the role")]
    RoleRemains {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason.
        source: RoleError,
    },
    /// The migrations of a new tenant need a session of their own, and none was opened.
    #[error(
        "tenant {schema} was not created, because its migrations need several transactions of one session: {source}"
    )]
    Session {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason.
        source: SessionError,
    },
    /// The connection was lost during the COMMIT that creates a tenant.
    #[error(
        "the connection was lost during COMMIT, so tenant {schema} may or may not exist: look it up before you try again \
         ({})",
        reason(source)
    )]
    CommitUnknown {
        /// The schema.
        schema: SchemaName,
        /// The driver's error.
        source: DbErr,
    },
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

impl LifecycleError {
    /// Returns the error of work in a tenant's schema.
    pub(crate) fn of(schema: &SchemaName, source: impl Into<SchemaError>) -> Self {
        Self::Schema {
            schema: schema.clone(),
            source: source.into(),
        }
    }
}

impl Retryable for LifecycleError {
    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Schema { source, .. } => source.database_error(),
            Self::Database(source) => Some(source),
            Self::KindNotChanged { source, .. } => source.database_error(),
            _ => None,
        }
    }
}

/// Runs the change of a tenant to its end, even if the caller does not wait for it. Errors of the database then name the tenant.
///
/// The future is boxed: those of changes are so large that several inside of each other, without optimization, overflow the
/// 2 MiB of a thread's stack.
pub(super) async fn run_detached<T, W>(schema: &SchemaName, change: Pin<Box<W>>) -> Result<T, LifecycleError>
where
    T: Send + 'static,
    W: Future<Output = Result<T, LifecycleError>> + Send + 'static,
{
    let changed = detached(change).await;
    let interrupted = |ShutDown| Err(LifecycleError::of(schema, SchemaError::Interrupted));
    changed.unwrap_or_else(interrupted).map_err(|error| match error {
        LifecycleError::Database(source) => LifecycleError::of(schema, source),
        error => error,
    })
}

fn lacks(pending: &[String]) -> String {
    match pending {
        [] => "it lacks migrations".to_owned(),
        [name] => format!("it lacks {name}"),
        [first, ..] => format!(
            "it lacks {} migrations, the first of which is {first}",
            pending.len()
        ),
    }
}
