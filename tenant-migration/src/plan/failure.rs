//! [`MigrationFailure`]: the last failure of a tenant's migrations, as the catalog has it.

use std::{collections::HashMap, fmt};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, prelude::DateTimeUtc};
use serde::{Deserialize, Serialize};
use tenant_core::SchemaName;

use crate::{
    database::rows,
    define::{catalog, schema_of},
    plan::SchemaError,
};

/// Most characters of an error in the catalog.
const MAX_CHARACTERS: usize = 500;

/// The last run of migrations that failed in a tenant's schema. The next run that does not fail there removes it.
///
/// Runs that end before they can reach the database, such as by SIGKILL, leave none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MigrationFailure {
    /// Time of the failure by the clock of the database, in whole seconds.
    pub at: DateTimeUtc,
    /// The migration that failed. `None` if something else did, such as a hook.
    pub migration: Option<String>,
    /// Text of the error: one line of 500 characters at most. PostgreSQL's detail and hint are left out, which may repeat rows
    /// of the tenant, and so are users and passwords in URLs.
    pub error: String,
}

/// "2026-11-29 16:11:41 UTC: m2 could not be applied: ..."
impl fmt::Display for MigrationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.error)
    }
}

impl MigrationFailure {
    /// Reads the column `failure`. A value that somebody else wrote is none.
    pub(crate) fn of_row(row: &QueryResult) -> Result<Option<Self>, DbErr> {
        let value: Option<serde_json::Value> = row.try_get("", "failure")?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Returns the text of an error, as the catalog has it.
    pub(crate) fn text(error: &SchemaError) -> String {
        let text = without_credentials(&error.without_details());
        let line = text.split(char::is_whitespace).filter(|word| !word.is_empty());
        let line = line.collect::<Vec<_>>().join(" ");
        let mut line: String = line.chars().filter(|character| !character.is_control()).collect();
        if let Some((end, _)) = line.char_indices().nth(MAX_CHARACTERS) {
            line.truncate(end);
            // The last character makes room for the ellipsis.
            line.pop();
            line.push('…');
        }
        line
    }
}

/// Replaces user and password of each URL in a text.
fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_end = |character: char| character.is_whitespace() || "/?#\"'`<>".contains(character);
        let authority = part.split(is_end).next().unwrap_or_default();
        clean += "://";
        match authority.rfind('@') {
            Some(at) => {
                clean += "***";
                clean += &part[at..];
            }
            None => clean += part,
        }
    }
    clean
}

/// Returns the last failures of the migrations of all tenants, by their schemas. There are none in a catalog that is older
/// than failures.
///
/// # Errors
/// [`DbErr`] if the catalog cannot be read.
///
/// # Example
/// ```no_run
/// # async fn example(tenants: tenant_core::Tenants) -> Result<(), sea_orm::DbErr> {
/// for (schema, failure) in tenant_migration::migration_failures(tenants.shared_connection()).await? {
///     println!("{schema}: {failure}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn migration_failures(
    db: &impl ConnectionTrait,
) -> Result<HashMap<SchemaName, MigrationFailure>, DbErr> {
    if !catalog::exists(db).await? {
        return Ok(HashMap::new());
    }
    let sql = "SELECT schema_name, failure
        FROM public.tenants AS tenant
        CROSS JOIN LATERAL (SELECT to_jsonb(tenant) -> 'migration_failure' AS failure) AS found
        WHERE jsonb_typeof(failure) = 'object' AND lower(schema_name) <> 'public'";
    let mut failures = HashMap::new();
    for row in rows(db, sql, []).await? {
        if let Some(failure) = MigrationFailure::of_row(&row)? {
            failures.insert(schema_of(&row.try_get::<String>("", "schema_name")?)?, failure);
        }
    }
    Ok(failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &str) -> String {
        MigrationFailure::text(&SchemaError::Planned(error.to_owned()))
    }

    #[test]
    fn a_text_is_one_line_of_limited_length() {
        assert_eq!(text("a\n\tb  c\u{1b}[31m\r\n"), "a b c[31m");
        let long = text(&"ä".repeat(10_000));
        assert_eq!(long.chars().count(), MAX_CHARACTERS);
        assert!(long.ends_with("ä…"));
        assert_eq!(text(&"ä".repeat(MAX_CHARACTERS)).chars().count(), MAX_CHARACTERS);
        assert!(text(&"ä".repeat(MAX_CHARACTERS)).ends_with('ä'));
    }

    #[test]
    fn a_text_has_no_credentials_of_urls() {
        for (error, expected) in [
            (
                "no answer of https://bob:s3cret@api.test/x",
                "no answer of https://***@api.test/x",
            ),
            (
                "'postgres://u:p@ss@db' and redis://:s3cret@cache",
                "'postgres://***@db' and redis://***@cache",
            ),
            ("https://api.test/a@b and a@b", "https://api.test/a@b and a@b"),
            ("a://", "a://"),
            ("://@", "://***@"),
        ] {
            assert_eq!(text(error), expected);
        }
    }
}
