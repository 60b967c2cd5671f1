//! What migrations send, learned from a run of theirs, and asked for without a database from then on.
//!
//! SeaORM's `SchemaManager` takes its own connections only. Its proxy is one of them, and lets us stand between a
//! migration and the driver. It does not let us answer all that a migration may ask, a stream for one. So no migration
//! is asked that was not seen to run, for some tenant, with nothing else than changes of the schema.

use std::{
    future::pending,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
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
use tenant_core::__private::{StatementKind, statement_kind};

/// What is known of what a migration sends.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Known>);

#[derive(Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// A run of it is, until the watch ends.
    IsWatched,
    /// These, which are changes of the schema.
    Sends(Vec<String>),
    /// Something else, too, or not always the same.
    Varies,
}

/// What to do with migrations whose scripts are these.
pub(crate) enum Rehearsal<'a> {
    /// They send these, each its own.
    Sends(Vec<Vec<String>>),
    /// The next run is to be watched.
    Unknown(Watch<'a>),
    /// They are to be run.
    Varies,
}

/// Scripts that are being learned. Others run the migrations meanwhile.
pub(crate) struct Watch<'a>(Vec<&'a Script>);

impl Script {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, sent: Vec<String>) {
        // One that sends nothing may be one that is not heard.
        let is_plain = !sent.is_empty() && sent.iter().all(|sql| changes_schema(sql));
        *self.lock() = match is_plain {
            true => Known::Sends(sent),
            false => Known::Varies,
        };
    }

    /// The statements of the migration, if they are as it was learned.
    fn rehearse(&self, migration: &dyn MigrationTrait) -> Option<Vec<String>> {
        let rehearsed = rehearse(migration);
        let mut known = self.lock();
        match (&*known, rehearsed) {
            (Known::Sends(sent), Some(rehearsed)) if is_same(sent, &rehearsed) => Some(rehearsed),
            _ => {
                *known = Known::Varies;
                None
            }
        }
    }
}

impl<'a> Rehearsal<'a> {
    pub(crate) fn of(migrations: &[(&'a Script, &dyn MigrationTrait)]) -> Self {
        let mut watch = Watch(Vec::new());
        for (script, _) in migrations {
            let mut known = script.lock();
            match *known {
                Known::Sends(_) => {}
                Known::IsWatched | Known::Varies => return Self::Varies,
                Known::Nothing => {
                    *known = Known::IsWatched;
                    watch.0.push(script);
                }
            }
        }
        if !watch.0.is_empty() {
            watch.0 = migrations.iter().map(|(script, _)| *script).collect();
            return Self::Unknown(watch);
        }
        let rehearsed = migrations
            .iter()
            .map(|(script, migration)| script.rehearse(*migration));
        rehearsed.collect::<Option<_>>().map_or(Self::Varies, Self::Sends)
    }
}

impl Watch<'_> {
    /// The migrations sent these, each its own.
    pub(crate) fn learn(self, sent: Vec<Vec<String>>) {
        if sent.len() == self.0.len() {
            for (script, sent) in self.0.iter().zip(sent) {
                script.learn(sent);
            }
        }
    }
}

/// What was not learned is to be learned by another run.
impl Drop for Watch<'_> {
    fn drop(&mut self) {
        for script in &self.0 {
            let mut known = script.lock();
            if matches!(*known, Known::IsWatched) {
                *known = Known::Nothing;
            }
        }
    }
}

fn changes_schema(sql: &str) -> bool {
    statement_kind(sql) == Ok(StatementKind::Schema)
}

fn is_same(a: &[String], b: &[String]) -> bool {
    a.iter().map(|sql| sql.trim()).eq(b.iter().map(|sql| sql.trim()))
}

/// The statements that a migration sends, if all that it does is to change the schema.
///
/// It runs for a single poll, on a connection that says of each such statement that it is done, and leaves other
/// statements without an answer. So nothing that waits gets to its end.
///
/// To say that a change of the schema is done before it is, is not wrong: its answer holds nothing, and where it
/// fails, so does the migration, in whose transaction PostgreSQL does nothing more.
fn rehearse(migration: &dyn MigrationTrait) -> Option<Vec<String>> {
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

/// Notes changes of the schema, and answers nothing else that it is asked.
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
        if has_values || !changes_schema(&statement.sql) {
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

    fn scripts<'a>(known: &'a [Script], does: &'a [Does]) -> Vec<(&'a Script, &'a dyn MigrationTrait)> {
        let migrations = does.iter().map(|does| does as &dyn MigrationTrait);
        known.iter().zip(migrations).collect()
    }

    #[test]
    fn what_was_not_seen_is_not_rehearsed() {
        let known = [Script::default(), Script::default()];
        let does = [Does::Changes, Does::Changes];
        let scripts = scripts(&known, &does);
        let sent = || rehearse(&Does::Changes).unwrap();
        let Rehearsal::Unknown(watch) = Rehearsal::of(&scripts) else {
            panic!("nothing is known");
        };
        assert!(matches!(Rehearsal::of(&scripts), Rehearsal::Varies), "watched");
        drop(watch);
        let Rehearsal::Unknown(watch) = Rehearsal::of(&scripts) else {
            panic!("the first watch learned nothing");
        };
        watch.learn(vec![sent(), sent()]);
        assert!(matches!(Rehearsal::of(&scripts), Rehearsal::Sends(all) if all == [sent(), sent()]));
    }

    #[test]
    fn what_was_seen_otherwise_is_run() {
        let text = |sql: &str| sql.to_owned();
        let others = [
            vec![],
            vec![text("ALTER TABLE note ADD COLUMN other text")],
            vec![text("SELECT 1")],
            rehearse(&Does::Changes)
                .unwrap()
                .into_iter()
                .chain([text("SELECT id FROM note")])
                .collect(),
        ];
        for sent in others {
            let (known, does) = ([Script::default()], [Does::Changes]);
            let scripts = scripts(&known, &does);
            let Rehearsal::Unknown(watch) = Rehearsal::of(&scripts) else {
                panic!("nothing is known");
            };
            watch.learn(vec![sent]);
            assert!(matches!(Rehearsal::of(&scripts), Rehearsal::Varies));
            assert!(matches!(Rehearsal::of(&scripts), Rehearsal::Varies));
        }
    }
}
