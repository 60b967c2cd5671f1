//! [`TenantRoleNames`]: the names of the roles that statements run as.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::sync::OnceCell;

use crate::{error::ConnectionError, role_name::RoleName, schema_name::SchemaName};

/// Names of the roles of one database. The name of the database is read once.
#[derive(Debug, Clone, Default)]
pub(crate) struct TenantRoleNames {
    database: Arc<OnceCell<String>>,
}

impl TenantRoleNames {
    pub(super) async fn of(&self, db: &DatabaseConnection, schema: &SchemaName) -> Result<RoleName, DbErr> {
        let database = self.database.get_or_try_init(|| database_name(db)).await?;
        RoleName::new(database, schema).map_err(|source| {
            let tenant = schema.clone();
            ConnectionError::RoleName { tenant, source }.into()
        })
    }
}

/// Returns the name of the database that a connection is in.
///
/// # Errors
/// [`DbErr`] if the database does not answer.
pub async fn database_name(db: &impl ConnectionTrait) -> Result<String, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT pg_catalog.current_database()::text");
    let missing = || DbErr::RecordNotFound("the name of the database".to_owned());
    let row = db.query_one_raw(statement).await?.ok_or_else(missing)?;
    row.try_get_by_index(0)
}
