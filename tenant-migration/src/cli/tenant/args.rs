//! The arguments of `tenant`.

use clap::Subcommand;

/// What to do with tenants.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum TenantCommand {
    /// Create a tenant: its schema, all its tables, and its row in the catalog, or nothing of it
    Create {
        /// Its schema: 1 to 63 ASCII letters, digits, `_` and `-`. `public` makes the public tenant, the main
        /// site, which has no schema of its own
        schema: String,

        /// The customer's name, the schema's if left out
        #[arg(long)]
        name: Option<String>,

        /// The host at which it is served, such as `acme.example.com`
        #[arg(long, value_name = "HOST")]
        domain: Option<String>,

        /// A word by which tenants are grouped
        #[arg(long, default_value = tenant_core::DEFAULT_KIND)]
        kind: String,
    },
    /// List the tenants, in the order of their schemas
    List {
        /// As JSON, with all that the catalog has
        #[arg(long)]
        json: bool,
    },
}
