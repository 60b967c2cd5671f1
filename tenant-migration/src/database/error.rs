//! Errors of the database, read: what PostgreSQL said, and what that means.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// What the database said, for people: without the names of the layers it went through, with what
/// PostgreSQL adds to its message.
pub(crate) fn reason(error: &DbErr) -> String {
    let Some(error) = of_postgres(error) else {
        return match error {
            DbErr::Migration(text) | DbErr::Custom(text) => text.clone(),
            error => error.to_string(),
        };
    };
    let mut text = format!("{} ({})", error.message(), error.code());
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        text += ". ";
        text += more.trim_end_matches('.');
    }
    text
}

/// The constraint that a statement broke by being no longer unique.
pub(crate) fn broken_key(error: &DbErr) -> Option<&str> {
    let error = of_postgres(error)?;
    (error.code() == "23505").then(|| error.constraint()).flatten()
}

/// The SQLSTATE of an error that PostgreSQL raised.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn sqlstate(error: &DbErr) -> Option<&str> {
    of_postgres(error).map(sqlx::postgres::PgDatabaseError::code)
}

/// Whether a table is missing, or its schema.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn is_without_table(error: &DbErr) -> bool {
    matches!(sqlstate(error), Some("42P01" | "3F000"))
}

/// Whether a statement on the catalog failed because there is none, or an older version's, without the columns.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(crate) fn is_without_catalog(error: &DbErr) -> bool {
    matches!(sqlstate(error), Some("42P01" | "42703"))
}

/// Whether an error says that the session is over. A pooler says so, too, when it has lost the server.
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
