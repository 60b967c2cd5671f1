//! [`TenantRoles`]: the PostgreSQL roles that tenants' statements run as, and what they may do.

use sea_orm::DbErr;
use tenant_core::{RoleName, RoleNameError, SchemaName};

use crate::database::reason;

/// A role for every tenant, and what all of them may do in the shared schema.
///
/// A tenant's role uses its own schema and no other tenant's: it reads and writes all tables there but the ledger, uses
/// the sequences and runs the functions. It owns nothing. In the shared schema it reads every table, and
/// writes those that are named here. The rights in the shared schema are one more role's, for the whole
/// database, which every tenant's role is a member of and which the public tenant runs as. See [`RoleName`] for the
/// names.
///
/// The rights are given at the end of every migration, in its transaction, and to tables that the same user
/// makes later. Switched on for tenants that are there already, it takes
/// [`grant_tenant_role`](crate::grant_tenant_role) for each, after the shared schema.
///
/// The user that migrates needs the right to make roles (`CREATEROLE`). The application switches the roles on with
/// `TenantsBuilder::run_as_tenant_roles`.
///
/// # Example
/// ```
/// # use sea_orm_migration::prelude::*;
/// # struct Shared;
/// # impl MigratorTrait for Shared {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { tenant_migration::catalog::migrations() }
/// # }
/// # struct Tenant;
/// # impl MigratorTrait for Tenant {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { vec![] }
/// # }
/// use tenant_migration::{Migrations, TenantRoles};
///
/// let roles = TenantRoles::granted_to("app").write_shared("feedback");
/// let migrations = Migrations::new(Shared, Tenant).with_tenant_roles(roles);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "roles are made by migrations that are told to"]
pub struct TenantRoles {
    pub(crate) login: Option<String>,
    pub(crate) written: Vec<String>,
    pub(crate) read: Vec<SchemaName>,
}

impl TenantRoles {
    /// The application logs in as the user that migrates.
    pub fn new() -> Self {
        Self::default()
    }

    /// The application logs in as `login`, which is there already.
    pub fn granted_to(login: impl Into<String>) -> Self {
        Self {
            login: Some(login.into()),
            ..Self::default()
        }
    }

    /// Lets tenants insert into, update and delete from a table of the shared schema. Not the catalog: a tenant that
    /// could write it could have another's domain.
    pub fn write_shared(mut self, table: impl Into<String>) -> Self {
        self.written.push(table.into());
        self
    }

    /// Lets tenants read the tables of another schema that belongs to no tenant, as
    /// `TenantsBuilder::allow_schema` lets statements name it.
    pub fn read_schema(mut self, schema: SchemaName) -> Self {
        self.read.push(schema);
        self
    }
}

/// Why a role was not made, given its rights or dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// The role's name would be too long.
    #[error(transparent)]
    Name(#[from] RoleNameError),
    /// There is a role of that name that may do more than a tenant's.
    #[error(
        "the role {role} is there already, and may log in or do something else that a tenant's may not: rename it, or take those rights from it"
    )]
    NotATenants {
        /// The role.
        role: RoleName,
    },
    /// The role owns objects outside of its tenant's schema, which would be dropped with it.
    #[error(
        "the role {role} owns objects outside of its tenant's schema, which would be dropped with it: {}. Give them to another owner \
         (`REASSIGN OWNED BY` or `ALTER ... OWNER TO`), and run it again",
        objects.join(", ")
    )]
    Owns {
        /// The role.
        role: RoleName,
        /// The objects, up to ten.
        objects: Vec<String>,
    },
    /// The database did not answer as it should.
    #[error("{}", reason(.0))]
    Database(#[from] DbErr),
}
