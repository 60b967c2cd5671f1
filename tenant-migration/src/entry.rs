//! Entering a schema in a transaction: its lock, its search path, the patience of the run, and a look at where one
//! stands, in one round trip.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};
use tenant_core::SchemaName;

use crate::{
    error::sqlstate,
    ledger::Ledger,
    lock::{self, Hold},
    migrations::Migrations,
    rows,
    run_options::RunOptions,
};

/// What PostgreSQL says of where the transaction stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The first schema of the search path that is there.
    pub(crate) schema: Option<String>,
    pub(crate) has_ledger: bool,
}

/// PostgreSQL evaluates what a SELECT lists from the left to the right, and looks names up as they are by then, so
/// whether the ledger is there is asked under the lock.
///
/// As they are by then, to what this session was told: it remembers that a name was not there, and hears of what others
/// committed since when it locks a table. `pg_relation_size` does, for a moment.
/// <https://github.com/postgres/postgres/blob/REL_17_STABLE/src/backend/storage/lmgr/lmgr.c> (`LockRelationOid`)
const ENTER: &str = "
    SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS is_locked, set_config('search_path', $2, true),
        set_config('lock_timeout', $3, true), set_config('statement_timeout', $4, true),
        pg_relation_size('pg_catalog.pg_namespace'::regclass),
        current_schema()::text AS schema, to_regclass($5) IS NOT NULL AS has_ledger";

/// Puts a transaction into a schema, under the schema's lock.
pub(crate) async fn enter(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    ledger: Ledger<'_>,
    options: &RunOptions,
) -> Result<Place, DbErr> {
    let schema = ledger.schema;
    let values = settings(migrations, schema, options)
        .into_iter()
        .chain([ledger.quoted()]);
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, ENTER, values.map(Into::into));
    let row = ask(db, statement.clone()).await?;
    if row.try_get("", "is_locked")? {
        return place(&row);
    }
    lock::acquire(db, schema, Hold::Transaction).await?;
    // Whoever had the lock may have made the ledger. A lock that is held may be taken twice.
    place(&ask(db, statement).await?)
}

/// As [`ENTER`], as statements without an answer: they fail with [`NOT_AS_PLANNED`] where somebody has the lock, or where
/// the ledger has not just what it had when the run was planned. PostgreSQL does not evaluate the casts before, since what
/// they are of is not a constant, and each statement sees what was committed before it.
const ENTER_AT_ONCE: &str = "
    SELECT set_config('search_path', $2, true), set_config('lock_timeout', $3, true),
        set_config('statement_timeout', $4, true),
        CASE WHEN pg_try_advisory_xact_lock(hashtextextended($1, 0)) AND current_schema() = $5
                AND current_setting('transaction_isolation') = 'read committed' THEN 0
            ELSE concat('it cannot be entered at once, ', current_schema())::int4 END";

const REQUIRE_AS_PLANNED: &str = "
    SELECT CASE WHEN count(*)::text = $1 AND coalesce(string_agg(version, $2 ORDER BY version COLLATE \"C\"), '') = $3 THEN 0
            ELSE concat('it has changed, ', current_schema())::int4 END
        FROM <ledger>";

const SEPARATOR: &str = "\n";

/// invalid_text_representation, or undefined_table where the ledger has gone.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const NOT_AS_PLANNED: [&str; 2] = ["22P02", "42P01"];

/// What puts a transaction that has just begun into a schema, under the schema's lock. It fails if somebody has that, or
/// if what is read after it would not be newer than the lock.
pub(crate) fn entering_at_once(migrations: &Migrations, schema: &SchemaName, options: &RunOptions) -> String {
    let values = settings(migrations, schema, options)
        .into_iter()
        .chain([schema.as_str().to_owned()]);
    rows::inlined(ENTER_AT_ONCE, values.map(Into::into))
}

/// What fails if a ledger has other migrations than these.
fn requiring_as_planned(ledger: Ledger<'_>, planned: &[Arc<str>]) -> String {
    let mut sorted = planned.to_vec();
    // By its bytes, as "C" does.
    sorted.sort_unstable();
    let values = [
        sorted.len().to_string(),
        SEPARATOR.to_owned(),
        sorted.join(SEPARATOR),
    ];
    let sql = REQUIRE_AS_PLANNED.replace("<ledger>", &ledger.quoted());
    rows::inlined(&sql, values.map(Into::into))
}

/// Puts a transaction that has just begun into a schema, under the schema's lock, if nobody has that and the ledger has
/// these migrations and no others. `false` leaves the transaction to be rolled back.
pub(crate) async fn enter_as_planned(
    db: &impl ConnectionTrait,
    migrations: &Migrations,
    ledger: Ledger<'_>,
    planned: &[Arc<str>],
    options: &RunOptions,
) -> Result<bool, DbErr> {
    let enter = entering_at_once(migrations, ledger.schema, options);
    let sql = [enter, requiring_as_planned(ledger, planned)].join(";\n");
    match db.execute_unprepared(&sql).await {
        Ok(_) => Ok(true),
        Err(error) if sqlstate(&error).is_some_and(|code| NOT_AS_PLANNED.contains(&code)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The first values of both ways to enter.
fn settings(migrations: &Migrations, schema: &SchemaName, options: &RunOptions) -> [String; 4] {
    [
        lock::key(schema),
        migrations.search_path(schema),
        milliseconds(options.lock_timeout),
        milliseconds(options.statement_timeout),
    ]
}

fn place(row: &QueryResult) -> Result<Place, DbErr> {
    Ok(Place {
        schema: row.try_get("", "schema")?,
        has_ledger: row.try_get("", "has_ledger")?,
    })
}

async fn ask(db: &impl ConnectionTrait, statement: Statement) -> Result<QueryResult, DbErr> {
    let row = db.query_one_raw(statement).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("a SELECT without FROM gave no row".to_owned()))
}

/// As a setting of PostgreSQL, which has no more than this.
pub(crate) fn milliseconds(time: Duration) -> String {
    time.as_millis().min(i32::MAX as u128).to_string()
}
