//! [`LifecycleError`]: why something was not done to a tenant.

use sea_orm::DbErr;
use tenant_core::{Host, SchemaName, TenantStatus};

use crate::define::LookupError;
use crate::lifecycle::name_availability::NameError;
use crate::{database::reason, define::RoleError, run::Retryable};

/// Why something was not done to a tenant. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The tenant, or the catalog, is not there.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The public tenant has no schema of its own.
    #[error("the public tenant is the main site on the shared schema: {action} is for other tenants")]
    PublicTenant {
        /// What was to be done.
        action: &'static str,
    },
    /// The tenant is in another status than what was to be done needs.
    #[error("tenant {schema} is {status}: {hint}")]
    WrongStatus {
        /// The tenant's schema.
        schema: SchemaName,
        /// Its status.
        status: TenantStatus,
        /// What to do first.
        hint: &'static str,
    },
    /// The tenant's schema is behind this program.
    #[error("tenant {schema} is behind this program: `up --tenant {schema}` first")]
    Behind {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The name of the schema or the domain is not to be had.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The database does not have the schema, or has it in another case, or does not let this user use it.
    #[error("the database has no schema that is called exactly {schema}, or does not let this user use it")]
    NoSchema {
        /// The schema.
        schema: SchemaName,
    },
    /// The schema has extensions in it, which all tenants would use.
    #[error(
        "the schema {schema} is where {} lives, which is for the whole database: move it first \
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
    #[error("tenants of kind {kind} have no migration {name}: `status -v` shows those they have")]
    NoSuchMigration {
        /// The kind of the tenant.
        kind: String,
        /// The name that was given.
        name: String,
    },
    /// The ledger of the schema has migrations that this program does not have.
    #[error(
        "tenant {schema}: its ledger has {}, which this program does not have: build it from the code that applied it",
        names.join(", ")
    )]
    UnknownMigrations {
        /// The schema.
        schema: SchemaName,
        /// The names of the migrations.
        names: Vec<String>,
    },
    /// The tenant's row was changed a short time ago, so that other processes may still serve what it was.
    #[error(
        "tenant {schema} was changed a moment ago, so other processes may still serve it as it was: try again in {} s",
        wait.as_secs() + 1
    )]
    NotSettled {
        /// The tenant's schema.
        schema: SchemaName,
        /// How long it takes until it is.
        wait: std::time::Duration,
    },
    /// Somebody works in the tenant's schema.
    #[error("the schema {schema} is being used: by {}. Try again when that has ended", by.join(", "))]
    InUse {
        /// The tenant's schema.
        schema: SchemaName,
        /// The sessions.
        by: Vec<String>,
    },
    /// The tenant's role was not made, given its rights or dropped.
    #[error("the role of tenant {schema}: {source}")]
    NotGranted {
        /// The tenant's schema.
        schema: SchemaName,
        /// Why not.
        source: RoleError,
    },
    /// The tenant has no such domain.
    #[error("tenant {schema} has no domain {domain}: `tenant domain list {schema}` shows those it has")]
    NoSuchDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Host,
    },
    /// The primary domain is the one that links are made of.
    #[error(
        "{domain} is the primary domain of tenant {schema}, which has others: make one of those the primary domain first"
    )]
    PrimaryDomain {
        /// The tenant's schema.
        schema: SchemaName,
        /// The domain.
        domain: Host,
    },
    /// Objects outside of the tenant's schema would be dropped with it.
    #[error(
        "tenant {schema} is not dropped, because this is not its own and would be dropped with it: {}. Change that so that \
         it does without the tenant; then drop the tenant again",
        by.join(", ")
    )]
    Needed {
        /// The tenant's schema.
        schema: SchemaName,
        /// The objects, up to ten.
        by: Vec<String>,
    },
    /// The tenant's role was not dropped. All else of the tenant is.
    #[error("tenant {schema} is dropped but for its role: {source}. Dropping it again drops that")]
    Role {
        /// The tenant's schema.
        schema: SchemaName,
        /// Why not.
        source: RoleError,
    },
    /// The runtime ended before the work did. Doing it again goes on.
    #[error("tenant {schema}: the program ended before it was done, and doing it again goes on")]
    Interrupted {
        /// The tenant's schema.
        schema: SchemaName,
    },
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}

impl Retryable for LifecycleError {
    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Database(source) => Some(source),
            _ => None,
        }
    }
}
