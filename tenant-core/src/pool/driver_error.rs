//! Errors of the driver, and the errors of SeaORM that they become.

use std::{io::ErrorKind, sync::Arc};

use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{
        Error,
        error::DatabaseError,
        postgres::{PgDatabaseError, PgSeverity},
    },
};

/// True if a server that is stopping or starting ended a connection before use: it closed it, is shutting down (57P01),
/// has crashed (57P02) or is not ready (57P03).
pub(super) fn has_hung_up(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else {
        return false;
    };
    match &**error {
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
        ),
        // sqlx takes the end of the stream for an answer of zero: `request_ssl` in sqlx-postgres/src/connection/tls.rs.
        Error::Protocol(text) => text.starts_with("unexpected response from SSLRequest: 0x00"),
        error => has_code(error, &["57P01", "57P02", "57P03"]),
    }
}

/// True if sqlx tried to open a connection until its time was over. It does not report why it failed.
pub(super) fn is_timeout(error: &DbErr) -> bool {
    matches!(error, DbErr::Conn(RuntimeErr::SqlxError(error)) if matches!(**error, Error::PoolTimedOut))
}

/// True if the server sent one of these SQLSTATEs.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
pub(super) fn has_code(error: &Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Returns the error of a connection that could not be opened.
pub(super) fn not_opened(error: Error) -> DbErr {
    match error {
        Error::PoolClosed => super::closed(),
        error => DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))),
    }
}

pub(super) fn query_error(error: Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

pub(super) fn exec_error(error: Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// True if the connection cannot be used after an error. Errors of PostgreSQL leave it intact unless they are fatal,
/// and so do errors of values and types.
pub(super) fn is_end_of_session(error: &Error) -> bool {
    match error {
        Error::Database(error) => {
            let severity = error
                .try_downcast_ref::<PgDatabaseError>()
                .map(PgDatabaseError::severity);
            matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
        }
        Error::RowNotFound
        | Error::TypeNotFound { .. }
        | Error::ColumnNotFound(_)
        | Error::ColumnIndexOutOfBounds { .. }
        | Error::ColumnDecode { .. }
        | Error::Encode(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_closes_a_new_connection_has_hung_up() {
        let protocol = |text: &str| not_opened(Error::Protocol(text.to_owned()));
        let ended = "unexpected response from SSLRequest: 0x00 (sqlx_postgres::connection::tls:95)";
        assert!(has_hung_up(&protocol(ended)));
        assert!(has_hung_up(&not_opened(Error::Io(
            ErrorKind::UnexpectedEof.into()
        ))));
        let answered = "unexpected response from SSLRequest: 0x48 (sqlx_postgres::connection::tls:95)";
        assert!(!has_hung_up(&protocol(answered)), "it speaks HTTP");
        assert!(!has_hung_up(&not_opened(Error::Io(
            ErrorKind::ConnectionRefused.into()
        ))));
    }
}
