//! Pending migrations as one message.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sea_orm_migration::{MigratorTraitSelf, schema::text_null};
use tenant_migration::RunOptions;

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

/// Lets the database keep the message that each `ALTER TABLE` came in.
async fn keep_messages(db: &TestDatabase) {
    db.execute(
        "CREATE TABLE public.message (schema text, text text);
         CREATE FUNCTION public.keep() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO public.message VALUES (current_schema(), current_query()); END';
         CREATE EVENT TRIGGER keep ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.keep()",
    )
    .await;
}

/// In how many messages that end with the tenant's version something was altered.
async fn batches(db: &DatabaseConnection) -> i64 {
    count(
        db,
        "SELECT FROM message WHERE text LIKE '%ALTER TABLE%UPDATE public.tenants%'",
    )
    .await
}

async fn version(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!("SELECT version FROM tenants WHERE schema_name = '{schema}'");
    column(db, &sql).await
}

#[tokio::test]
async fn what_only_changes_the_schema_is_one_message() {
    let (db, connection) = with_tenants(&with([NOTE, TAG]), &["acme", "globex"]).await;
    keep_messages(&db).await;
    let report = up(&db, &with([NOTE, TAG, LABEL, INDEX])).await;
    let applied = ["acme", "globex"].map(|name| format!("{name}: applied m3_label; applied m4_index"));
    assert_eq!(outcomes(&report)[1..], applied);
    assert_eq!(batches(&connection).await, 2);
    for name in ["acme", "globex"] {
        assert_eq!(
            ledger(&connection, name).await,
            ["m1_create_note", "m2_create_tag", "m3_label", "m4_index"]
        );
        assert_eq!(version(&connection, name).await, ["m4_index"]);
    }
    let indexes = "SELECT schemaname FROM pg_indexes WHERE indexname = 'tag_label' ORDER BY 1";
    assert_eq!(column(&connection, indexes).await, ["acme", "globex"]);
}

#[tokio::test]
async fn batches_can_be_switched_off() {
    let (db, connection) = with_tenants(&with([TAG]), &["acme"]).await;
    keep_messages(&db).await;
    assert!(up(&db, &with([TAG, LABEL]).batches(false)).await.is_success());
    assert_eq!(count(&connection, "SELECT FROM message").await, 1);
    assert_eq!(batches(&connection).await, 0);
}

/// How often a migration was called, and how often it got an answer.
#[derive(Clone, Default)]
struct Asks {
    called: Arc<AtomicU32>,
    answered: Arc<AtomicU32>,
}

impl MigrationName for Asks {
    fn name(&self) -> &str {
        "m3_asks"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Asks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.called.fetch_add(1, Ordering::SeqCst);
        let has_label = manager.has_column("tag", "label").await;
        self.answered.fetch_add(1, Ordering::SeqCst);
        if has_label? {
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
async fn a_migration_that_asks_gets_one_answer_for_each_tenant() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    db.execute("ALTER TABLE c.tag ADD COLUMN label text").await;
    let asks = Asks::default();
    let report = act(
        &db,
        &Migrations::new(Shared, asks.clone()),
        &Target::AllTenants,
        Action::UP,
    )
    .await;
    assert!(report.is_success(), "{report:?}");
    let labels = "SELECT table_schema FROM information_schema.columns
        WHERE table_name = 'tag' AND column_name = 'label' ORDER BY 1";
    assert_eq!(column(&connection, labels).await, names);
    let answered = asks.answered.load(Ordering::SeqCst);
    assert_eq!(answered, 6);
    // Each of the workers may have tried it before the others knew.
    let called = asks.called.load(Ordering::SeqCst);
    assert!((7..=10).contains(&called), "{called}");
}

#[tokio::test]
async fn functions_that_come_along_are_pinned() {
    let (db, connection) = with_tenants(&with([TAG]), &["acme"]).await;
    db.execute(
        "CREATE FUNCTION public.along() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
            CREATE FUNCTION label() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM tag'; END $$;
         CREATE EVENT TRIGGER along ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.along()",
    )
    .await;
    assert_eq!(
        outcomes(&up(&db, &with([TAG, LABEL])).await)[1..],
        ["acme: applied m3_label"]
    );
    let paths = "SELECT proconfig::text FROM pg_proc WHERE pronamespace = 'acme'::regnamespace";
    assert_eq!(
        column(&connection, paths).await,
        [r#"{"search_path=acme, pg_temp"}"#]
    );
    assert_eq!(version(&connection, "acme").await, ["m3_label"]);
}

#[tokio::test]
async fn a_version_that_is_not_the_planned_one_is_found_out_about() {
    let migrations = with([NOTE, TAG, LABEL]);
    let (db, connection) = with_tenants(&with([NOTE, TAG]), &["acme"]).await;
    keep_messages(&db).await;
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let plan = async || executor.plan(&tenant("acme"), Action::UP).await.unwrap();

    // Nothing that the migrations need has changed.
    let late = plan().await;
    db.execute("UPDATE tenants SET version = 'm1_create_note'").await;
    assert_eq!(
        outcomes(&executor.run(late, &mut ()).await),
        ["acme: applied m3_label"]
    );
    assert_eq!(batches(&connection).await, 0);
    assert_eq!(version(&connection, "acme").await, ["m3_label"]);

    // It is not there, and that is not the migration's fault.
    let down = async || act(&db, &migrations, &tenant("acme"), Action::Down { steps: 1 }).await;
    assert!(down().await.is_success());
    let late = plan().await;
    assert!(down().await.is_success());
    assert_eq!(
        outcomes(&executor.run(late, &mut ()).await),
        ["acme: failed: m2_create_tag was rolled back by somebody else meanwhile: run again"]
    );
    assert_eq!(version(&connection, "acme").await, ["m1_create_note"]);
}

#[tokio::test]
async fn the_step_that_fails_is_named() {
    let (db, connection) = with_tenants(&with([TAG]), &["acme"]).await;
    let wrong = |up| with([TAG, LABEL, Sql::new("m4_wrong", up, "")]);
    let outcome = async |up| {
        let executor = Executor::connect(db.options(), wrong(up)).await.unwrap();
        let executor = executor.with_options(RunOptions::default().attempts(1));
        let plan = executor.plan(&tenant("acme"), Action::UP).await.unwrap();
        outcomes(&executor.run(plan, &mut ()).await).remove(0)
    };
    assert_eq!(
        outcome("CREATE INDEX i ON tag (nothing)").await,
        "acme: failed: m4_wrong could not be applied: column \"nothing\" does not exist (42703)"
    );
    // PostgreSQL does not take it apart, so it does nothing of the message.
    assert_eq!(
        outcome("ALTER TABLE tag ADD COLUMN user text").await,
        "acme: failed: m4_wrong could not be applied: syntax error at or near \"user\" (42601)"
    );
    assert_eq!(
        outcome("CREATE INDEX CONCURRENTLY i ON tag (label)").await,
        "acme: failed: m4_wrong could not be applied: CREATE INDEX CONCURRENTLY cannot run inside a transaction block (25001)"
    );
    assert_eq!(ledger(&connection, "acme").await, ["m2_create_tag"]);
    assert_eq!(version(&connection, "acme").await, ["m2_create_tag"]);
    let columns = "SELECT FROM information_schema.columns WHERE table_schema = 'acme' AND table_name = 'tag'";
    assert_eq!(count(&connection, columns).await, 1);
}
