//! The last failure of a tenant's migrations, in the catalog.

use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, TransactionTrait as _};
use serde_json::Value;
use tenant_migration::{MigrationFailure, migration_failures};

use super::*;

/// Creates tenants that lack `TAG`, which fails in globex.
async fn with_a_failing_tenant() -> (TestDatabase, DatabaseConnection) {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute("CREATE TABLE globex.tag (id int)").await;
    (db, connection)
}

async fn failure(db: &TestDatabase, migrations: &Migrations, name: &str) -> Option<MigrationFailure> {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let status = executor.status(&tenant(name)).await.unwrap().remove(0);
    executor.close().await.unwrap();
    status.last_failure
}

#[tokio::test]
async fn a_failure_stays_in_the_catalog_until_a_run_succeeds() {
    let (db, connection) = with_a_failing_tenant().await;
    let migrations = with([NOTE, TAG]);
    assert!(!up(&db, &migrations).await.is_success());
    let found = failure(&db, &migrations, "globex").await.unwrap();
    assert_eq!(found.migration.as_deref(), Some("m2_create_tag"));
    assert_eq!(
        found.error,
        "m2_create_tag could not be applied: relation \"tag\" already exists (42P07)"
    );
    let now = column(&connection, "SELECT now() - interval '5 minutes'").await;
    assert!(found.at.to_string() > now[0], "{found}");
    assert_eq!(failure(&db, &migrations, "acme").await, None);
    let all = migration_failures(&connection).await.unwrap();
    assert_eq!(all, [(schema("globex"), found)].into());

    db.execute("DROP TABLE globex.tag").await;
    assert!(up(&db, &migrations).await.is_success());
    assert_eq!(failure(&db, &migrations, "globex").await, None);
    assert!(migration_failures(&connection).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_run_with_nothing_to_do_removes_a_failure() {
    let (db, _) = with_a_failing_tenant().await;
    let migrations = with([NOTE, TAG]);
    assert!(!up(&db, &migrations).await.is_success());
    // The table is right, and somebody records the migration by hand.
    db.execute("INSERT INTO globex.seaql_migrations VALUES ('m2_create_tag', 1)")
        .await;
    assert!(failure(&db, &migrations, "globex").await.is_some());
    assert_eq!(
        outcomes(&up(&db, &migrations).await),
        ["public: -", "acme: -", "globex: -"]
    );
    assert_eq!(failure(&db, &migrations, "globex").await, None);
}

#[tokio::test]
async fn only_failures_and_the_runs_after_them_write() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute(
        "CREATE TABLE public.writes (id bigint);
         CREATE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN INSERT INTO public.writes VALUES (NEW.id); RETURN NULL; END $$;
         CREATE TRIGGER failures AFTER UPDATE OF migration_failure ON public.tenants
            FOR EACH ROW EXECUTE FUNCTION public.note_write()",
    )
    .await;
    let writes = async || count(&connection, "SELECT FROM public.writes").await;
    let migrations = with([NOTE, TAG]);
    for _ in 0..2 {
        assert!(up(&db, &migrations).await.is_success());
        assert_eq!(writes().await, 0);
    }
    let more = with([NOTE, TAG, Sql::new("m3_fails", "SELECT 1 / 0", "SELECT 1")]);
    let fails = act(&db, &more, &tenant("globex"), Action::UP).await;
    assert!(!fails.is_success());
    assert_eq!(writes().await, 1);
    for _ in 0..2 {
        assert!(up(&db, &migrations).await.is_success());
        assert_eq!(writes().await, 2);
    }
}

#[tokio::test]
async fn a_failure_does_not_repeat_rows() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    db.execute(
        "CREATE TABLE acme.card (number text); INSERT INTO acme.card VALUES ('4111-1111'), ('4111-1111')",
    )
    .await;
    let unique = Sql::new(
        "m2_unique",
        "CREATE UNIQUE INDEX card_number ON card (number)",
        "DROP INDEX card_number",
    );
    let report = up(&db, &with([NOTE, unique])).await;
    // The one who runs it sees them.
    assert!(outcomes(&report)[1].contains("4111-1111"), "{report:?}");
    let found = migration_failures(&connection).await.unwrap();
    assert_eq!(
        found[&schema("acme")].error,
        "m2_unique could not be applied: could not create unique index \"card_number\" (23505)"
    );
}

#[tokio::test]
async fn a_run_does_not_wait_long_for_a_locked_tenant() {
    let (db, connection) = with_a_failing_tenant().await;
    let holder = connection.begin().await.unwrap();
    holder
        .execute_unprepared("SELECT FROM public.tenants WHERE schema_name = 'globex' FOR UPDATE")
        .await
        .unwrap();
    let begun = Instant::now();
    let report = up(&db, &with([NOTE, TAG])).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(outcomes(&report)[2].contains("already exists"), "{report:?}");
    holder.rollback().await.unwrap();
    assert!(migration_failures(&connection).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_older_catalog_has_no_failures_and_works() {
    let (db, connection) = with_a_failing_tenant().await;
    db.execute(
        "ALTER TABLE public.tenants DROP COLUMN migration_failure;
         DELETE FROM public.seaql_migrations WHERE version = 'm20000101_000007_add_migration_failure'",
    )
    .await;
    let migrations = with([NOTE, TAG]);
    let report = act(&db, &migrations, &Target::AllTenants, Action::UP).await;
    assert_eq!(
        outcomes(&report),
        [
            "acme: applied m2_create_tag",
            "globex: failed: m2_create_tag could not be applied: relation \"tag\" already exists (42P07)"
        ]
    );
    assert_eq!(failure(&db, &migrations, "globex").await, None);
    assert!(migration_failures(&connection).await.unwrap().is_empty());
    // `up` adds the column before it comes to the tenants.
    assert!(!up(&db, &migrations).await.is_success());
    assert!(failure(&db, &migrations, "globex").await.is_some());
}

#[tokio::test]
async fn the_command_line_shows_a_failure() {
    let (db, _) = with_a_failing_tenant().await;
    let migrations = with([NOTE, TAG]);
    let text = "UTC: m2_create_tag could not be applied: relation \"tag\" already exists (42P07)";
    assert!(!up(&db, &migrations).await.is_success());
    let status = cli(&db, &migrations, &["status"]).await.0;
    let line = status.lines().find(|line| line.starts_with("globex")).unwrap();
    assert!(
        line.contains("m2_create_tag; failed 20") && line.ends_with(text),
        "{status}"
    );
    assert_eq!(status.matches("failed").count(), 1, "{status}");
    let show = cli(&db, &migrations, &["tenant", "show", "globex"]).await.0;
    let line = show
        .lines()
        .find(|line| line.starts_with("last failure"))
        .unwrap();
    assert!(line.ends_with(text), "{show}");
    let show = cli(&db, &migrations, &["tenant", "show", "acme"]).await.0;
    assert!(
        show.lines()
            .any(|line| line.starts_with("last failure") && line.ends_with(" -")),
        "{show}"
    );

    let status = cli(&db, &migrations, &["status", "--json"]).await.0;
    let status: Value = serde_json::from_str(&status).unwrap();
    let found: Vec<_> = status
        .as_array()
        .unwrap()
        .iter()
        .map(|schema| &schema["last_failure"])
        .collect();
    assert!(found[0].is_null() && found[1].is_null(), "{status}");
    assert_eq!(found[2]["migration"], "m2_create_tag");
    let show = cli(&db, &migrations, &["tenant", "show", "globex", "--json"])
        .await
        .0;
    let show: Value = serde_json::from_str(&show).unwrap();
    assert_eq!(&show["migrations"]["last_failure"], found[2]);
}
