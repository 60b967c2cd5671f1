//! Databases that killed processes left behind.

use std::path::Path;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement};
use tokio::sync::OnceCell;

use super::{
    database::{PREFIX, drop_roles, server_url, single_connection},
    template,
};

/// Drops the test databases of processes that ended, on the server of `DATABASE_URL`: those that nobody uses. The first
/// database that a process creates does this by itself.
///
/// # Panics
/// If `DATABASE_URL` is not set or names no reachable server.
pub async fn drop_leftovers() {
    let db = Database::connect(single_connection(&server_url()))
        .await
        .expect("connect");
    for database in unused(&db).await.expect("the databases of the server") {
        if database.is_left_behind() {
            database.drop(&db).await;
        }
    }
    db.close().await.expect("close");
}

/// Does the same, once per process.
pub(super) async fn drop_leftovers_once() {
    static DONE: OnceCell<()> = OnceCell::const_new();
    DONE.get_or_init(drop_leftovers).await;
}

#[derive(Debug, FromQueryResult)]
struct UnusedDatabase {
    name: String,
    comment: Option<String>,
}

/// Lists the databases of tests and the templates that nobody uses.
async fn unused(db: &DatabaseConnection) -> Result<Vec<UnusedDatabase>, DbErr> {
    let sql =
        "SELECT datname::text AS name, shobj_description(oid, 'pg_database') AS comment FROM pg_database
        WHERE (starts_with(datname::text, $1) OR starts_with(datname::text, $2))
            AND NOT EXISTS (
                SELECT FROM pg_stat_activity AS session
                WHERE session.datname = pg_database.datname OR session.application_name = pg_database.datname
            )";
    let prefixes = [PREFIX.into(), template::PREFIX.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, prefixes);
    UnusedDatabase::find_by_statement(statement).all(db).await
}

impl UnusedDatabase {
    /// A template stays for the next run of its program.
    fn is_left_behind(&self) -> bool {
        match &self.comment {
            _ if self.name.starts_with(PREFIX) => true,
            Some(program) => !Path::new(program).exists(),
            None => false,
        }
    }

    /// Drops it, unless somebody connected to it just now or drops it, too.
    async fn drop(&self, db: &DatabaseConnection) {
        let sql = format!("DROP DATABASE IF EXISTS \"{}\"", self.name);
        match db.execute_unprepared(&sql).await {
            Ok(_) => {
                let _ = db.execute_unprepared(&drop_roles(&self.name)).await;
            }
            Err(error) => tracing::debug!(%error, database = self.name, "a test database was not dropped"),
        }
    }
}
