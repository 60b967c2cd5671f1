//! [`SchemaName`]: the name of a PostgreSQL schema, checked once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The schema that stands for "the schema of the active tenant" in the table references of tenant
/// entities, after PostgreSQL's own `"$user"` in `search_path`.
///
/// A [`TenantConnection`](crate::TenantConnection) replaces it. On any other connection PostgreSQL
/// refuses the statement, because no schema of that name can exist: [`SchemaName`]
/// does not accept it.
pub const TENANT_MARKER: &str = "$tenant";

/// The schema of the tables that all tenants share, the catalog among them.
pub const SHARED_SCHEMA: &str = "public";

/// The longest identifier PostgreSQL keeps, in bytes: `NAMEDATALEN - 1`. It cuts a longer one with no more
/// than a notice, and the cut name may be another tenant's.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// The name of a PostgreSQL schema: 1 to 63 bytes of ASCII letters, digits, `_` and `-`, and none of
/// PostgreSQL's own (`pg_*`, `information_schema`).
///
/// It is the only source of a quoted schema name in this library, so no other text gets between the quotes. Two names
/// that differ in case alone are equal here and in the catalog, although PostgreSQL tells them apart.
///
/// # Example
/// ```
/// use tenant_core::{SchemaName, SchemaNameError};
///
/// let acme: SchemaName = "acme".parse()?;
/// assert_eq!(acme.quoted(), r#""acme""#);
/// assert!(SchemaName::new("acme; drop schema public").is_err());
/// # Ok::<(), SchemaNameError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaName {
    /// The name in double quotes, as statements have it.
    quoted: Box<str>,
}

impl SchemaName {
    /// Checks a name. The shared schema is accepted.
    ///
    /// # Errors
    /// [`SchemaNameError`] for the rule that the name breaks.
    pub fn new(name: impl AsRef<str>) -> Result<Self, SchemaNameError> {
        let name = name.as_ref();
        check(name)?;
        Ok(Self::of_checked(name))
    }

    /// Checks a name for a tenant: as [`SchemaName::new`], and refuses the shared schema.
    ///
    /// # Errors
    /// [`SchemaNameError`] for the rule that the name breaks.
    pub fn for_tenant(name: impl AsRef<str>) -> Result<Self, SchemaNameError> {
        let name = Self::new(name)?;
        if name.eq_ignore_case(SHARED_SCHEMA) {
            return Err(SchemaNameError::Shared(name.into()));
        }
        Ok(name)
    }

    /// Returns the shared schema, `public`.
    #[must_use]
    pub fn shared() -> Self {
        Self::of_checked(SHARED_SCHEMA)
    }

    fn of_checked(name: &str) -> Self {
        Self {
            quoted: format!("\"{name}\"").into(),
        }
    }

    /// True for the shared schema.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.as_str() == SHARED_SCHEMA
    }

    /// Returns the name without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.quoted[1..self.quoted.len() - 1]
    }

    /// Returns the name as an SQL identifier, in double quotes.
    #[must_use]
    pub fn quoted(&self) -> &str {
        &self.quoted
    }

    fn eq_ignore_case(&self, other: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(other)
    }
}

fn check(name: &str) -> Result<(), SchemaNameError> {
    if name.is_empty() {
        return Err(SchemaNameError::Empty);
    }
    if name.len() > MAX_IDENTIFIER_BYTES {
        return Err(SchemaNameError::TooLong { bytes: name.len() });
    }
    if let Some(character) = name.chars().find(|c| !is_allowed(*c)) {
        return Err(SchemaNameError::Character {
            name: name.to_owned(),
            character,
        });
    }
    if is_reserved(name) {
        return Err(SchemaNameError::Reserved(name.to_owned()));
    }
    Ok(())
}

fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// PostgreSQL refuses to create `pg_*` in lower case only; in any case it is a name to mistake for its own.
/// `PUBLIC` in another case than `public` is another schema, and as easily mistaken.
fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("pg_")
        || lower == "information_schema"
        || (lower == SHARED_SCHEMA && name != SHARED_SCHEMA)
}

/// Error of a text that is not a schema name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaNameError {
    /// The name is empty.
    #[error("a schema name cannot be empty")]
    Empty,
    /// The name is longer than the 63 bytes that PostgreSQL keeps.
    #[error("a schema name has at most {MAX_IDENTIFIER_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The name has a character other than ASCII letters, digits, `_` and `-`.
    #[error("schema name {name:?} has the character {character:?}: use ASCII letters, digits, `_` and `-`")]
    Character {
        /// The name as given.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// The name is one of PostgreSQL's own.
    #[error(
        "schema name {0:?} is reserved: `pg_...`, `information_schema` and `public` in another case cannot be a tenant's"
    )]
    Reserved(String),
    /// The name is the shared schema's, which only the public tenant has.
    #[error("schema name {0:?} is the shared schema, which belongs to the public tenant")]
    Shared(String),
}

/// Compares ignoring case. The catalog keeps names unique in the same way, so that no two tenants differ in case alone.
impl PartialEq for SchemaName {
    fn eq(&self, other: &Self) -> bool {
        self.eq_ignore_case(other.as_str())
    }
}

impl Eq for SchemaName {}

impl std::hash::Hash for SchemaName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({self})")
    }
}

impl FromStr for SchemaName {
    type Err = SchemaNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for SchemaName {
    type Error = SchemaNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<SchemaName> for String {
    fn from(name: SchemaName) -> Self {
        name.as_str().to_owned()
    }
}

impl AsRef<str> for SchemaName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_plain_names() {
        for name in [
            "acme",
            "A",
            "0",
            "_",
            "-",
            "a-b_c9",
            "select",
            "123",
            &"a".repeat(63),
        ] {
            assert_eq!(
                SchemaName::for_tenant(name).map(String::from),
                Ok(name.to_owned())
            );
        }
    }

    /// threats.md, section 4.
    #[test]
    fn refuses_what_postgresql_would_take_for_something_else() {
        let long = "a".repeat(64);
        let wide = "é".repeat(40);
        for name in [
            "",
            &long,
            &wide,
            "pg_x",
            "PG_x",
            "pg_temp",
            "information_schema",
            "Information_Schema",
            "public",
            "Public",
            "$user",
            "$tenant",
            "\"$user\"",
            "a b",
            "a.b",
            "a,public",
            "a\"b",
            "a\"\"b",
            "a'b",
            "x\"; drop schema public cascade; --",
            "a\\b",
            "a;",
            "a/*",
            "a\n",
            "a\0",
            "é",
            "e\u{301}",
            "\u{200b}",
            "😀",
            "../x",
            "%s",
            "{}",
            "$1",
        ] {
            assert!(SchemaName::for_tenant(name).is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn the_shared_schema_is_not_for_tenants() {
        assert!(SchemaName::shared().is_shared());
        assert_eq!(SchemaName::new("public").map(|n| n.is_shared()), Ok(true));
        assert!(SchemaName::new("PUBLIC").is_err());
    }

    #[test]
    fn case_twins_are_one_name() {
        let set: std::collections::HashSet<_> = ["Acme", "ACME", "acme"]
            .map(|name| SchemaName::new(name).unwrap())
            .into();
        assert_eq!(set.len(), 1);
    }
}
