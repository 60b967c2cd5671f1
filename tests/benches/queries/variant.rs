//! [`Variant`]: a variant of the benchmark, which is a way to reach a tenant's tables.

use std::fmt;

use clap::ValueEnum;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement,
    sqlx::{self, Executor, PgPool},
};
use tenant_core::{SchemaName, Scope, Tenant, TenantId, Tenants};

use crate::{
    schema::{self, ONE},
    shape::Shape,
};

/// Name of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum VariantName {
    /// SeaORM with its defaults, on one schema.
    Plain,
    /// SeaORM on one schema, without a ping before each statement.
    PlainNoping,
    /// `SET search_path` before each statement.
    SearchPath,
    /// This library.
    Ours,
    /// This library, with the tenant's role.
    OursRoles,
}

impl VariantName {
    pub(crate) const ALL: [Self; 5] = [
        Self::Plain,
        Self::PlainNoping,
        Self::SearchPath,
        Self::Ours,
        Self::OursRoles,
    ];
}

impl fmt::Display for VariantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::PlainNoping => "plain_noping",
            Self::SearchPath => "search_path",
            Self::Ours => "ours",
            Self::OursRoles => "ours_roles",
        })
    }
}

/// A variant with its connections.
pub(crate) struct Variant {
    pub(crate) name: VariantName,
    connections: Connections,
}

enum Connections {
    Plain(DatabaseConnection),
    SearchPath(PgPool),
    Ours(Box<Tenants>),
}

impl Variant {
    pub(crate) async fn connect(
        name: VariantName,
        url: &str,
        connections: u32,
        statements: Option<usize>,
    ) -> Self {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(connections)
            .min_connections(connections)
            .sqlx_logging(false)
            .set_application_name(name.to_string());
        let connections = match name {
            VariantName::Plain => plain(options).await,
            VariantName::PlainNoping => {
                options.test_before_acquire(false);
                plain(options).await
            }
            VariantName::SearchPath => {
                let db = Database::connect(options).await.unwrap();
                Connections::SearchPath(db.get_postgres_connection_pool().clone())
            }
            VariantName::Ours => ours(options, statements, false).await,
            VariantName::OursRoles => ours(options, statements, true).await,
        };
        Self { name, connections }
    }

    /// Sends a tenant's statement, and reads its rows.
    pub(crate) async fn run(&self, tenant: usize, shape: &Shape, value: i32) {
        match &self.connections {
            Connections::Plain(db) => send(db, shape, shape.statement(value)).await,
            Connections::SearchPath(pool) => {
                let mut connection = pool.acquire().await.unwrap();
                let set = format!("SET search_path = \"{}\"", schema::name(tenant));
                connection.execute(sqlx::AssertSqlSafe(set)).await.unwrap();
                let query = sqlx::query(shape.sql).bind(value);
                if shape.is_query {
                    query.fetch_all(&mut *connection).await.unwrap();
                } else {
                    query.execute(&mut *connection).await.unwrap();
                }
            }
            Connections::Ours(tenants) => {
                let name = schema::name(tenant);
                let schema = SchemaName::new(&name).unwrap();
                let db = tenants.connection(&Tenant::new(TenantId(1), schema, name));
                send(&db, shape, shape.statement(value)).await;
            }
        }
    }

    pub(crate) async fn close(self) {
        match self.connections {
            Connections::Plain(db) => db.close().await.unwrap(),
            Connections::SearchPath(pool) => pool.close().await,
            Connections::Ours(tenants) => {
                eprintln!("{}: {:?}", self.name, tenants.pool_status().unwrap());
                tenants.close().await.unwrap();
            }
        }
    }
}

async fn send(db: &impl ConnectionTrait, shape: &Shape, statement: Statement) {
    if shape.is_query {
        db.query_all_raw(statement).await.unwrap();
    } else {
        db.execute_raw(statement).await.unwrap();
    }
}

async fn plain(mut options: ConnectOptions) -> Connections {
    options.map_sqlx_postgres_opts(|options| options.options([("search_path", ONE)]));
    Connections::Plain(Database::connect(options).await.unwrap())
}

async fn ours(options: ConnectOptions, statements: Option<usize>, as_roles: bool) -> Connections {
    let tables = ["note", "author", "event"];
    let mut builder = tables.into_iter().fold(Tenants::builder(), |builder, table| {
        builder.table(Scope::Tenant, table)
    });
    if let Some(statements) = statements {
        builder = builder.statement_cache_capacity(statements);
    }
    if as_roles {
        builder = builder.run_as_tenant_roles();
    }
    Connections::Ours(Box::new(builder.connect(options).await.unwrap()))
}
