//! Pending migrations as one message.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use futures_util::StreamExt as _;
use sea_orm::StreamTrait as _;
use sea_orm_migration::{MigratorTraitSelf, SchemaManagerConnection, schema::text_null};
use tenant_migration::{Plan, RunOptions};
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
        "SELECT DISTINCT text FROM message WHERE text LIKE '%ALTER TABLE%UPDATE public.tenants%'",
    )
    .await
}

async fn version(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!("SELECT version FROM tenants WHERE schema_name = '{schema}'");
    column(db, &sql).await
}

/// One tenant after the other.
async fn up_in_turn(db: &TestDatabase, migrations: &Migrations) -> Report {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let executor = executor.with_options(RunOptions::default().jobs(1).attempts(1));
    let plan = executor.plan(&Target::AllTenants, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    executor.close().await.unwrap();
    report
}

#[tokio::test]
async fn what_only_changes_the_schema_is_one_message_once_that_was_seen() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([NOTE, TAG]), &names).await;
    keep_messages(&db).await;
    let report = up_in_turn(&db, &with([NOTE, TAG, LABEL, INDEX])).await;
    let applied = names.map(|name| format!("{name}: applied m3_label; applied m4_index"));
    assert_eq!(outcomes(&report), applied);
    assert_eq!(count(&connection, "SELECT FROM message").await, 3);
    assert_eq!(batches(&connection).await, 2);
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

/// A program that logs no statements learns from them all the same, and one that does has them in its log.
#[tokio::test]
async fn it_does_not_take_a_log() {
    for is_logged in [false, true] {
        let (db, connection) = with_tenants(&with([TAG]), &["acme", "globex"]).await;
        keep_messages(&db).await;
        let mut options = db.options();
        options.sqlx_logging(is_logged);
        let executor = Executor::connect(options, with([TAG, LABEL])).await.unwrap();
        let executor = executor.with_options(RunOptions::default().jobs(1));
        let plan = executor.plan(&Target::AllTenants, Action::UP).await.unwrap();
        assert!(executor.run(plan, &mut ()).await.is_success());
        assert_eq!(batches(&connection).await, 1, "{is_logged}");
    }
}

#[tokio::test]
async fn batches_can_be_switched_off() {
    let (db, connection) = with_tenants(&with([TAG]), &["acme", "globex"]).await;
    keep_messages(&db).await;
    assert!(
        up_in_turn(&db, &with([TAG, LABEL]).batches(false))
            .await
            .is_success()
    );
    assert_eq!(count(&connection, "SELECT FROM message").await, 2);
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
    assert_eq!(asks.answered.load(Ordering::SeqCst), 6);
    assert_eq!(asks.called.load(Ordering::SeqCst), 6);
}

/// Asks from the second tenant on. SeaORM's proxy answers a stream with an error, which is swallowed.
#[derive(Clone, Default)]
struct Streams(Arc<AtomicU32>);

impl MigrationName for Streams {
    fn name(&self) -> &str {
        "m3_streams"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Streams {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared("ALTER TABLE tag ADD COLUMN label text")
            .await?;
        let SchemaManagerConnection::Transaction(transaction) = db else {
            return Err(DbErr::Custom("a transaction".to_owned()));
        };
        let select = Statement::from_string(DatabaseBackend::Postgres, "SELECT id FROM tag");
        let mut ids: Vec<i32> = Vec::new();
        if let Ok(mut rows) = transaction.stream_raw(select).await {
            while let Some(Ok(row)) = rows.next().await {
                ids.push(row.try_get("", "id")?);
            }
        }
        for id in ids {
            let update = format!("UPDATE tag SET label = 'tag {id}' WHERE id = {id}");
            db.execute_unprepared(&update).await?;
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl MigratorTraitSelf for Streams {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(TAG), Box::new(self.clone())]
    }
}

#[tokio::test]
async fn a_migration_that_streams_sees_rows() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    for name in names {
        db.execute(&format!("INSERT INTO {name}.tag VALUES (1), (2)"))
            .await;
    }
    let streams = Streams::default();
    let report = up_in_turn(&db, &Migrations::new(Shared, streams.clone())).await;
    assert!(report.is_success(), "{report:?}");
    for name in names {
        let labels = format!("SELECT label FROM {name}.tag ORDER BY id");
        assert_eq!(column(&connection, &labels).await, ["tag 1", "tag 2"], "{name}");
    }
    assert_eq!(streams.0.load(Ordering::SeqCst), 3);
}

/// What a migration finds on its way is where the next one begins.
#[tokio::test]
async fn each_migration_begins_in_the_tenants_schema() {
    let names = ["acme", "globex", "initech"];
    let (db, connection) = with_tenants(&with([TAG]), &names).await;
    keep_messages(&db).await;
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
    assert_eq!(batches(&connection).await, 2);
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

/// An executor that saw the migrations run for one tenant.
async fn experienced(db: &TestDatabase, migrations: &Migrations) -> Executor {
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let executor = executor.with_options(RunOptions::default().attempts(1));
    let plan = executor.plan(&tenant("first"), Action::UP).await.unwrap();
    assert!(executor.run(plan, &mut ()).await.is_success());
    executor
}

/// Such an executor, and its plan for another tenant.
async fn planned(db: &TestDatabase, migrations: &Migrations) -> (Executor, Plan) {
    let executor = experienced(db, migrations).await;
    let plan = executor.plan(&tenant("acme"), Action::UP).await.unwrap();
    (executor, plan)
}

#[tokio::test]
async fn a_version_that_is_not_the_planned_one_is_found_out_about() {
    let migrations = with([NOTE, TAG, LABEL]);
    let (db, connection) = with_tenants(&with([NOTE, TAG]), &["acme", "first"]).await;
    keep_messages(&db).await;
    let (executor, late) = planned(&db, &migrations).await;
    // Nothing that the migrations need has changed.
    db.execute("UPDATE tenants SET version = 'm1_create_note' WHERE schema_name = 'acme'")
        .await;
    assert_eq!(
        outcomes(&executor.run(late, &mut ()).await),
        ["acme: applied m3_label"]
    );
    assert_eq!(batches(&connection).await, 0);
    assert_eq!(version(&connection, "acme").await, ["m3_label"]);

    // It is not there, and that is not the migration's fault.
    let down = async || act(&db, &migrations, &tenant("acme"), Action::Down { steps: 1 }).await;
    assert!(down().await.is_success());
    let late = executor.plan(&tenant("acme"), Action::UP).await.unwrap();
    assert!(down().await.is_success());
    assert_eq!(
        outcomes(&executor.run(late, &mut ()).await),
        ["acme: failed: m2_create_tag was rolled back by somebody else meanwhile: run again"]
    );
    assert_eq!(version(&connection, "acme").await, ["m1_create_note"]);
}

#[tokio::test]
async fn the_step_that_fails_is_named() {
    let more = Sql::new("m4_more", "ALTER TABLE tag ADD COLUMN more text", "");
    let (db, connection) = with_tenants(&with([TAG]), &["acme", "first"]).await;
    keep_messages(&db).await;
    db.execute("ALTER TABLE acme.tag ADD COLUMN more int").await;
    let (executor, plan) = planned(&db, &with([TAG, LABEL, more])).await;
    assert_eq!(
        outcomes(&executor.run(plan, &mut ()).await),
        [
            "acme: failed: m4_more could not be applied: column \"more\" of relation \"tag\" already exists (42701)"
        ]
    );
    assert_eq!(ledger(&connection, "acme").await, ["m2_create_tag"]);
    assert_eq!(version(&connection, "acme").await, ["m2_create_tag"]);
    let columns = "SELECT FROM information_schema.columns WHERE table_schema = 'acme' AND table_name = 'tag'";
    assert_eq!(count(&connection, columns).await, 2);

    db.execute("ALTER TABLE acme.tag DROP COLUMN more").await;
    let plan = executor.plan(&tenant("acme"), Action::UP).await.unwrap();
    assert!(executor.run(plan, &mut ()).await.is_success());
    assert_eq!(batches(&connection).await, 1);
}

/// Wherever the connection breaks, a tenant has all or nothing, and nobody says that there was nothing to do.
#[tokio::test]
async fn a_lost_answer_is_an_error() {
    let names: Vec<_> = (1..30).map(|n| format!("t{n}")).collect();
    let (db, connection) = with_tenants(&with([TAG]), &["first"]).await;
    for name in &names {
        create_tenant(&connection, &with([TAG]), &new(name))
            .await
            .unwrap();
    }
    let migrations = with([TAG, LABEL, INDEX]);
    experienced(&db, &migrations).await.close().await.unwrap();
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
