//! A migration crate, for tests that kill its process. Each tenant migration inserts a row, sleeps 20 ms, and creates a
//! table.

use std::process::ExitCode;

use sea_orm_migration::prelude::*;
use tenant_migration::{Migrations, catalog};

#[tokio::main]
async fn main() -> ExitCode {
    let migrations = Migrations::new(Shared, Tenant).for_kind("indexed", Indexed);
    tenant_migration::cli::run_cli(migrations).await
}

struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = catalog::migrations();
        migrations.push(Box::new(CreateMark));
        migrations
    }
}

struct Tenant;

impl MigratorTrait for Tenant {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Marked("m1_one")),
            Box::new(Marked("m2_two")),
            Box::new(Marked("m4_four")),
        ]
    }
}

/// The tenant's migrations, with one between the last two that runs outside of transactions.
struct Indexed;

impl MigratorTrait for Indexed {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = Tenant::migrations();
        migrations.insert(2, Box::new(Index));
        migrations
    }
}

/// Creates the table in which migrations record that they ran. It has no key, so it shows a migration that ran twice.
struct CreateMark;

impl MigrationName for CreateMark {
    fn name(&self) -> &str {
        "m1_create_mark"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for CreateMark {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE TABLE public.mark (schema text, migration text)";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}

struct Marked(&'static str);

impl MigrationName for Marked {
    fn name(&self) -> &str {
        self.0
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Marked {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = self.0;
        for sql in [
            &format!("INSERT INTO public.mark VALUES (current_schema(), '{name}')"),
            "SELECT pg_sleep(0.02)",
            &format!("CREATE TABLE {name} (id int)"),
        ] {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

struct Index;

impl MigrationName for Index {
    fn name(&self) -> &str {
        "m3_index"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Index {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS m1_one_id ON m1_one (id)";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }
}
