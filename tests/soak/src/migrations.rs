//! The migrations: the shared schema's with its decoys, the tenants', and one more that comes and goes.

use sea_orm_migration::prelude::*;
use tenant_migration::{Migrations, TenantRoles, catalog};

/// Returns the migrations that create a tenant.
pub(crate) fn base() -> Migrations {
    with_roles(Tenant { with_extra: false })
}

/// Returns the same migrations, and one that adds a column to a table in use.
pub(crate) fn with_extra() -> Migrations {
    with_roles(Tenant { with_extra: true })
}

fn with_roles(tenant: Tenant) -> Migrations {
    Migrations::new(Shared, tenant).with_tenant_roles(TenantRoles::new())
}

/// Decoys in `public`: tables with the names of tenant tables, whose rows belong to no tenant. A statement that reads
/// them has lost its tenant. `leftover` has no entity.
const DECOYS: &str = "
    CREATE TYPE public.mood AS ENUM ('happy', 'sad');
    CREATE TABLE public.item (
        id bigint PRIMARY KEY, owner int, op bigint, title text, mood public.mood, plan text, watermark text);
    CREATE TABLE public.part (id bigint PRIMARY KEY, item_id bigint, op bigint, watermark text);
    CREATE TABLE public.seal (watermark text);
    CREATE TABLE public.leftover (id bigint PRIMARY KEY);
    INSERT INTO public.item SELECT (owner::bigint << 32) + n, owner, 0, 'op 0', 'sad', 'team', 'public'
        FROM generate_series(0, 63) AS owner, generate_series(1, 24) AS n;
    INSERT INTO public.part SELECT id, id, 0, 'public' FROM public.item;
    INSERT INTO public.seal VALUES ('public');
    INSERT INTO public.leftover VALUES (1);
    CREATE TABLE public.plan (code text PRIMARY KEY, name text NOT NULL);
    INSERT INTO public.plan VALUES ('free', 'Free'), ('team', 'Team');";

const TABLES: &str = "
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE item (
        id bigint PRIMARY KEY, owner int NOT NULL, op bigint NOT NULL, title text NOT NULL, mood mood NOT NULL,
        plan text NOT NULL, watermark text NOT NULL);
    CREATE INDEX item_owner ON item (owner);
    CREATE TABLE part (
        id bigint PRIMARY KEY, item_id bigint NOT NULL REFERENCES item ON DELETE CASCADE, op bigint NOT NULL,
        watermark text NOT NULL);
    CREATE INDEX part_item ON part (item_id);
    CREATE TABLE seal (watermark text NOT NULL);
    INSERT INTO seal SELECT current_schema();";

struct Sql {
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(self.up)
            .await
            .map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(self.down)
            .await
            .map(|_| ())
    }
}

struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = catalog::migrations();
        all.push(Box::new(Sql {
            name: "m1_decoys",
            up: DECOYS,
            down: "SELECT 1",
        }));
        all
    }
}

struct Tenant {
    with_extra: bool,
}

impl sea_orm_migration::MigratorTraitSelf for Tenant {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let tables = Sql {
            name: "m1_tables",
            up: TABLES,
            down: "SELECT 1",
        };
        let extra = Sql {
            name: "m2_extra",
            up: "ALTER TABLE item ADD COLUMN extra text",
            down: "ALTER TABLE item DROP COLUMN extra",
        };
        let mut all: Vec<Box<dyn MigrationTrait>> = vec![Box::new(tables)];
        if self.with_extra {
            all.push(Box::new(extra));
        }
        all
    }
}
