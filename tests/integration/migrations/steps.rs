//! Steps of a schema, which run one after the other in one transaction.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sea_orm_migration::{MigratorTraitSelf, schema::text_null};
use tenant_migration::RunOptions;
use tests::{Direction, Fault, Proxy, Rule};

use super::*;

const LABEL: Sql = Sql::new(
    "m3_label",
    "ALTER TABLE tag ADD COLUMN label text; -- of a tag",
    "ALTER TABLE tag DROP COLUMN label",
);
const INDEX: Sql = Sql::new(
    "m4_index",
    "CREATE INDEX tag_label ON tag (label) -- without an end",
    "DROP INDEX tag_label",
);

async fn version(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!("SELECT version FROM tenants WHERE schema_name = '{schema}'");
    column(db, &sql).await
}

/// Migrates all tenants, one after the other, without retries.
async fn up_in_turn(db: &TestDatabase, migrations: &Migrations) -> Report {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let executor = executor.with_options(RunOptions::default().jobs(1).attempts(1));
    let plan = executor.plan(&Target::AllTenants, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.unwrap();
    report
}

#[tokio::test]
async fn texts_may_end_in_a_comment() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([NOTE, TAG]), &names).await;
    let report = up_in_turn(&db, &with([NOTE, TAG, LABEL, INDEX])).await;
    let applied = names.map(|name| format!("{name}: applied m3_label; applied m4_index"));
    assert_eq!(outcomes(&report), applied);
    for name in names {
        assert_eq!(
            ledger(&connection, name).await,
            ["m1_create_note", "m2_create_tag", "m3_label", "m4_index"]
        );
        assert_eq!(version(&connection, name).await, ["m4_index"]);
    }
    let indexes = "SELECT schemaname FROM pg_indexes WHERE indexname = 'tag_label' ORDER BY 1";
    assert_eq!(column(&connection, indexes).await, names);
}

/// Migration that counts its calls.
#[derive(Clone, Default)]
struct Asks(Arc<AtomicU32>);

impl MigrationName for Asks {
    fn name(&self) -> &str {
        "m3_asks"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Asks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if manager.has_column("tag", "label").await? {
            return Ok(());
        }
        let label = Table::alter()
            .table("tag")
            .add_column(text_null("label"))
            .to_owned();
        manager.alter_table(label).await
    }
}

impl MigratorTraitSelf for Asks {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(TAG), Box::new(self.clone())]
    }
}

#[tokio::test]
async fn a_migration_that_asks_is_called_once_for_each_tenant() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    db.execute("ALTER TABLE c.tag ADD COLUMN label text").await;
    let asks = Asks::default();
    let migrations = Migrations::new(Shared, asks.clone());
    let report = act(&db, &migrations, &Target::AllTenants, Action::UP).await;
    assert!(report.is_success(), "{report:?}");
    let labels = "SELECT table_schema FROM information_schema.columns
        WHERE table_name = 'tag' AND column_name = 'label' ORDER BY 1";
    assert_eq!(column(&connection, labels).await, names);
    assert_eq!(asks.0.load(Ordering::SeqCst), 6);
}

/// Each migration begins with the tenant's search path, even if the previous one changed it.
#[tokio::test]
async fn each_migration_begins_in_the_tenants_schema() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    for name in names {
        db.execute(&format!("INSERT INTO {name}.tag VALUES (1)")).await;
    }
    let goes = "ALTER TABLE tag ADD COLUMN path text DEFAULT set_config('search_path', 'globex', true)";
    let goes = Sql::new("m3_goes", goes, "");
    let makes = Sql::new("m4_makes", "CREATE TABLE made (id int)", "");
    let report = up_in_turn(&db, &with([TAG, goes, makes])).await;
    assert!(report.is_success(), "{report:?}");
    let made = "SELECT schemaname FROM pg_tables WHERE tablename = 'made' ORDER BY 1";
    assert_eq!(column(&connection, made).await, names);
}

#[tokio::test]
async fn functions_that_were_there_are_pinned() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    db.execute("CREATE FUNCTION globex.two() RETURNS int LANGUAGE sql AS 'SELECT 2'")
        .await;
    assert!(up_in_turn(&db, &with([TAG, LABEL])).await.is_success());
    let paths = "SELECT proconfig::text FROM pg_proc WHERE pronamespace = 'globex'::regnamespace";
    assert_eq!(
        column(&connection, paths).await,
        [r#"{"search_path=globex, pg_temp"}"#]
    );
}

#[tokio::test]
async fn functions_that_come_along_are_pinned() {
    let names = ["acme", "globex"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    db.execute(
        "CREATE FUNCTION public.along() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
            CREATE FUNCTION label() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM tag'; END $$;
         CREATE EVENT TRIGGER along ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.along()",
    )
    .await;
    assert!(up_in_turn(&db, &with([TAG, LABEL])).await.is_success());
    for name in names {
        let paths =
            format!("SELECT proconfig::text FROM pg_proc WHERE pronamespace = '{name}'::regnamespace");
        let pinned = format!(r#"{{"search_path={name}, pg_temp"}}"#);
        assert_eq!(column(&connection, &paths).await, [pinned]);
        assert_eq!(version(&connection, name).await, ["m3_label"]);
    }
}

#[tokio::test]
async fn the_step_that_fails_is_named() {
    let more = Sql::new("m4_more", "ALTER TABLE tag ADD COLUMN more text", "");
    let migrations = with([TAG, LABEL, more]);
    let (db, connection) = with_tenants(&with([TAG]), &["acme"]).await;
    db.execute("ALTER TABLE acme.tag ADD COLUMN more int").await;
    assert_eq!(
        outcomes(&up_in_turn(&db, &migrations).await),
        [
            "acme: failed: m4_more could not be applied: column \"more\" of relation \"tag\" already exists (42701)"
        ]
    );
    assert_eq!(ledger(&connection, "acme").await, ["m2_create_tag"]);
    assert_eq!(version(&connection, "acme").await, ["m2_create_tag"]);
    let columns = "SELECT FROM information_schema.columns WHERE table_schema = 'acme' AND table_name = 'tag'";
    assert_eq!(count(&connection, columns).await, 2);

    db.execute("ALTER TABLE acme.tag DROP COLUMN more").await;
    assert!(up_in_turn(&db, &migrations).await.is_success());
}

/// A connection that is lost at any message leaves a tenant migrated completely or not at all, and is never reported as
/// "nothing to do".
#[tokio::test]
async fn a_lost_answer_is_an_error() {
    let names: Vec<_> = (1..60).map(|n| format!("t{n}")).collect();
    let (db, connection) = with_tenants(&with([TAG]), &[]).await;
    for name in &names {
        create_tenant(&connection, &with([TAG]), &new(name))
            .await
            .unwrap();
    }
    let migrations = with([TAG, LABEL, INDEX]);
    let proxy = Proxy::start(db.url()).await;
    let (mut lost, mut is_through) = (0, false);
    for (n, name) in (1..).zip(&names) {
        let mut options = sea_orm::ConnectOptions::new(proxy.url());
        options.sqlx_logging(false);
        let executor = Executor::connect(options, migrations.clone()).await.unwrap();
        let plan = executor.plan(&tenant(name), Action::UP).await.unwrap();
        let rule = proxy.add(Rule::any(Direction::ToClient, Fault::Cut).nth(n));
        let outcome = outcomes(&executor.run(plan, &mut ()).await).remove(0);
        let done = ledger(&connection, name).await.len() == 3;
        let altered =
            format!("SELECT FROM pg_indexes WHERE schemaname = '{name}' AND indexname = 'tag_label'");
        assert_eq!(count(&connection, &altered).await == 1, done, "{name}: {outcome}");
        assert_eq!(
            version(&connection, name).await == ["m4_index"],
            done,
            "{name}: {outcome}"
        );
        if !rule.has_fired() {
            assert_eq!(outcome, format!("{name}: applied m3_label; applied m4_index"));
            is_through = true;
            break;
        }
        lost += u32::from(outcome.contains("error communicating with database"));
        assert_ne!(outcome, format!("{name}: -"));
    }
    assert!(is_through && lost > 2, "{lost}");
}
