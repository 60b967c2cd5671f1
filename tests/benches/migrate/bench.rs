//! [`Bench`]: a database with many tenants, created with plain SQL.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tenant_migration::{Action, Executor, Target};
use tests::TestDatabase;

use crate::{
    psql::{self, Files, Message},
    schema::Tenant,
};

/// A database with tenants, and the number of rounds.
pub(crate) struct Bench {
    pub(crate) database: TestDatabase,
    /// Connection for work that is not measured.
    pub(crate) db: DatabaseConnection,
    pub(crate) tenants: u32,
    pub(crate) rounds: u32,
    /// Tables of every tenant.
    pub(crate) schema: Tenant,
}

impl Bench {
    pub(crate) async fn start(tenants: u32, rounds: u32) -> Self {
        eprintln!("creating {tenants} tenants");
        let database = TestDatabase::create().await;
        let schema = Tenant { columns: 0 };
        let executor = Executor::connect(database.options(), schema.migrations())
            .await
            .unwrap();
        let plan = executor.plan(&Target::Shared, Action::UP).await.unwrap();
        let report = executor.run(plan, &mut ()).await;
        assert!(report.is_success(), "{report:?}");
        executor.close().await.unwrap();
        let db = database.connect().await;
        let mut bench = Self {
            database,
            db,
            tenants: 0,
            rounds,
            schema,
        };
        bench.grow(tenants).await;
        bench
    }

    /// Adds tenants until there are so many.
    pub(crate) async fn grow(&mut self, tenants: u32) {
        let schema = self.schema;
        let new = (self.tenants + 1..=tenants).map(|n| create(&format!("t{n}"), schema));
        Files::write(psql::JOBS, Message::Tenant, new).run(self.database.url());
        self.tenants = tenants;
        self.tidy().await;
    }

    pub(crate) fn schemas(&self) -> impl Iterator<Item = String> {
        (1..=self.tenants).map(|n| format!("t{n}"))
    }

    /// Adds a migration that is pending for every tenant.
    pub(crate) fn add_column(&mut self) {
        self.schema.columns += 1;
    }

    /// Updates the catalog's versions, which the SQL that psql runs does not.
    pub(crate) async fn record_versions(&self) {
        let sql = "UPDATE public.tenants SET version = $1 WHERE version IS DISTINCT FROM $1";
        let version = self.schema.version().into();
        let update = Statement::from_sql_and_values(DbBackend::Postgres, sql, [version]);
        self.db.execute_raw(update).await.unwrap();
    }

    /// Vacuums now, so that autovacuum does not run during a measurement.
    pub(crate) async fn tidy(&self) {
        for table in [
            "pg_catalog.pg_attribute",
            "pg_catalog.pg_class",
            "pg_catalog.pg_constraint",
            "pg_catalog.pg_depend",
            "pg_catalog.pg_description",
            "pg_catalog.pg_index",
            "pg_catalog.pg_namespace",
            "pg_catalog.pg_proc",
            "pg_catalog.pg_type",
            "public.tenants",
            "public.domains",
        ] {
            self.db
                .execute_unprepared(&format!("VACUUM ANALYZE {table}"))
                .await
                .unwrap();
        }
        self.db.execute_unprepared("CHECKPOINT").await.unwrap();
    }
}

/// Returns SQL that creates a tenant: the same rows and tables as `create_tenant`, in one transaction.
pub(crate) fn create(name: &str, schema: Tenant) -> Vec<String> {
    let version = schema.version();
    let mut sql = vec![
        "BEGIN".to_owned(),
        format!("CREATE SCHEMA {name}"),
        format!("SET LOCAL search_path = {name}"),
        format!(
            "WITH tenant AS (
                INSERT INTO public.tenants (schema_name, name, status, version)
                VALUES ('{name}', '{name}', 'active', '{version}') RETURNING id
            ) INSERT INTO public.domains (tenant_id, domain, is_primary) SELECT id, '{name}.example.com', true FROM tenant"
        ),
    ];
    sql.extend(schema.sql());
    sql.push("COMMIT".to_owned());
    sql
}
