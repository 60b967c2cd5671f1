//! [`RoleName`]: the name of the PostgreSQL role that a tenant's statements can run as.

use std::fmt;

use crate::schema_name::{MAX_IDENTIFIER_BYTES, SchemaName};

/// The name of a tenant's role: `tenant.<database>.<schema>`, and `tenants.<database>` for the shared schema.
///
/// The name of the database is in it, because roles belong to the whole cluster, and two databases may both have a
/// tenant `acme`. A database that is renamed, or copied under another name, needs new roles.
///
/// # Example
/// ```
/// use tenant_core::{RoleName, SchemaName};
///
/// assert_eq!(RoleName::new("app", &SchemaName::new("acme")?)?.as_str(), "tenant.app.acme");
/// assert_eq!(RoleName::new("app", &SchemaName::new("public")?)?.as_str(), "tenants.app");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleName(String);

/// Error of a name longer than 63 bytes, which PostgreSQL would cut, so that it could be another tenant's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the role {name:?} would be longer than the {MAX_IDENTIFIER_BYTES} bytes PostgreSQL keeps: shorten the name of the \
     database, or do without roles"
)]
pub struct RoleNameError {
    name: String,
}

impl RoleName {
    /// Creates the name of the role for a schema of a database.
    ///
    /// # Errors
    /// [`RoleNameError`] if the name would be too long.
    pub fn new(database: &str, schema: &SchemaName) -> Result<Self, RoleNameError> {
        // A schema's name has no dot in it, so no two tenants get one name.
        let name = if schema.is_shared() {
            format!("tenants.{database}")
        } else {
            format!("tenant.{database}.{schema}")
        };
        if name.len() > MAX_IDENTIFIER_BYTES {
            return Err(RoleNameError { name });
        }
        Ok(Self(name))
    }

    /// Returns the name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as an SQL identifier, in double quotes.
    #[must_use]
    pub fn quoted(&self) -> String {
        // The name of a database may have any character in it.
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

    use super::RoleName;
    use crate::schema_name::SchemaName;

    fn role(database: &str, schema: &str) -> Option<RoleName> {
        RoleName::new(database, &SchemaName::new(schema).unwrap()).ok()
    }

    #[test]
    fn no_two_tenants_share_a_name() {
        let names = [
            ("a", "b"),
            ("a.b", "b"),
            ("a.b", "c"),
            ("a", "c"),
            ("a", "public"),
            ("a.b", "public"),
        ];
        let roles: std::collections::HashSet<_> = names.map(|(a, b)| role(a, b).unwrap()).into();
        assert_eq!(roles.len(), names.len());
    }

    #[test]
    fn a_name_of_63_bytes_is_kept_whole_and_a_longer_one_refused() {
        let schema = "s".repeat(63 - "tenant.app.".len());
        assert_eq!(role("app", &schema).unwrap().as_str().len(), 63);
        assert_eq!(role("apps", &schema), None);
        assert_eq!(role(&"ä".repeat(28), "public"), None);
    }

    #[test]
    fn quotes_in_the_name_of_a_database_are_doubled() {
        assert_eq!(role("a\"b", "acme").unwrap().quoted(), "\"tenant.a\"\"b.acme\"");
    }
}
