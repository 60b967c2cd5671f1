//! A schema with a role for each tenant, and one schema for plain SeaORM.

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tenant_core::{RoleName, SchemaName};
use tests::TestDatabase;

/// Rows of the table `note` of each schema.
pub(crate) const NOTES: i32 = 200;
/// Rows of the table `author` of each schema.
pub(crate) const AUTHORS: i32 = 20;

/// The schema for plain SeaORM.
pub(crate) const ONE: &str = "one";

pub(crate) fn name(tenant: usize) -> String {
    format!("tenant_{tenant}")
}

pub(crate) async fn create(database: &TestDatabase, tenants: u32) {
    let db = database.connect().await;
    // Otherwise autovacuum would run during a measurement.
    let quiet = format!(
        "ALTER DATABASE \"{}\" SET autovacuum_enabled = off",
        database.name()
    );
    let _ = db.execute_unprepared(&quiet).await;
    create_schema(&db, ONE).await;
    for tenant in 0..tenants as usize {
        let name = name(tenant);
        create_schema(&db, &name).await;
        let role = RoleName::new(database.name(), &SchemaName::new(&name).unwrap())
            .unwrap()
            .quoted();
        let grant = format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role};
             GRANT ALL ON ALL TABLES IN SCHEMA {name} TO {role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA {name} TO {role}"
        );
        db.execute_unprepared(&grant).await.unwrap();
    }
    db.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    db.close().await.unwrap();
}

/// Creates only the schema for plain SeaORM.
pub(crate) async fn create_one(db: &DatabaseConnection) {
    create_schema(db, ONE).await;
}

/// Creates a tenant's schema without a role, with this number of tables.
pub(crate) async fn create_with_tables(db: &DatabaseConnection, tenant: usize, tables: u32) {
    let name = name(tenant);
    create_schema(db, &name).await;
    let more = (3..tables).map(|number| {
        format!("CREATE TABLE {name}.other_{number} (id bigserial PRIMARY KEY, name text NOT NULL, at timestamptz);")
    });
    db.execute_unprepared(&more.collect::<String>()).await.unwrap();
}

async fn create_schema(db: &DatabaseConnection, name: &str) {
    let sql = format!(
        "CREATE SCHEMA {name};
         CREATE TABLE {name}.author (id int PRIMARY KEY, name text NOT NULL);
         CREATE TABLE {name}.note (id int PRIMARY KEY, title text NOT NULL, body text NOT NULL,
             author_id int NOT NULL, done bool NOT NULL);
         CREATE INDEX ON {name}.note (author_id);
         CREATE TABLE {name}.event (id bigserial PRIMARY KEY, note_id int NOT NULL, kind text NOT NULL);
         INSERT INTO {name}.author SELECT n, 'author ' || n FROM generate_series(1, {AUTHORS}) n;
         INSERT INTO {name}.note SELECT n, 'title ' || n, repeat('body ', 20), n % {AUTHORS} + 1, n % 3 = 0
             FROM generate_series(1, {NOTES}) n"
    );
    db.execute_unprepared(&sql).await.unwrap();
}
