//! The error of a statement whose tenant has no schema any more.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use super::ConnectionContext;
use crate::error::{ConnectionError, sqlstate};

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

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_of_missing_table(error: &DbErr) -> bool {
    matches!(sqlstate(error).as_deref(), Some("42P01" | "3F000"))
}
