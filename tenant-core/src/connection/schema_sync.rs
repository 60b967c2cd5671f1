//! SeaORM's `SchemaBuilder::sync` on the connections of tenants.
//!
//! SeaORM's discovery reads the system catalogs, which are refused otherwise, with the schema as a value. So its
//! queries, and no others, are built again here with the tenant's schema in place of the marker.

use std::sync::Arc;

use sea_orm::{
    DbBackend, DbErr, RuntimeErr, Statement,
    sea_query::{Alias, DynIden, Expr, ExprTrait as _, IntoIden as _, SelectStatement, Value},
};
use sea_schema::{
    Connection,
    postgres::query::{PgType, SchemaQueryBuilder},
    sqlx_types::{SqlxError, SqlxRow},
};

use super::{ConnectionContext, TenantConnection, TenantTransaction, role_transaction};
use crate::{
    pool::{Lease, Operation},
    schema_name::TENANT_MARKER,
    sql::Refusal,
};

#[async_trait::async_trait]
impl Connection for TenantConnection {
    async fn query_all(&self, select: SelectStatement) -> Result<Vec<SqlxRow>, SqlxError> {
        let queries = self.context.discovery(&select).map_err(into_sqlx)?;
        self.fetch(queries).await.map_err(into_sqlx)
    }

    async fn query_all_raw(&self, sql: String) -> Result<Vec<SqlxRow>, SqlxError> {
        let sql = self.context.render(&sql).map_err(into_sqlx)?;
        self.fetch(vec![sql]).await.map_err(into_sqlx)
    }
}

#[async_trait::async_trait]
impl Connection for TenantTransaction {
    async fn query_all(&self, select: SelectStatement) -> Result<Vec<SqlxRow>, SqlxError> {
        let queries = self.session().context.discovery(&select).map_err(into_sqlx)?;
        self.fetch(queries).await.map_err(into_sqlx)
    }

    async fn query_all_raw(&self, sql: String) -> Result<Vec<SqlxRow>, SqlxError> {
        let sql = self.session().render(&sql).map_err(into_sqlx)?;
        self.fetch(vec![sql]).await.map_err(into_sqlx)
    }
}

impl TenantConnection {
    async fn fetch(&self, queries: Vec<String>) -> Result<Vec<SqlxRow>, DbErr> {
        if let Some(pool) = &self.pool {
            return self.perform(pool, &Discover(&queries)).await;
        }
        if self.context.roles.is_some() {
            return role_transaction::run(self, |transaction| Box::pin(transaction.fetch(queries))).await;
        }
        fetch(&self.db, queries).await
    }
}

impl TenantTransaction {
    async fn fetch(&self, queries: Vec<String>) -> Result<Vec<SqlxRow>, DbErr> {
        let mut turn = self.level.turn().await?;
        if let Some(lease) = turn.lease() {
            return self.level.note(Discover(&queries).perform(lease).await);
        }
        self.level.note(fetch(self.level.transaction()?, queries).await)
    }
}

/// Queries of the system catalogs.
struct Discover<'a>(&'a [String]);

impl Operation for Discover<'_> {
    type Output = Vec<SqlxRow>;

    async fn perform(&self, lease: &mut Lease) -> Result<Vec<SqlxRow>, DbErr> {
        let mut rows = Vec::new();
        for sql in self.0 {
            let query = Statement::from_string(DbBackend::Postgres, sql);
            rows.extend(lease.rows(&query).await?.into_iter().map(SqlxRow::Postgres));
        }
        Ok(rows)
    }
}

async fn fetch<C: Connection>(db: &C, queries: Vec<String>) -> Result<Vec<SqlxRow>, DbErr> {
    let mut rows = Vec::new();
    for sql in queries {
        let found = db.query_all_raw(sql).await;
        rows.extend(found.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))?);
    }
    Ok(rows)
}

/// SeaORM's discovery has the errors of the driver only.
fn into_sqlx(error: DbErr) -> SqlxError {
    match error {
        DbErr::Query(RuntimeErr::SqlxError(error)) => {
            Arc::try_unwrap(error).unwrap_or_else(|error| SqlxError::AnyDriverError(Box::new(error)))
        }
        error => SqlxError::AnyDriverError(Box::new(error)),
    }
}

impl ConnectionContext {
    /// Returns the queries to send for a query of SeaORM's discovery.
    fn discovery(&self, select: &SelectStatement) -> Result<Vec<String>, DbErr> {
        let given = DbBackend::Postgres.build(select);
        let found = Discovery::find(&given).ok_or(Refusal::Construct(
            "a query of the system catalogs that is not of SeaORM's schema discovery",
            "query them on `Tenants::shared_connection`",
        ));
        let sent = found.and_then(|discovery| self.discover(&discovery));
        sent.map_err(|refusal| self.refused(refusal, &given.sql).into())
    }

    fn discover(&self, discovery: &Discovery) -> Result<Vec<String>, Refusal> {
        let schema = self.schema_of_discovery(&discovery.schema)?;
        let mut queries = vec![discovery.sql(schema)];
        if discovery.query == Query::Enums && schema == self.schema().as_str() && !self.schema().is_shared() {
            queries.extend(self.shared_enums());
        }
        Ok(queries)
    }

    /// Entities without `#[tenant]` are looked for in `current_schema()`, which is the tenant's schema by its own name.
    fn schema_of_discovery<'a>(&'a self, schema: &'a str) -> Result<&'a str, Refusal> {
        if schema == TENANT_MARKER || (schema == self.schema().as_str() && !self.schema().is_shared()) {
            if self.schema().is_shared() {
                return Err(Refusal::TenantTableOnPublic("a tenant entity".to_owned()));
            }
            return Ok(self.schema().as_str());
        }
        if self.compiler.rules().allows_schema(schema) {
            return Ok(schema);
        }
        Err(Refusal::ForeignSchema {
            name: "the schema to discover".to_owned(),
            schema: schema.to_owned(),
        })
    }

    /// SeaORM looks for the enums of an entity in the entity's own schema. Enums of `#[shared]` are added to the
    /// answer, or SeaORM would create them again.
    fn shared_enums(&self) -> impl Iterator<Item = String> {
        let enums = self.compiler.rules().registry().shared_enums();
        enums.into_iter().map(|(schema, names)| {
            let mut query = Query::Enums.build(schema, "");
            query.and_where(Expr::col((PgType::Table, PgType::TypeName)).is_in(names));
            DbBackend::Postgres.build(&query).to_string()
        })
    }
}

/// One query of SeaORM's discovery.
struct Discovery {
    query: Query,
    schema: String,
    table: String,
}

/// The queries that SeaORM's discovery makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    Enums,
    Tables,
    Columns,
    Constraints,
    UniqueIndexes,
}

/// Placeholders for the schema and the table, to find their places among the values of a query.
const SCHEMA: &str = "<schema>";
const TABLE: &str = "<table>";

impl Discovery {
    /// Returns the query of the discovery that is equal to `given`.
    fn find(given: &Statement) -> Option<Self> {
        use Query::{Columns, Constraints, Enums, Tables, UniqueIndexes};
        [Enums, Tables, Columns, Constraints, UniqueIndexes]
            .into_iter()
            .find_map(|query| Self::of(query, given))
    }

    fn of(query: Query, given: &Statement) -> Option<Self> {
        let like = DbBackend::Postgres.build(&query.build(SCHEMA, TABLE));
        if like.sql != given.sql {
            return None;
        }
        let found = Self {
            query,
            schema: value_in_place_of(SCHEMA, &like, given)?,
            table: value_in_place_of(TABLE, &like, given).unwrap_or_default(),
        };
        let same = DbBackend::Postgres.build(&query.build(&found.schema, &found.table));
        (same == *given).then_some(found)
    }

    fn sql(&self, schema: &str) -> String {
        let mut statement = DbBackend::Postgres.build(&self.query.build(schema, &self.table));
        match self.query {
            Query::Columns => statement.sql = statement.sql.replace(TYPE_BY_PATH, TYPE_IN_ITS_SCHEMA),
            Query::Constraints => {
                statement.sql = statement
                    .sql
                    .replace(ALL_REFERENCES, &own_references(&statement, schema));
            }
            Query::Enums | Query::Tables | Query::UniqueIndexes => {}
        }
        statement.to_string()
    }
}

/// SeaORM looks for the type of a column along `search_path`, which the schema of a tenant is not on.
const TYPE_BY_PATH: &str = r#"CONCAT('"', udt_name, '"')::regtype"#;
const TYPE_IN_ITS_SCHEMA: &str =
    "replace(format('%I.%I', udt_schema, udt_name)::regtype::text, quote_ident(udt_schema) || '.', '')";

/// SeaORM joins what a foreign key references by the name of the constraint alone, which is the same in the schema
/// of every tenant.
const ALL_REFERENCES: &str = r#"LEFT JOIN "information_schema"."constraint_column_usage" ON"#;

fn own_references(statement: &Statement, schema: &str) -> String {
    let place = strings(statement).position(|value| value == Some(schema));
    let parameter = place.map_or(0, |place| place + 1);
    format!(
        r#"LEFT JOIN (SELECT * FROM "information_schema"."constraint_column_usage"
           WHERE "constraint_schema" = ${parameter}) AS "constraint_column_usage" ON"#
    )
}

impl Query {
    fn build(self, schema: &str, table: &str) -> SelectStatement {
        let builder = SchemaQueryBuilder::default();
        match self {
            Self::Enums => builder.query_enums(name(schema)),
            Self::Tables => builder.query_tables(name(schema)),
            Self::Columns => builder.query_columns(name(schema), name(table)),
            Self::Constraints => builder.query_table_constraints(name(schema), name(table)),
            Self::UniqueIndexes => builder.query_table_unique_indexes(name(schema), name(table)),
        }
    }
}

fn name(name: &str) -> DynIden {
    Alias::new(name).into_iden()
}

fn value_in_place_of(stand_in: &str, like: &Statement, given: &Statement) -> Option<String> {
    let place = strings(like).position(|value| value == Some(stand_in))?;
    strings(given).nth(place)?.map(str::to_owned)
}

/// The values of a statement, where they are strings.
fn strings(statement: &Statement) -> impl Iterator<Item = Option<&str>> {
    let values = statement.values.iter().flat_map(|values| &values.0);
    values.map(|value| match value {
        Value::String(value) => value.as_deref(),
        _ => None,
    })
}
