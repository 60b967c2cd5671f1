//! Several runs at the same time, and migrations outside of transactions.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sea_orm::{Database, TransactionTrait};
use tenant_migration::{
    DropOptions, Migrating, TenantHooks, TenantRoles, drop_tenant, grant_tenant_role, suspend_tenant,
};

use super::*;

#[tokio::test]
async fn what_changed_since_the_plan_is_not_done_twice_or_out_of_order() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
    let plan = async || executor.plan(&tenant("acme"), Action::UP).await.unwrap();

    let late = plan().await;
    assert!(up(&db, &migrations).await.is_success());
    assert_eq!(outcomes(&executor.run(late, &mut ()).await), ["acme: -"]);

    assert!(
        act(&db, &migrations, &tenant("acme"), Action::Down { steps: 1 })
            .await
            .is_success()
    );
    let late = plan().await;
    assert!(
        act(&db, &migrations, &tenant("acme"), Action::Down { steps: 1 })
            .await
            .is_success()
    );
    assert_eq!(
        outcomes(&executor.run(late, &mut ()).await),
        ["acme: failed: m1_create_note was rolled back by somebody else meanwhile: run again"]
    );
    assert!(ledger(&connection, "acme").await.is_empty());
}

/// Sessions that wait for a schema's lock: idle outside of a transaction, after a rollback.
const PAUSING: &str = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
    AND query = 'ROLLBACK'";

/// Runs `waiting` while another session holds the lock of acme and builds indexes concurrently.
async fn wait_while_an_index_is_built(db: &TestDatabase, waiting: impl Future<Output = ()>) {
    let mut options = db.options();
    options.max_connections(1);
    let (holder, observer) = (Database::connect(options).await.unwrap(), db.connect().await);
    let hold = async |sql: &str| holder.execute_unprepared(sql).await.unwrap();
    hold("SELECT pg_advisory_lock(hashtextextended('tenant-migration:acme', 0))").await;
    hold("SET statement_timeout = '20s'").await;
    let build = async {
        while count(&observer, PAUSING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..10 {
            hold("DROP INDEX IF EXISTS acme.built").await;
            hold("CREATE INDEX CONCURRENTLY built ON acme.note (id)").await;
        }
        hold("SELECT pg_advisory_unlock_all()").await;
    };
    let both = async { tokio::join!(waiting, build) };
    tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    holder.close().await.unwrap();
}

/// Waiting for a lock keeps no transaction open. Otherwise `CREATE INDEX CONCURRENTLY` by the lock's holder would wait for
/// that transaction, which waits for the lock.
#[tokio::test]
async fn who_waits_for_a_lock_is_in_no_transaction() {
    let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    wait_while_an_index_is_built(&db, async {
        let report = act(&db, &migrations, &tenant("acme"), Action::UP).await;
        assert_eq!(outcomes(&report), ["acme: applied m2_create_tag"]);
    })
    .await;
    wait_while_an_index_is_built(&db, async {
        grant_tenant_role(&connection, &migrations, &schema("acme"))
            .await
            .unwrap();
    })
    .await;
    suspend_tenant(&connection, &schema("acme")).await.unwrap();
    wait_while_an_index_is_built(&db, async {
        let at_once = DropOptions::default().drain(Duration::ZERO);
        drop_tenant(&connection, &migrations, &schema("acme"), &at_once)
            .await
            .unwrap();
    })
    .await;
}

/// A run notices a ledger that was created while it waited. A session caches that a table is missing, until
/// PostgreSQL invalidates the cache.
#[tokio::test]
async fn a_ledger_that_was_made_while_a_run_waited_is_seen() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&migrations, &[]).await;
    db.execute(
        "CREATE SCHEMA acme; INSERT INTO tenants (schema_name, name, status) VALUES ('acme', '', 'active')",
    )
    .await;
    let other = connection.begin().await.unwrap();
    other
        .execute_unprepared(
            "SELECT pg_advisory_xact_lock(hashtextextended('tenant-migration:acme', 0));
             CREATE TABLE acme.note (); CREATE TABLE acme.tag ();
             CREATE TABLE acme.seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL);
             INSERT INTO acme.seaql_migrations VALUES ('m1_create_note', 1), ('m2_create_tag', 1)",
        )
        .await
        .unwrap();
    let run = async {
        let executor = Executor::connect(db.options(), migrations.clone()).await.unwrap();
        let plan = executor.plan(&tenant("acme"), Action::UP).await.unwrap();
        let report = executor.run(plan, &mut ()).await;
        executor.close().await.unwrap();
        report
    };
    let end_other = async {
        while count(&connection, PAUSING).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.commit().await.unwrap();
    };
    let (report, ()) = tokio::join!(run, end_other);
    assert_eq!(outcomes(&report), ["acme: -"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runners_at_once_apply_each_migration_once() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let (db, connection) = with_tenants(&with([NOTE]), &names).await;
    let slow = Sql::new(
        "m3_slow",
        "INSERT INTO note DEFAULT VALUES; SELECT pg_sleep(0.05)",
        "",
    );
    // Building an index concurrently waits for all older snapshots, also of sessions that wait for the lock.
    let index = Sql::new(
        "m4_index",
        "CREATE INDEX CONCURRENTLY note_plan ON note (plan)",
        "",
    );
    let migrations = with([NOTE, slow, index.outside_of_transactions(), TAG]);
    let runs = (0..4).map(|_| up(&db, &migrations));
    let reports = futures_util::future::join_all(runs).await;
    let mut done = 0;
    for report in &reports {
        assert!(report.is_success(), "{:?}", outcomes(report));
        let steps = report.schemas.iter().map(|schema| match &schema.outcome {
            Outcome::Done(steps) => steps.len(),
            _ => 0,
        });
        done += steps.sum::<usize>();
    }
    assert_eq!(done, 3 * names.len());
    for name in names {
        assert_eq!(count(&connection, &format!("SELECT FROM {name}.note")).await, 2);
        assert_eq!(ledger(&connection, name).await.len(), 4);
    }
}

#[tokio::test]
async fn a_migration_without_transaction_runs_apart() {
    let index = Sql::new(
        "m2_index",
        "CREATE INDEX CONCURRENTLY note_plan ON note (plan)",
        "DROP INDEX CONCURRENTLY note_plan",
    );
    let wrong = Sql::new("m4_wrong", "SELECT 1/0", "");
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let index = index.outside_of_transactions();
    let tag = Sql {
        name: "m3_create_tag",
        ..TAG
    };
    let report = up(&db, &with([NOTE, index.clone(), tag.clone(), wrong])).await;
    assert_eq!(
        outcomes(&report)[1..],
        ["acme", "globex"].map(|schema| format!(
            "{schema}: applied m2_indexfailed: m4_wrong could not be applied: division by zero (22012)"
        ))
    );
    let indexes = "SELECT schemaname FROM pg_indexes WHERE indexname = 'note_plan' ORDER BY 1";
    assert_eq!(column(&connection, indexes).await, ["acme", "globex"]);
    let migrations = with([NOTE, index, tag]);
    assert!(up(&db, &migrations).await.is_success());
    let report = act(&db, &migrations, &tenant("acme"), Action::Refresh).await;
    assert!(report.is_success(), "{report:?}");
    assert!(
        act(&db, &migrations, &tenant("acme"), Action::Fresh)
            .await
            .is_success()
    );
    assert_eq!(column(&connection, indexes).await, ["acme", "globex"]);
    let locks = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(count(&connection, locks).await, 0);
}

/// Hook whose first call of `after` fails.
#[derive(Default)]
struct FailsOnce(AtomicBool);

#[async_trait::async_trait]
impl TenantHooks for FailsOnce {
    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let called = "CREATE FUNCTION called() RETURNS int LANGUAGE sql AS 'SELECT 1'";
        tenant.manager.get_connection().execute_unprepared(called).await?;
        if self.0.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        Err(DbErr::Custom("not yet".to_owned()))
    }
}

#[tokio::test]
async fn what_follows_a_migration_without_transaction_is_kept_or_lost_with_its_record() {
    let index = Sql::new(
        "m2_index",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS note_plan ON note (plan)",
        "",
    );
    let (db, connection) = with_tenants(&with([NOTE]), &["acme"]).await;
    let migrations = with([NOTE, index.outside_of_transactions()]).with_hooks(FailsOnce::default());
    let state = "SELECT concat_ws(', ', version, (SELECT count(*) FROM acme.seaql_migrations),
            (SELECT proconfig::text FROM pg_proc WHERE proname = 'called'))
        FROM tenants";
    assert_eq!(
        outcomes(&up(&db, &migrations).await)[1],
        "acme: failed: the hook after its migrations failed: not yet"
    );
    assert_eq!(column(&connection, state).await, ["m1_create_note, 1"]);
    assert_eq!(outcomes(&up(&db, &migrations).await)[1], "acme: applied m2_index");
    let pinned = r#"m2_index, 2, {"search_path=acme, pg_temp"}"#;
    assert_eq!(column(&connection, state).await, [pinned]);
}
