//! The audit: what the database itself resolves, and where it could lead out of a tenant's schema.
//!
//! A [`TenantConnection`](crate::TenantConnection) decides on every name that a statement has. It does not see the
//! names inside the database: in the body of a function, in a column's default, behind a foreign key. [`audit()`]
//! reads those of all tenants from PostgreSQL's catalogs, in a handful of queries however many tenants there are,
//! and changes nothing.
//!
//! | finding | severity |
//! |---|---|
//! | a tenant of the catalog without schema, or with a name that cannot be one | error |
//! | a schema whose name differs from a tenant's in case alone | error |
//! | a schema that is a tenant's and that all tenants' statements may name | error |
//! | an extension in a tenant's schema: a database has it once, so that other tenants are without it | error |
//! | a schema in which everybody may create (`GRANT CREATE ... TO PUBLIC`): a table or function there can stand in for another | error |
//! | a function of a tenant whose names are found on the caller's `search_path` | error |
//! | the same in the shared schema | error if it is `SECURITY DEFINER`, else warning |
//! | a procedure of a tenant that seems to commit, which cannot have a `search_path` | error if it is `SECURITY DEFINER`, else warning |
//! | a function whose own `search_path` names another tenant's schema, or `"$user"` | error |
//! | a function that seems to change the session: `SET` without `LOCAL`, `setseed`, dblink, a temporary table, a lock of the session | warning |
//! | a foreign key, default, type, view, rule, trigger, policy, parent table ... in another tenant's schema, or in an unknown one; any of these that leads from elsewhere into a tenant's schema | error |
//! | an entity without table, an enum without type | error |
//! | a table that a tenant and the shared schema both have, the ledger apart | warning |
//! | a schema that is nobody's | warning |
//! | a table without entity, an enum type without enum | warning |
//!
//! Entities are compared if this program has any: `#[tenant]` and `#[shared]` register those that are linked into
//! it, and a migration program often has none. [`Audit::entities_compared`] says which it was.
//!
//! # Not seen
//! - What a function does: one with a `search_path` of its own that names another tenant's table in full passes, and
//!   so does SQL put together from strings.
//! - Names in strings that are looked up late, such as the default `nextval('note_id_seq'::text)`.
//!
//! # Example
//! ```no_run
//! # async fn example(tenants: tenant_core::Tenants) -> Result<(), Box<dyn std::error::Error>> {
//! use tenant_core::audit::{Expected, audit};
//!
//! let audit = audit(tenants.shared_connection(), &Expected::of(&tenants)).await?;
//! for found in audit.findings() {
//!     eprintln!("{}: {}: {}", found.severity(), found.schema(), found.finding());
//! }
//! assert_eq!(audit.errors(), 0);
//! # Ok(())
//! # }
//! ```

mod checks;
mod error;
mod expected;
mod facts;
mod finding;
mod functions;
mod references;
mod report;
mod schemas;

pub use error::AuditError;
pub use expected::{DEFAULT_LEDGER, Expected};
pub use finding::{Finding, ReferenceKind, SchemaFinding, Severity};
#[doc(hidden)]
pub use functions::RESOLVES_WHEN_CALLED;
pub use report::{Audit, audit};
