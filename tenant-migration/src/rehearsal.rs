//! Asks a migration for its statements without a database.
//!
//! SeaORM's `SchemaManager` takes its own connections only. Its proxy is one of them, and lets us stand between a
//! migration and the driver.

use std::{
    future::pending,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use sea_orm::{
    DbBackend, DbErr, ProxyDatabaseConnector, ProxyDatabaseTrait, ProxyExecResult, ProxyRow, Statement,
    TransactionTrait as _,
};
use sea_orm_migration::{MigrationTrait, SchemaManager};
use tenant_core::__private::{StatementShape, shape};

/// The statements that a migration sends, if all that it does is to change the schema, whatever it finds there.
///
/// It runs for a single poll, on a connection that says of each such statement that it is done, and leaves everything
/// else without an answer: a query, a change of rows, a nested transaction. So nothing that waits, for the database or
/// for anything else, gets to its end, and no wrong answer is acted upon.
///
/// To say that a change of the schema is done before it is, is not wrong: its answer holds nothing, and where it
/// fails, so does the migration, in whose transaction PostgreSQL does nothing more.
pub(crate) fn rehearse(migration: &dyn MigrationTrait) -> Option<Vec<String>> {
    let statements = Arc::<Mutex<Vec<_>>>::default();
    let stage = Stage {
        statements: Arc::clone(&statements),
        is_begun: AtomicBool::new(false),
    };
    let up = AssertUnwindSafe(run(migration, stage)).catch_unwind();
    up.now_or_never()?.ok()?.ok()?;
    let statements = std::mem::take(&mut *statements.lock().unwrap_or_else(PoisonError::into_inner));
    Some(statements)
}

async fn run(migration: &dyn MigrationTrait, stage: Stage) -> Result<(), DbErr> {
    let db = ProxyDatabaseConnector::connect(DbBackend::Postgres, Arc::new(Box::new(stage)))?;
    // What migrations get otherwise.
    let transaction = db.begin().await?;
    migration.up(&SchemaManager::new(&transaction)).await
}

/// Notes changes of the schema, and answers nothing else.
#[derive(Debug)]
struct Stage {
    statements: Arc<Mutex<Vec<String>>>,
    /// The migration's transaction.
    is_begun: AtomicBool,
}

#[async_trait]
impl ProxyDatabaseTrait for Stage {
    async fn query(&self, _: Statement) -> Result<Vec<ProxyRow>, DbErr> {
        pending().await
    }

    async fn execute(&self, statement: Statement) -> Result<ProxyExecResult, DbErr> {
        let has_values = statement.values.is_some_and(|values| !values.0.is_empty());
        if has_values || shape(&statement.sql) != Ok(StatementShape::Schema) {
            return pending().await;
        }
        self.statements
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(statement.sql);
        Ok(ProxyExecResult::default())
    }

    async fn begin(&self) {
        if self.is_begun.swap(true, Ordering::Relaxed) {
            pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;
    use sea_orm_migration::{prelude::*, schema::text_null};

    use super::*;

    /// What a migration does.
    #[derive(Clone, Copy)]
    enum Does {
        Changes,
        Raw(&'static str),
        AsksForTable,
        ChangesRows,
        Nests,
        Waits,
        Fails,
        Panics,
    }

    impl MigrationName for Does {
        fn name(&self) -> &str {
            "m1"
        }
    }

    #[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
    #[async_trait]
    impl MigrationTrait for Does {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            let column = Table::alter()
                .table("note")
                .add_column(text_null("extra"))
                .to_owned();
            manager.alter_table(column).await?;
            match self {
                Self::Changes => {
                    let index = Index::create().name("i").table("note").col("extra").to_owned();
                    manager.create_index(index).await
                }
                Self::Raw(sql) => manager.get_connection().execute_unprepared(sql).await.map(|_| ()),
                Self::AsksForTable => manager.has_table("note").await.map(|_| ()),
                Self::ChangesRows => {
                    let update = Query::update().table("note").value("extra", "x").to_owned();
                    manager.execute(update).await
                }
                Self::Nests => manager.begin().await?.commit().await,
                Self::Waits => {
                    tokio::task::yield_now().await;
                    Ok(())
                }
                Self::Fails => Err(DbErr::Custom("no".to_owned())),
                Self::Panics => panic!("not written yet"),
            }
        }
    }

    #[test]
    fn changes_of_the_schema_are_told() {
        let column = r#"ALTER TABLE "note" ADD COLUMN "extra" text NULL"#;
        let index = r#"CREATE INDEX "i" ON "note" ("extra")"#;
        assert_eq!(
            rehearse(&Does::Changes),
            Some(vec![column.to_owned(), index.to_owned()])
        );
        let raw = "CREATE TYPE mood AS ENUM ('good; /*', 'bad') -- of a note";
        assert_eq!(
            rehearse(&Does::Raw(raw)),
            Some(vec![column.to_owned(), raw.to_owned()])
        );
    }

    #[test]
    fn whatever_else_it_does_is_not_done_here() {
        let others = [
            Does::AsksForTable,
            Does::ChangesRows,
            Does::Nests,
            Does::Waits,
            Does::Fails,
            Does::Panics,
            Does::Raw("UPDATE note SET extra = 'x'"),
            Does::Raw("SET search_path = globex"),
            Does::Raw("DO $$ BEGIN END $$"),
            Does::Raw("SELECT setval('note_id_seq', 7)"),
            Does::Raw("CREATE TABLE copy AS SELECT * FROM note"),
            Does::Raw("ALTER TABLE note ADD a int; UPDATE note SET a = 1"),
            Does::Raw("ALTER TABLE note ADD a text DEFAULT 'unfinished"),
            Does::Raw("ALTER TABLE note ADD a int /* unfinished"),
            Does::Raw("COMMIT"),
            Does::Raw(""),
        ];
        for migration in others {
            assert_eq!(rehearse(&migration), None);
        }
    }
}
