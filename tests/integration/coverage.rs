//! SeaORM's features on the connections of two tenants, whose rows have the same keys and different values. Each test
//! has a row in the table of the documentation (`tenant-core/src/docs/coverage.md`).

use sea_orm::{
    ConnectionTrait, DbErr, StatementBuilder, TryGetable,
    sea_query::{Expr, ExprTrait as _, Query, SelectExpr},
};
use tenant_core::{ConnectionError, Refusal, SchemaName, Tenant, TenantConnection, TenantId, Tenants};
use tests::TestDatabase;

/// Runs a block for each tenant: first in a transaction that is rolled back, then on the connection. Each time the
/// tenant has its initial rows. If a block wrote into the other tenant, that tenant's block fails.
macro_rules! for_each_tenant {
    (|$db:ident, $schema:ident| $body:block) => {{
        let tenants = $crate::coverage::Library::create().await;
        for $schema in ["acme", "globex"] {
            let connection = tenants.connection($schema);
            let transaction = sea_orm::TransactionTrait::begin(&connection).await?;
            {
                let $db = &transaction;
                $body
            }
            transaction.rollback().await?;
            let $db = &connection;
            $body
        }
    }};
}

mod conditions;
mod conflicts;
mod deletes;
mod document;
mod entities;
mod expressions;
mod functions;
mod inserts;
mod locks;
mod mock;
mod raw;
mod rbac;
mod read;
mod relations;
mod schema;
mod schema_statements;
mod select;
mod types;
mod updates;
mod windows;
mod with_clauses;
mod write;

use entities::tenant::book;

/// Two tenants, `acme` and `globex`, with authors and their books.
pub(crate) struct Library {
    pub(crate) tenants: Tenants,
    database: TestDatabase,
}

impl Library {
    pub(crate) async fn create() -> Self {
        let library = Self::empty().await;
        library.database.execute(SHARED).await;
        for (schema, feelings) in [("acme", "'glad', 'sad'"), ("globex", "'sad', 'glad', 'other'")] {
            library.database.execute(&tenant_schema(schema, feelings)).await;
        }
        library
    }

    /// Creates a database without tables.
    pub(crate) async fn empty() -> Self {
        let database = TestDatabase::create().await;
        let tenants = database.tenants().await;
        Self { tenants, database }
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    pub(crate) fn connection(&self, schema: &str) -> TenantConnection {
        self.tenants.connection(&tenant(schema))
    }
}

pub(crate) fn tenant(schema: &str) -> Tenant {
    Tenant::new(TenantId(1), SchemaName::new(schema).unwrap(), schema)
}

const SHARED: &str = "\
    CREATE TYPE public.format AS ENUM ('paper', 'screen');
    CREATE TABLE public.genre (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO public.genre VALUES (1, 'prose'), (2, 'verse');
    CREATE TABLE public.setting (name text PRIMARY KEY, value text NOT NULL);
    INSERT INTO public.setting VALUES ('theme', 'public light')";

fn tenant_schema(schema: &str, feelings: &str) -> String {
    format!(
        "CREATE SCHEMA {schema};
         CREATE TYPE {schema}.feeling AS ENUM ({feelings});
         CREATE TABLE {schema}.author (
             id serial PRIMARY KEY, name text NOT NULL, mentor_id int REFERENCES {schema}.author
         );
         CREATE TABLE {schema}.book (
             id serial PRIMARY KEY, author_id int NOT NULL REFERENCES {schema}.author,
             genre_id int NOT NULL REFERENCES public.genre, title text NOT NULL UNIQUE, pages int NOT NULL
         );
         CREATE TABLE {schema}.tag (id serial PRIMARY KEY, name text NOT NULL);
         CREATE TABLE {schema}.book_tag (
             book_id int REFERENCES {schema}.book, tag_id int REFERENCES {schema}.tag, PRIMARY KEY (book_id, tag_id)
         );
         CREATE TABLE {schema}.review (
             id serial PRIMARY KEY, book_id int NOT NULL REFERENCES {schema}.book, words text NOT NULL
         );
         CREATE TABLE {schema}.chapter (
             id serial PRIMARY KEY, book_id int NOT NULL REFERENCES {schema}.book, title text NOT NULL
         );
         CREATE TABLE {schema}.sample (
             id serial PRIMARY KEY, feeling {schema}.feeling, feelings {schema}.feeling[] NOT NULL DEFAULT '{{}}',
             format public.format, formats public.format[] NOT NULL DEFAULT '{{}}',
             extra jsonb NOT NULL, marks int[] NOT NULL DEFAULT '{{}}', words text[]
         );
         CREATE TABLE {schema}.setting (name text PRIMARY KEY, value text NOT NULL);
         INSERT INTO {schema}.author (name, mentor_id) VALUES ('{schema} Ann', NULL), ('{schema} Bob', 1);
         INSERT INTO {schema}.book (author_id, genre_id, title, pages) VALUES
             (1, 1, '{schema} one', 10), (1, 2, '{schema} two', 20), (2, 1, '{schema} three', 30);
         INSERT INTO {schema}.tag (name) VALUES ('{schema} red'), ('{schema} blue');
         INSERT INTO {schema}.book_tag VALUES (1, 1), (1, 2), (2, 1);
         INSERT INTO {schema}.review (book_id, words) VALUES (1, '{schema} good'), (3, '{schema} long');
         INSERT INTO {schema}.chapter (book_id, title) VALUES
             (1, '{schema} intro'), (1, '{schema} end'), (2, '{schema} start');
         INSERT INTO {schema}.setting VALUES ('theme', '{schema} dark')"
    )
}

/// Returns the refusal of a statement.
///
/// # Panics
/// If the statement was not refused.
#[track_caller]
pub(crate) fn refusal<T>(result: Result<T, DbErr>) -> Refusal {
    let Err(error) = result else {
        panic!("it was not refused")
    };
    match ConnectionError::of(&error) {
        Some(ConnectionError::Refused { refusal, .. }) => refusal.clone(),
        _ => panic!("not refused by us: {error}"),
    }
}

/// Returns the first column of the first row.
pub(crate) async fn number<C: ConnectionTrait>(db: &C, sql: &str) -> Result<i64, DbErr> {
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await?.expect("a row");
    row.try_get_by_index(0)
}

/// Returns the first column of each row.
pub(crate) async fn values<T, C, S>(db: &C, query: &S) -> Result<Vec<T>, DbErr>
where
    T: TryGetable,
    C: ConnectionTrait,
    S: StatementBuilder,
{
    let rows = db.query_all(query).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Returns the value of an expression for the first book.
pub(crate) async fn value<T, C>(db: &C, expression: impl Into<SelectExpr>) -> Result<T, DbErr>
where
    T: TryGetable,
    C: ConnectionTrait,
{
    let query = Query::select()
        .expr(expression)
        .from(book::Entity)
        .and_where(Expr::col(book::Column::Id).eq(1))
        .to_owned();
    Ok(values(db, &query).await?.remove(0))
}

/// Returns `SELECT title FROM book ORDER BY id`, which tests extend.
pub(crate) fn book_titles() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column((book::Entity, book::Column::Title))
        .from(book::Entity)
        .order_by((book::Entity, book::Column::Id), sea_orm::Order::Asc)
        .to_owned()
}

pub(crate) fn title() -> Expr {
    Expr::col((book::Entity, book::Column::Title))
}

pub(crate) fn pages() -> Expr {
    Expr::col((book::Entity, book::Column::Pages))
}

/// Prefixes the words with the tenant's name, like all texts in its schema.
pub(crate) fn texts<const N: usize>(schema: &str, words: [&str; N]) -> [String; N] {
    words.map(|word| format!("{schema} {word}"))
}
