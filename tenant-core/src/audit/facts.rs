//! [`Facts`]: the objects that an audit reads, in the same number of queries for one tenant and for a thousand.

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
    schemas::{self, Extension, Namespace, Schemas},
};

/// Objects of the database.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) schemas: Schemas,
    pub(super) extensions: Vec<Extension>,
    pub(super) functions: Vec<Function>,
    pub(super) session_changes: Vec<SessionChange>,
    pub(super) references: Vec<Reference>,
    /// Names of objects, by schema.
    pub(super) objects: BTreeMap<String, SchemaObjects>,
}

/// Names of the objects of a schema.
#[derive(Debug, Default)]
pub(super) struct SchemaObjects {
    /// Tables and views.
    pub(super) relations: BTreeSet<String>,
    /// Tables, their partitions apart.
    pub(super) tables: BTreeSet<String>,
    /// Enum types.
    pub(super) enums: BTreeSet<String>,
}

#[derive(Debug, FromQueryResult)]
struct Object {
    schema: String,
    name: String,
    kind: String,
}

/// Query of tables, views and enums. Members of extensions are left out.
const OBJECTS: &str = "
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
    /// Reads the objects in one snapshot: a tenant that is created meanwhile is there wholly or not at all.
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
        let namespaces = Namespace::find_by_statement(statement(schemas::QUERY, []))
            .all(db)
            .await?;
        let schemas = Schemas::new(catalog, namespaces, expected);
        let extensions = Extension::find_by_statement(statement(schemas::EXTENSIONS, []));
        let functions = Function::find_by_statement(statement(functions::query(), []));
        let session_changes = SessionChange::find_by_statement(statement(functions::CHANGES_SESSION, []));
        let shared = serde_json::Value::from_iter(schemas.shared());
        let references = Reference::find_by_statement(statement(references::QUERY, [shared.into()]));
        Ok(Self {
            extensions: extensions.all(db).await?,
            functions: functions.all(db).await?,
            session_changes: session_changes.all(db).await?,
            references: references.all(db).await?,
            objects: read_objects(db).await?,
            schemas,
        })
    }

    /// Returns the names of the objects of a schema.
    pub(super) fn objects(&self, schema: &str) -> &SchemaObjects {
        static NOTHING: SchemaObjects = SchemaObjects {
            relations: BTreeSet::new(),
            tables: BTreeSet::new(),
            enums: BTreeSet::new(),
        };
        self.objects.get(schema).unwrap_or(&NOTHING)
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

async fn read_objects(db: &impl ConnectionTrait) -> Result<BTreeMap<String, SchemaObjects>, DbErr> {
    let mut by_schema = BTreeMap::<_, SchemaObjects>::new();
    for object in Object::find_by_statement(statement(OBJECTS, [])).all(db).await? {
        let objects = by_schema.entry(object.schema).or_default();
        match object.kind.as_str() {
            "enum" => objects.enums.insert(object.name),
            "table" => objects.relations.insert(object.name.clone()) && objects.tables.insert(object.name),
            _ => objects.relations.insert(object.name),
        };
    }
    Ok(by_schema)
}

fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
