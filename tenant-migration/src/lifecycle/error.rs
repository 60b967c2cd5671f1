//! [`LifecycleError`].

use sea_orm::DbErr;
use tenant_core::{Host, SchemaName, TenantStatus};

use crate::define::LookupError;
use crate::lifecycle::name_availability::NameError;
use crate::{database::reason, define::RoleError, plan::SchemaError, run::Retryable};

/// Error of a change of a tenant. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The tenant or the catalog was not found.
    #[error(transparent)]
    Lookup(#[from] LookupError),
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
    #[error("tenant {schema} is behind this program: run `up --tenant {schema}` first")]
    Behind {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The name of the schema or the domain is not available.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The database does not have the schema, or only in another case, or this user has no USAGE right on it.
    #[error(
        "the schema {schema} does not exist, or this user may not use it: check the exact name, and GRANT USAGE on the schema"
    )]
    NoSchema {
        /// The schema.
        schema: SchemaName,
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
    /// The ledger of the schema has migrations that this program does not have.
    #[error(
        "tenant {schema}: its ledger has {}, which this program does not have: use the program that applied them",
        names.join(", ")
    )]
    UnknownMigrations {
        /// The schema.
        schema: SchemaName,
        /// The names of the migrations.
        names: Vec<String>,
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
    /// The tenant's role was not created, given its rights or dropped.
    #[error("the role of tenant {schema}: {source}")]
    NotGranted {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason.
        source: RoleError,
    },
    /// The tenant has no such domain.
    #[error("tenant {schema} has no domain {domain}: `tenant domain list {schema}` shows its domains")]
    NoSuchDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Host,
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
        domain: Host,
    },
    /// An object outside of the tenant's schema depends on an object in it. Some of the tenant's objects may be dropped already.
    #[error(
        "tenant {schema} is not dropped, because objects outside of its schema depend on it and would be dropped with it: {}. \
         Remove these dependencies, then drop the tenant again: it goes on",
        by.join(", ")
    )]
    Needed {
        /// The tenant's schema.
        schema: SchemaName,
        /// Dependent objects, up to ten.
        by: Vec<String>,
    },
    /// The tenant is dropped, but not its role.
    #[error("tenant {schema} is dropped, but not its role: {source}. Drop the tenant again to drop the role")]
    Role {
        /// The tenant's schema.
        schema: SchemaName,
        /// Reason.
        source: RoleError,
    },
    /// The runtime ended before the change was complete.
    #[error("tenant {schema}: the program ended before it was done. Run it again: it goes on")]
    Interrupted {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// A query failed.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

impl Retryable for LifecycleError {
    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(source) => Some(source),
            Self::KindNotChanged { source, .. } => source.database_error(),
            _ => None,
        }
    }
}
