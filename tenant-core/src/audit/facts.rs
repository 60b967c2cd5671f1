//! [`Facts`]: what an audit reads, in as many queries for a thousand tenants as for one.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{AccessMode, IsolationLevel, Value};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, Statement, TransactionTrait,
};

use super::{
    error::AuditError,
    expected::Expected,
    functions::{self, Function, SessionChange},
    references::{self, Reference},
    schemas::{self, Schemas, Space},
};

/// What the database has.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) schemas: Schemas,
    pub(super) functions: Vec<Function>,
    pub(super) session_changes: Vec<SessionChange>,
    pub(super) references: Vec<Reference>,
    /// By schema.
    pub(super) things: BTreeMap<String, Things>,
}

/// The names that a schema has.
#[derive(Debug, Default)]
pub(super) struct Things {
    /// Tables and views.
    pub(super) relations: BTreeSet<String>,
    /// Tables, their partitions apart.
    pub(super) tables: BTreeSet<String>,
    /// Enum types.
    pub(super) enums: BTreeSet<String>,
}

#[derive(Debug, FromQueryResult)]
struct Thing {
    schema: String,
    name: String,
    kind: String,
}

/// What extensions brought is theirs.
const THINGS: &str = "
SELECT nspname::text AS schema, relname::text AS name,
    CASE WHEN relkind IN ('r', 'p', 'f') AND NOT relispartition THEN 'table' ELSE 'relation' END AS kind
FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relkind IN ('r', 'p', 'f', 'v', 'm')
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e'
    )
UNION ALL
SELECT nspname::text, typname::text, 'enum'
FROM pg_catalog.pg_type AS type JOIN pg_catalog.pg_namespace AS space ON space.oid = typnamespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND typtype = 'e'
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_type'::regclass AND objid = type.oid AND deptype = 'e'
    )";

impl Facts {
    /// Reads them as they are at one moment: a tenant that is made meanwhile is there, or not at all.
    pub(super) async fn read(db: &DatabaseConnection, expected: &Expected) -> Result<Self, AuditError> {
        let transaction = db
            .begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly))
            .await?;
        let facts = Self::read_in(&transaction, expected).await;
        transaction.rollback().await?;
        facts
    }

    async fn read_in(db: &impl ConnectionTrait, expected: &Expected) -> Result<Self, AuditError> {
        let catalog = read_catalog(db).await?;
        let spaces = Space::find_by_statement(statement(schemas::QUERY, []))
            .all(db)
            .await?;
        let schemas = Schemas::new(catalog, spaces, expected);
        let functions = Function::find_by_statement(statement(functions::query(), []));
        let session_changes = SessionChange::find_by_statement(statement(functions::CHANGES_SESSION, []));
        let everybody = serde_json::Value::from_iter(schemas.everybody());
        let references = Reference::find_by_statement(statement(references::QUERY, [everybody.into()]));
        Ok(Self {
            functions: functions.all(db).await?,
            session_changes: session_changes.all(db).await?,
            references: references.all(db).await?,
            things: read_things(db).await?,
            schemas,
        })
    }

    /// The names that a schema has.
    pub(super) fn things(&self, schema: &str) -> &Things {
        static NOTHING: Things = Things {
            relations: BTreeSet::new(),
            tables: BTreeSet::new(),
            enums: BTreeSet::new(),
        };
        self.things.get(schema).unwrap_or(&NOTHING)
    }
}

async fn read_catalog(db: &impl ConnectionTrait) -> Result<Vec<String>, AuditError> {
    let sql = "SELECT to_regclass('public.tenants') IS NOT NULL AS found";
    let row = db.query_one_raw(statement(sql, [])).await?;
    if !row.map_or(Ok(false), |row| row.try_get("", "found"))? {
        return Err(AuditError::NoCatalog);
    }
    let sql = "SELECT schema_name FROM public.tenants";
    let rows = db.query_all_raw(statement(sql, [])).await?.into_iter();
    let names: Result<_, DbErr> = rows.map(|row| row.try_get("", "schema_name")).collect();
    Ok(names?)
}

async fn read_things(db: &impl ConnectionTrait) -> Result<BTreeMap<String, Things>, DbErr> {
    let mut by_schema = BTreeMap::<_, Things>::new();
    for thing in Thing::find_by_statement(statement(THINGS, [])).all(db).await? {
        let things = by_schema.entry(thing.schema).or_default();
        match thing.kind.as_str() {
            "enum" => things.enums.insert(thing.name),
            "table" => things.relations.insert(thing.name.clone()) && things.tables.insert(thing.name),
            _ => things.relations.insert(thing.name),
        };
    }
    Ok(by_schema)
}

fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
