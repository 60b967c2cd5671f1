//! Entering a schema: a transaction with the schema's lock, its search path and the timeouts of the run. BEGIN is one
//! message. A second one does the rest, and asks for the state of the schema.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait};

use crate::{
    database::inlined,
    define::{Ledger, Migrations},
    plan::RunOptions,
    schema::lock::{self, Pauses},
};

/// State of the schema that a session was put into, by PostgreSQL's catalogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SchemaState {
    /// True if the schema is there, and unqualified names are looked up in it first.
    pub(crate) is_in_schema: bool,
    pub(crate) has_ledger: bool,
}

/// Begins a transaction in a schema, and holds the schema's lock until its end. Where somebody else has the lock, the
/// transaction ends before the next attempt.
pub(crate) async fn enter(
    db: &DatabaseConnection,
    migrations: &Migrations,
    ledger: Ledger<'_>,
    options: &RunOptions,
) -> Result<(DatabaseTransaction, SchemaState), DbErr> {
    let mut pauses = Pauses::default();
    let message = entering(migrations, ledger, options);
    loop {
        let transaction = db.begin().await?;
        let answer = Answer::of(&transaction, &message).await?;
        if answer.has(LOCKED) {
            return Ok((transaction, answer.state()));
        }
        transaction.rollback().await?;
        pauses.pause(ledger.schema).await;
    }
}

/// Returns the state of a schema, on a session that was put into it before.
pub(crate) async fn find_state(db: &impl ConnectionTrait, ledger: Ledger<'_>) -> Result<SchemaState, DbErr> {
    let answer = Answer::of(db, &asking_for_place(ledger)).await?;
    Ok(answer.state())
}

/// The lock comes first: each statement sees what was committed before it began. READ COMMITTED sees to that, whatever the
/// default is.
fn entering(migrations: &Migrations, ledger: Ledger<'_>, options: &RunOptions) -> String {
    let schema = ledger.schema;
    [
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned(),
        migrations.set_path(schema),
        set_timeout("lock_timeout", options.lock_timeout),
        set_timeout("statement_timeout", options.statement_timeout),
        LOCKED.if_condition(&lock::try_acquire_condition(schema)),
        asking_for_place(ledger),
    ]
    .join(";\n")
}

/// Both name tables of PostgreSQL's, so that the session hears of what others committed: it does when it locks a table.
/// <https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/storage/lmgr/lmgr.c> (`LockRelationOid`)
fn asking_for_place(ledger: Ledger<'_>) -> String {
    let schema = ledger.schema.as_str();
    let is_in_schema = inlined(
        "EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1 AND nspname = pg_catalog.current_schema())",
        [schema.into()],
    );
    let has_ledger = inlined(
        "EXISTS (SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
            WHERE nspname = $1 AND relname = $2 AND relkind IN ('r', 'p'))",
        [schema.into(), ledger.table.into()],
    );
    [
        IN_SCHEMA.if_condition(&is_in_schema),
        HAS_LEDGER.if_condition(&has_ledger),
    ]
    .join(";\n")
}

/// A yes, as a number of rows. A message of several statements gives no rows in SeaORM, only how many there were.
#[derive(Clone, Copy)]
struct Yes(u64);

const LOCKED: Yes = Yes(1);
const IN_SCHEMA: Yes = Yes(2);
const HAS_LEDGER: Yes = Yes(4);

impl Yes {
    /// A query with so many rows if the condition holds, and none if it does not.
    fn if_condition(self, condition: &str) -> String {
        format!(
            "SELECT FROM pg_catalog.generate_series(1, CASE WHEN {condition} THEN {} ELSE 0 END)",
            self.0
        )
    }
}

/// The answers to all questions of a message: the sum of their rows.
struct Answer(u64);

impl Answer {
    async fn of(db: &impl ConnectionTrait, message: &str) -> Result<Self, DbErr> {
        Ok(Self(db.execute_unprepared(message).await?.rows_affected()))
    }

    fn has(&self, yes: Yes) -> bool {
        self.0 & yes.0 != 0
    }

    fn state(&self) -> SchemaState {
        SchemaState {
            is_in_schema: self.has(IN_SCHEMA),
            has_ledger: self.has(HAS_LEDGER),
        }
    }
}

/// The statement that sets a timeout for the rest of the transaction. PostgreSQL takes no more than `i32::MAX`
/// milliseconds.
pub(crate) fn set_timeout(name: &str, time: Duration) -> String {
    let milliseconds = time.as_millis().min(i32::MAX as u128);
    format!("SET LOCAL {name} = {milliseconds}")
}
