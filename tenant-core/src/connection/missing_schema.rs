//! The error of a statement whose tenant has no schema any more.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use super::ConnectionContext;
use crate::error::ConnectionError;

impl ConnectionContext {
    /// Returns [`ConnectionError::NoSchema`] in place of PostgreSQL's error of a missing table if the schema is missing.
    /// This asks the database, after an error of a missing table only.
    pub(super) async fn explain<T>(
        &self,
        db: &DatabaseConnection,
        result: Result<T, DbErr>,
    ) -> Result<T, DbErr> {
        match result {
            Err(error) if is_of_missing_table(&error) => match self.schema_exists(db).await {
                Ok(false) => Err(self.no_schema()),
                _ => Err(error),
            },
            result => result,
        }
    }

    pub(super) fn no_schema(&self) -> DbErr {
        let tenant = self.schema().clone();
        ConnectionError::NoSchema { tenant }.into()
    }

    async fn schema_exists(&self, db: &DatabaseConnection) -> Result<bool, DbErr> {
        let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
        let schema = self.schema().as_str().into();
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [schema]);
        Ok(db.query_one_raw(statement).await?.is_some())
    }
}

/// True for the SQLSTATEs 42P01 and 3F000. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
#[cfg(feature = "sqlx-postgres")]
fn is_of_missing_table(error: &DbErr) -> bool {
    use sea_orm::{RuntimeErr, sqlx::error::DatabaseError};

    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(code.as_deref(), Some("42P01" | "3F000"))
}

#[cfg(not(feature = "sqlx-postgres"))]
fn is_of_missing_table(_: &DbErr) -> bool {
    false
}
