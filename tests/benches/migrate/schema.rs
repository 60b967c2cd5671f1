//! Tables of a tenant: the migrations that create them, and the same as SQL.

use sea_orm::{DbBackend, StatementBuilder};
use sea_orm_migration::{MigratorTraitSelf, prelude::*, schema::*};
use tenant_migration::{Migrations, catalog};

const TABLES: u32 = 10;

/// Migrations of the shared schema: the catalog.
struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        catalog::migrations()
    }
}

/// Ten tables, and migrations that each add a column to the first table.
#[derive(Clone, Copy)]
pub(crate) struct Tenant {
    pub(crate) columns: u32,
}

impl Tenant {
    pub(crate) fn migrations(self) -> Migrations {
        Migrations::new(Shared, self)
    }

    fn all(self) -> impl Iterator<Item = Migration> {
        let tables = (1..=TABLES).map(Migration::Table);
        tables.chain((1..=self.columns).map(Migration::Column))
    }

    /// Returns SQL that creates the tables and the ledger in the current schema.
    pub(crate) fn sql(self) -> Vec<String> {
        let ledger = "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)";
        let migrations = self.all().flat_map(Migration::sql);
        std::iter::once(ledger.to_owned()).chain(migrations).collect()
    }

    /// Returns the SQL of the last migration.
    pub(crate) fn last_sql(self) -> Vec<String> {
        self.all().last().map(Migration::sql).unwrap_or_default()
    }

    /// Returns the name of the last migration.
    pub(crate) fn version(self) -> String {
        self.all().last().map(Migration::name).unwrap_or_default()
    }
}

impl MigratorTraitSelf for Tenant {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.all()
            .map(|migration| Box::new(Named::new(migration)) as _)
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Migration {
    Table(u32),
    Column(u32),
}

impl Migration {
    fn name(self) -> String {
        match self {
            Self::Table(n) => format!("m20260101_{n:06}_create_item_{n}"),
            Self::Column(n) => format!("m20260201_{n:06}_add_extra_{n}"),
        }
    }

    /// Returns the migration's SQL, and the insert of its row in the ledger.
    fn sql(self) -> Vec<String> {
        let mut sql = match self {
            Self::Table(n) => {
                let [unique, plain] = indexes(n);
                vec![render(&table(n)), render(&unique), render(&plain)]
            }
            Self::Column(n) => vec![render(&column(n))],
        };
        let name = self.name();
        sql.push(format!(
            "INSERT INTO seaql_migrations VALUES ('{name}', extract(epoch FROM now())::bigint)"
        ));
        sql
    }
}

struct Named {
    migration: Migration,
    name: String,
}

impl Named {
    fn new(migration: Migration) -> Self {
        let name = migration.name();
        Self { migration, name }
    }
}

impl MigrationName for Named {
    fn name(&self) -> &str {
        &self.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Named {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match self.migration {
            Migration::Table(n) => {
                manager.create_table(table(n)).await?;
                for index in indexes(n) {
                    manager.create_index(index).await?;
                }
                Ok(())
            }
            Migration::Column(n) => manager.alter_table(column(n)).await,
        }
    }
}

/// Returns a table. The second table has a foreign key to the first one.
fn table(n: u32) -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(format!("item_{n}"))
        .col(pk_auto("id"))
        .col(text("code"))
        .col(text("title"))
        .col(decimal_len("price", 12, 2))
        .col(timestamp_with_time_zone("created_at").default(Expr::current_timestamp()));
    if n == 2 {
        table.col(integer_null("item_id")).foreign_key(
            ForeignKey::create()
                .name("item_2_item_id_fkey")
                .from("item_2", "item_id")
                .to("item_1", "id"),
        );
    }
    table
}

fn indexes(n: u32) -> [IndexCreateStatement; 2] {
    let index = |name: String, column: &'static str| {
        Index::create()
            .name(name)
            .table(format!("item_{n}"))
            .col(column)
            .to_owned()
    };
    [
        index(format!("item_{n}_code_key"), "code").unique().to_owned(),
        index(format!("item_{n}_created_at_idx"), "created_at"),
    ]
}

fn column(n: u32) -> TableAlterStatement {
    Table::alter()
        .table("item_1")
        .add_column(text_null(format!("extra_{n}")))
        .to_owned()
}

fn render(statement: &impl StatementBuilder) -> String {
    DbBackend::Postgres.build(statement).to_string()
}
