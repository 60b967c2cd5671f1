//! Entities of the tests of connections, and two tenants with their tables.

#![allow(
    unreachable_pub,
    reason = "entities are written as an application writes them"
)]

use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use tenant_core::{SchemaName, Tenant, TenantConnection, TenantId, Tenants, TenantsBuilder};
use tenant_migration::{Migrations, TenantRoles, grant_tenant_role};
use tests::TestDatabase;

pub(crate) mod note {
    use sea_orm::entity::prelude::*;
    use tenant_core::tenant;

    #[tenant]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub mood: Option<super::Mood>,
        pub plan: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod plan {
    use sea_orm::entity::prelude::*;
    use tenant_core::shared;

    #[shared]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub name: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An entity without `#[tenant]` or `#[shared]`.
pub(crate) mod forgotten {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "forgotten")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::entity::prelude::*;
use tenant_core::tenant;

#[tenant]
#[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "Enum", db_type = "Enum", enum_name = "mood")]
pub(crate) enum Mood {
    #[sea_orm(string_value = "happy")]
    Happy,
    #[sea_orm(string_value = "sad")]
    Sad,
}

/// A database with two tenants. Each has the notes 1 and 2, with the tenant's name in their titles.
pub(crate) struct TwoTenants {
    pub(crate) acme: TenantConnection,
    pub(crate) globex: TenantConnection,
    pub(crate) public: TenantConnection,
    pub(crate) tenants: Tenants,
    /// Last field, so that the database is dropped after all connections.
    pub(crate) database: TestDatabase,
}

/// True if the tests of connections, transactions and cancellation run with tenant roles: `TEST_TENANT_ROLES` is set.
pub(crate) fn with_roles() -> bool {
    std::env::var_os("TEST_TENANT_ROLES").is_some()
}

/// Creates the roles of tenants. They may write the shared table `plan`.
pub(crate) async fn make_roles(db: &DatabaseConnection, schemas: &[&str]) {
    let roles = TenantRoles::new().write_shared("plan");
    let migrations = Migrations::new(NoMigrations, NoMigrations).with_tenant_roles(roles);
    for schema in schemas {
        let schema = SchemaName::new(*schema).unwrap();
        grant_tenant_role(db, &migrations, &schema).await.unwrap();
    }
}

impl TwoTenants {
    pub(crate) async fn create() -> Self {
        if with_roles() {
            return Self::with_roles(Tenants::builder()).await;
        }
        Self::connect(Tenants::builder()).await
    }

    /// Creates a database whose tenants' statements run with their roles. The roles may write the shared table `plan`.
    pub(crate) async fn with_roles(builder: TenantsBuilder) -> Self {
        let db = Self::connect(builder.run_as_tenant_roles()).await;
        make_roles(db.tenants.shared_connection(), &["public", "acme", "globex"]).await;
        db
    }

    async fn connect(builder: TenantsBuilder) -> Self {
        let database = TestDatabase::create().await;
        let tenants = builder.connect(database.options()).await.unwrap();
        let db = tenants.shared_connection();
        let shared = "CREATE TABLE public.plan (code text PRIMARY KEY, name text NOT NULL);
             INSERT INTO public.plan VALUES ('free', 'Free'), ('team', 'Team');
             CREATE TABLE public.forgotten (id int PRIMARY KEY);
             INSERT INTO public.forgotten VALUES (1)";
        db.execute_unprepared(shared).await.unwrap();
        for (schema, labels) in [("acme", "'happy', 'sad'"), ("globex", "'sad', 'happy', 'angry'")] {
            db.execute_unprepared(&tenant_schema(schema, labels))
                .await
                .unwrap();
        }
        Self {
            acme: tenants.connection(&tenant(1, "acme")),
            globex: tenants.connection(&tenant(2, "globex")),
            public: tenants.connection(&tenant(3, "public")),
            tenants,
            database,
        }
    }
}

struct NoMigrations;

impl MigratorTrait for NoMigrations {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

fn tenant(id: i64, schema: &str) -> Tenant {
    Tenant::new(TenantId(id), SchemaName::new(schema).unwrap(), schema)
}

fn tenant_schema(schema: &str, labels: &str) -> String {
    format!(
        "CREATE SCHEMA {schema};
         CREATE TYPE {schema}.mood AS ENUM ({labels});
         CREATE TABLE {schema}.note (
             id serial PRIMARY KEY, title text NOT NULL, mood {schema}.mood,
             plan text NOT NULL DEFAULT 'free' REFERENCES public.plan
         );
         INSERT INTO {schema}.note (title) VALUES ('{schema} 1'), ('{schema} 2')"
    )
}
