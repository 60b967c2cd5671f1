//! Errors of the database, read: what PostgreSQL said, and what that means.

use sea_orm::{DbErr, RuntimeErr, sqlx};
use tenant_core::{ConnectionError, TENANT_MARKER};

/// Returns the message of the database for people: without the names of the layers that it went through, and without
/// PostgreSQL's detail and hint, which may repeat rows.
pub(crate) fn reason_without_details(error: &DbErr) -> String {
    if let Some(error) = ConnectionError::of(error) {
        return error.to_string();
    }
    if let Some(error) = of_postgres(error) {
        return format!("{} ({})", error.message(), error.code());
    }
    match error {
        DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
        error => error.to_string(),
    }
}

/// Returns the message of the database for people, with PostgreSQL's detail and hint.
pub(crate) fn reason(error: &DbErr) -> String {
    let mut text = reason_without_details(error);
    let Some(error) = of_postgres(error) else {
        return text;
    };
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        text += ". ";
        text += more.trim_end_matches('.');
    }
    // PostgreSQL writes the name without quotes.
    if error.message().contains(&format!("\"{TENANT_MARKER}")) {
        text += ". This is a statement of a `#[tenant]` entity on a plain connection: run it on the tenant's connection, \
                 or in a migration in `tenant_transaction`";
    }
    text
}

/// Returns the name of the unique constraint that a statement violated.
pub(crate) fn broken_key(error: &DbErr) -> Option<&str> {
    let error = of_postgres(error)?;
    (error.code() == "23505").then(|| error.constraint()).flatten()
}

/// Returns the SQLSTATE of an error that PostgreSQL raised.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn sqlstate(error: &DbErr) -> Option<&str> {
    of_postgres(error).map(sqlx::postgres::PgDatabaseError::code)
}

/// True if a statement used an enum value that its own transaction added (`unsafe_new_enum_value_usage`).
/// <https://www.postgresql.org/docs/current/sql-altertype.html#SQL-ALTERTYPE-NOTES>
pub(crate) fn is_uncommitted_enum_value(error: &DbErr) -> bool {
    sqlstate(error) == Some("55P04")
}

/// True if a table or its schema is missing.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn is_without_table(error: &DbErr) -> bool {
    matches!(sqlstate(error), Some("42P01" | "3F000"))
}

/// True if a statement on the catalog failed because the catalog is missing, or is an older version's and lacks columns.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn is_without_catalog(error: &DbErr) -> bool {
    matches!(sqlstate(error), Some("42P01" | "42703"))
}

/// True if the error ends the session. A pooler that has lost the server reports the same.
/// <https://www.postgresql.org/docs/current/protocol-error-fields.html>
pub(crate) fn ends_the_session(error: &DbErr) -> bool {
    use sqlx::postgres::PgSeverity::{Fatal, Panic};
    of_postgres(error).is_some_and(|error| matches!(error.severity(), Fatal | Panic))
}

fn of_postgres(error: &DbErr) -> Option<&sqlx::postgres::PgDatabaseError> {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else {
        return None;
    };
    match error {
        RuntimeErr::SqlxError(error) => error.as_database_error()?.try_downcast_ref(),
        RuntimeErr::Internal(_) => None,
    }
}
