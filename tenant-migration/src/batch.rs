//! [`Batch`]: the pending migrations of a tenant as one message to the server.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sea_orm::{
    DbErr, RuntimeErr,
    sqlx::{self, AssertSqlSafe, PgPool},
};

use crate::{
    entry::entering_at_once,
    migrations::Migrations,
    pin::MADE_NO_FUNCTIONS,
    plan::{Left, Step},
    run_options::RunOptions,
    version,
    work::Home,
};

/// Everything from the lock to the catalog's version. PostgreSQL takes a message of several statements for a
/// transaction, so all of it is done or nothing.
/// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT>
pub(crate) struct Batch<'a> {
    statements: Vec<(Part<'a>, String)>,
}

/// What a statement is there for.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    /// It is a migration's own.
    Migration(&'a Step),
    /// It looks after what is done.
    Ours,
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum BatchError {
    /// A statement of a migration failed, for its own fault if the schema was as planned.
    Migration { step: Step, source: DbErr },
    /// The schema is not as planned, or a batch is not enough for it.
    Ours(DbErr),
}

impl<'a> Batch<'a> {
    /// `left` is to be done if the catalog has the version of what was `planned`, as every run sees to under the lock.
    /// Its migrations send what was `sent`, each its own, and nobody has hooks or roles.
    pub(crate) fn new(
        migrations: &Migrations,
        home: Home<'_>,
        planned: &[Arc<str>],
        left: &'a Left,
        sent: Vec<Vec<String>>,
        options: &RunOptions,
    ) -> Self {
        let schema = home.schema;
        let set = home.set(migrations);
        let before = set.version(|name| planned.iter().any(|planned| **planned == *name));
        let after = set.version(|name| left.applied.contains(name));
        let advance = version::advance(schema, before.map(|name| &**name), after.map(|name| &**name));
        let condition = match migrations.pins(schema) {
            true => MADE_NO_FUNCTIONS,
            false => "true",
        };
        let names = left.steps.iter().filter_map(Step::name);
        let record = home.ledger(migrations).record_if(names, condition);
        let enter = entering_at_once(migrations, schema, options);
        // A migration may have gone elsewhere, as by a default that it calls.
        let path = migrations.set_path(schema);
        let own = left.steps.iter().zip(sent).flat_map(|(step, statements)| {
            let part = Part::Migration(step);
            let statements = statements.into_iter().map(move |statement| (part, statement));
            statements.chain([(Part::Ours, path.clone())])
        });
        let ours = |statement| (Part::Ours, statement);
        let statements = [ours(enter)].into_iter().chain(own);
        Self {
            statements: statements.chain([record, advance].map(ours)).collect(),
        }
    }

    /// Does all of it, or nothing.
    pub(crate) async fn send(&self, pool: &PgPool) -> Result<(), BatchError> {
        let mut done = 0;
        let sent = self.execute(pool, &mut done).await;
        sent.map_err(|error| match self.statements.get(done) {
            // PostgreSQL reads all of a message before it does anything, so the first one is to blame for no text.
            Some((Part::Migration(step), _)) => BatchError::Migration {
                step: (*step).clone(),
                source: error,
            },
            _ => BatchError::Ours(error),
        })
    }

    /// `done` is how many statements were.
    async fn execute(&self, pool: &PgPool, done: &mut usize) -> Result<(), DbErr> {
        let statements: Vec<_> = self.statements.iter().map(|(_, sql)| sql.as_str()).collect();
        // A comment at the end of a statement ends with its line.
        let message = AssertSqlSafe(statements.join("\n;\n"));
        let mut connection = pool.acquire().await.map_err(failed)?;
        let mut results = sqlx::raw_sql(message).execute_many(&mut *connection);
        while results.try_next().await.map_err(failed)?.is_some() {
            *done += 1;
        }
        Ok(())
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}
