//! Reading a [`Structure`].

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use serde_json::Value as Json;
use tenant_core::{RoleName, SchemaName};

use crate::{
    database::{reason, texts},
    define::Migrations,
    schema::structure::{
        fingerprint::Fingerprint,
        mention::mentions,
        order::sorted,
        query::{about_schema, enter, rows, text},
    },
};

/// The structure of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Structure {
    /// Statements for types, functions, tables with their checks and keys, views, indexes.
    before_rows: Vec<String>,
    /// Statements that are faster or only possible when the rows are there: foreign keys, triggers, policies, comments, rights.
    after_rows: Vec<String>,
    /// Statements on the schema itself: what comes before its name, and what comes after it.
    of_schema: Vec<(String, String)>,
    /// Objects outside of the schema that are about it, and are not made for a copy.
    left_out: Vec<String>,
    pub(crate) fingerprint: Fingerprint,
}

/// Why a schema could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It has something that is not made again.
    #[error("{0}")]
    Unsupported(String),
    #[error("the catalogs could not be read: {}", reason(.0))]
    Database(#[from] DbErr),
}

/// Parameters of reading a structure.
#[derive(Debug, Clone)]
pub(crate) struct Reading<'a> {
    pub(crate) schema: &'a SchemaName,
    /// The `search_path` of its migrations, as SQL.
    pub(super) path: String,
    /// The schemas of the path.
    schemas: Vec<&'a SchemaName>,
    /// The tenant's role, whose rights are given anew.
    role: Option<String>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(migrations: &'a Migrations, schema: &'a SchemaName) -> Self {
        let schemas = std::iter::once(schema).chain(migrations.extension_schemas());
        Self {
            schema,
            path: migrations.search_path(schema),
            schemas: schemas.collect(),
            role: None,
        }
    }

    /// Takes no notice of the rights of the tenant's role, which are given anew.
    pub(crate) fn without_rights_of(mut self, role: Option<RoleName>) -> Self {
        self.role = role.map(|role| role.as_str().to_owned());
        self
    }

    /// Returns the parameters of the queries on a schema and its rights.
    pub(super) fn values(&self) -> [Value; 3] {
        [
            self.schema.as_str().into(),
            self.function_search_path().into(),
            self.role.clone().into(),
        ]
    }

    /// Returns the `search_path` that `define/function_search_path.rs` gives functions.
    fn function_search_path(&self) -> Json {
        let schemas = self.schemas.iter().map(|schema| schema.as_str());
        schemas.chain(["pg_temp"]).collect()
    }
}

impl Structure {
    /// Reads it. What this does to the session is for the caller to take back.
    pub(crate) async fn read(db: &impl ConnectionTrait, reading: &Reading<'_>) -> Result<Self, ReadError> {
        enter(db, "pg_catalog").await?;
        let unsupported = about_schema!("pin.sql", "rights.sql", "outside.sql", "unsupported.sql");
        if let Some(object) = text(db, unsupported, reading.values()).await? {
            return Err(ReadError::Unsupported(object));
        }
        let left_out = about_schema!("outside.sql", "left_out.sql");
        let left_out = texts(db, left_out, [reading.schema.as_str().into()]).await?;
        let needs = Self::read_needs(db, reading).await?;
        enter(db, &reading.path).await?;
        let statements = about_schema!("pin.sql", "rights.sql", "inheritance.sql", "structure.sql");
        let rows = rows(db, statements, reading.values()).await?;
        let statements = rows.iter().map(Made::new).collect::<Result<Vec<_>, _>>()?;
        let (of_schema, statements) = statements
            .into_iter()
            .partition(|statement| statement.stage == OF_SCHEMA);
        let (before_rows, after_rows) = arrange(statements, &needs)?;
        let of_schema: Vec<Made> = of_schema;
        Ok(Self {
            before_rows,
            after_rows,
            of_schema: of_schema
                .into_iter()
                .map(|statement| (statement.name, statement.sql))
                .collect(),
            left_out,
            fingerprint: Fingerprint::read(db, reading).await?,
        })
    }

    async fn read_needs(db: &impl ConnectionTrait, reading: &Reading<'_>) -> Result<Vec<(i64, i64)>, DbErr> {
        let edges = about_schema!("inheritance.sql", "edges.sql");
        let rows = rows(db, edges, [reading.schema.as_str().into()]).await?;
        let pairs = rows.iter();
        pairs
            .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
            .collect()
    }

    /// The beginning of a statement that has the name of a schema in a text that PostgreSQL does not look into.
    pub(crate) fn mention(&self, schema: &SchemaName) -> Option<String> {
        let mut statements = self.before_rows.iter().chain(&self.after_rows);
        let statement = statements.find(|statement| mentions(statement, schema.as_str()))?;
        let line = statement.lines().next().unwrap_or_default();
        Some(line.split('(').next().unwrap_or(line).trim_end().to_owned())
    }

    /// Returns the statements that come before the rows. PostgreSQL does not check bodies of functions meanwhile, as they may
    /// name objects that are made later.
    pub(crate) fn before_rows(&self) -> impl Iterator<Item = &str> {
        let statements = self.before_rows.iter().map(String::as_str);
        ["SET LOCAL check_function_bodies = off"]
            .into_iter()
            .chain(statements)
            .chain(["SET LOCAL check_function_bodies TO DEFAULT"])
    }

    /// Returns the statements that come after the rows.
    pub(crate) fn after_rows(&self) -> impl Iterator<Item = &str> {
        self.after_rows.iter().map(String::as_str)
    }

    /// Returns the statements on the schema itself.
    pub(crate) fn of_schema(&self, schema: &SchemaName) -> impl Iterator<Item = String> {
        let statements = self.of_schema.iter();
        statements.map(|(before, after)| format!("{before} {} {after}", schema.quoted()))
    }

    /// Returns the objects outside of the schema that a copy is without.
    pub(crate) fn into_left_out(self) -> Vec<String> {
        self.left_out
    }
}

/// The stage of the statements on the schema itself.
const OF_SCHEMA: i32 = 10;

/// A statement, and where it belongs.
struct Made {
    /// Object that the statement makes or completes.
    node: Option<i64>,
    stage: i32,
    name: String,
    sql: String,
}

impl Made {
    fn new(row: &QueryResult) -> Result<Self, ReadError> {
        let name: String = row.try_get("", "name")?;
        let sql: Option<String> = row.try_get("", "sql")?;
        let sql =
            sql.ok_or_else(|| ReadError::Unsupported(format!("{name} cannot be made from the catalogs")))?;
        Ok(Self {
            node: row.try_get("", "node")?,
            stage: row.try_get("", "stage")?,
            name,
            sql,
        })
    }
}

/// Puts statements into the order in which they work: those of the first stage, and those after rows are there.
fn arrange(mut statements: Vec<Made>, needs: &[(i64, i64)]) -> Result<(Vec<String>, Vec<String>), ReadError> {
    let of_statements = statements.iter().filter(|statement| statement.stage == 0);
    let of_statements = of_statements.filter_map(|statement| statement.node);
    // A node without a statement, such as a table that has nothing of its own, still comes between others.
    let of_edges = needs.iter().flat_map(|(node, needed)| [*node, *needed]);
    let mut seen = HashSet::new();
    let nodes: Vec<i64> = of_statements
        .chain(of_edges)
        .filter(|node| seen.insert(*node))
        .collect();
    let order = sorted(&nodes, needs).map_err(|node| {
        let name = statements.iter().find(|statement| statement.node == Some(node));
        let name = name.map_or("something", |statement| &statement.name);
        ReadError::Unsupported(format!("{name} needs something that needs it in turn"))
    })?;
    let places: HashMap<_, _> = order.into_iter().zip(0..).collect();
    statements.sort_by_key(|statement| {
        let place = statement.node.and_then(|node| places.get(&node));
        (statement.stage, place.copied().unwrap_or(0_usize))
    });
    let (first, rest): (Vec<_>, Vec<_>) = statements.into_iter().partition(|statement| statement.stage <= 0);
    let texts = |statements: Vec<Made>| statements.into_iter().map(|statement| statement.sql).collect();
    Ok((texts(first), texts(rest)))
}
