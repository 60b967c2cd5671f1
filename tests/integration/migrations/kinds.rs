//! Kinds of tenants, each with its migrations; hooks, versions, recorded migrations, and entities in migrations.

use tenant_core::catalog::{SeaOrmStore, TenantStore};
use tenant_migration::{Migrating, TenantHooks, tenant_transaction};

use super::*;

async fn version(db: &DatabaseConnection, name: &str) -> Option<String> {
    let tenant = SeaOrmStore::new(db.clone())
        .by_schema(&schema(name))
        .await
        .unwrap();
    tenant.unwrap().version().map(str::to_owned)
}

#[tokio::test]
async fn a_kind_of_tenants_has_migrations_of_its_own() {
    let trial = Set(vec![Sql::new(
        "m1_create_demo",
        "CREATE TABLE demo ()",
        "DROP TABLE demo",
    )]);
    let migrations = with([NOTE, TAG]).for_kind("trial", trial);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    create_tenant(&connection, &migrations, &new("globex").kind("trial"))
        .await
        .unwrap();
    assert_eq!(
        tables(&connection, "acme").await,
        ["note", "seaql_migrations", "tag"]
    );
    assert_eq!(tables(&connection, "globex").await, ["demo", "seaql_migrations"]);
    assert_eq!(version(&connection, "acme").await.unwrap(), "m2_create_tag");
    assert_eq!(version(&connection, "globex").await.unwrap(), "m1_create_demo");

    let all = act(&db, &migrations, &Target::All, Action::Down { steps: 1 }).await;
    assert_eq!(
        outcomes(&all),
        [
            "acme: rolled back m2_create_tag",
            "globex: rolled back m1_create_demo"
        ]
    );
    assert_eq!(version(&connection, "acme").await.unwrap(), "m1_create_note");
    assert_eq!(version(&connection, "globex").await, None);
    let of_kind = act(&db, &migrations, &Target::Kind("trial".to_owned()), Action::UP).await;
    assert_eq!(outcomes(&of_kind), ["globex: applied m1_create_demo"]);
    let tenants = act(&db, &migrations, &Target::AllTenants, Action::UP).await;
    assert_eq!(outcomes(&tenants), ["acme: applied m2_create_tag", "globex: -"]);
}

#[tokio::test]
async fn archived_tenants_are_migrated_when_they_are_named() {
    let (db, _connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute("UPDATE public.tenants SET status = 'archived' WHERE schema_name = 'acme'")
        .await;
    let migrations = with([NOTE, TAG]);
    let report = up(&db, &migrations).await;
    assert_eq!(outcomes(&report), ["public: -", "globex: applied m2_create_tag"]);
    let report = act(&db, &migrations, &tenant("acme"), Action::UP).await;
    assert_eq!(outcomes(&report), ["acme: applied m2_create_tag"]);
}

#[tokio::test]
async fn what_something_else_did_is_recorded_without_being_run() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let migrations = with([NOTE, TAG]);
    let fake = Action::Fake { steps: None };
    let report = act(&db, &migrations, &tenant("acme"), fake).await;
    assert_eq!(outcomes(&report), ["acme: recorded m2_create_tag (not run)"]);
    assert_eq!(tables(&connection, "acme").await, ["note", "seaql_migrations"]);
    assert_eq!(
        ledger(&connection, "acme").await,
        ["m1_create_note", "m2_create_tag"]
    );
    assert_eq!(version(&connection, "acme").await.unwrap(), "m2_create_tag");
}

#[tokio::test]
async fn a_version_that_the_catalog_lacks_is_recorded_by_a_run_with_nothing_to_do() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute("UPDATE public.tenants SET version = NULL").await;
    assert_eq!(outcomes(&up(&db, &migrations).await), ["public: -", "acme: -"]);
    assert_eq!(version(&connection, "acme").await.unwrap(), "m1_create_note");
}

/// Hooks that record their calls in the table `diary`.
struct Diary;

#[async_trait::async_trait]
impl TenantHooks for Diary {
    async fn before(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let sql = "CREATE TABLE diary (entry text)";
        tenant.manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }

    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        if tenant.schema.as_str() == "globex" {
            return Err(DbErr::Custom("not globex".to_owned()));
        }
        let sql = format!(
            "INSERT INTO diary VALUES ('{} {} {}')",
            tenant.schema,
            tenant.kind,
            tenant.steps.len()
        );
        tenant.manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }
}

#[tokio::test]
async fn hooks_run_in_the_transaction_of_the_migrations() {
    let (db, connection) = with_tenants(&with([]), &["acme", "globex"]).await;
    let migrations = with([NOTE, TAG]).with_hooks(Diary);
    let report = up(&db, &migrations).await;
    assert_eq!(
        outcomes(&report)[1..],
        [
            "acme: applied m1_create_note; applied m2_create_tag",
            "globex: failed: the hook after its migrations failed: not globex",
        ]
    );
    assert_eq!(
        column(&connection, "SELECT entry FROM acme.diary").await,
        ["acme default 2"]
    );
    assert!(
        !tables(&connection, "globex")
            .await
            .iter()
            .any(|table| table == "note")
    );
}

/// Migration that uses the tenant's tables through `tenant_transaction`, which checks its statements.
struct Fill;

impl MigrationName for Fill {
    fn name(&self) -> &str {
        "m2_fill"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Fill {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = tenant_transaction(manager).await?;
        db.execute_unprepared("INSERT INTO \"$tenant\".note (title) VALUES ('filled')")
            .await?;
        let other = db.execute_unprepared("SELECT FROM acme.note").await;
        assert!(other.is_err(), "another schema is refused here, too");
        db.commit().await
    }
}

struct Filled;

impl MigratorTrait for Filled {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let note = "CREATE TABLE note (id serial PRIMARY KEY, title text)";
        vec![
            Box::new(Sql::new("m1_note", note, "DROP TABLE note")),
            Box::new(Fill),
        ]
    }
}

#[tokio::test]
async fn a_migration_works_with_what_is_the_tenants_own() {
    let migrations = Migrations::new(Shared, Filled);
    let (_db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    for name in ["acme", "globex"] {
        let titles = format!("SELECT title FROM {name}.note");
        assert_eq!(column(&connection, &titles).await, ["filled"]);
    }
}
