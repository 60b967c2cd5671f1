//! Tenants with more tables than the server has locks for. The tests have separate servers, since a full lock table makes
//! other tests fail.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tenant_migration::{Migrating, TenantHooks};
use tests::TestServer;

use super::*;

const TABLES: i64 = 3_000;
const MANY: Sql = Sql::new(
    "m2_many",
    "DO $$ BEGIN FOR i IN 1..6000 LOOP
        EXECUTE format('CREATE TABLE many%s (id serial PRIMARY KEY, body text)', i);
    END LOOP; END $$",
    "",
);

/// Hook that counts the attempts of a migration.
#[derive(Clone, Default)]
struct Tries(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl TenantHooks for Tries {
    async fn before(&self, _: Migrating<'_>) -> Result<(), DbErr> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Creates this number of tables in the schema `acme`, rounded up to a multiple of 200.
pub(super) async fn make_tables(db: &TestDatabase, tables: usize) {
    for first in (0..tables).step_by(200) {
        let last = first + 199;
        db.execute(&format!(
            "DO $$ BEGIN FOR i IN {first}..{last} LOOP
                EXECUTE format('CREATE TABLE acme.t%s (id serial PRIMARY KEY, body text)', i);
            END LOOP; END $$"
        ))
        .await;
    }
}

/// Waits until sessions get locks again. PostgreSQL reports an error before it releases the transaction's locks.
pub(super) async fn has_locks_again(db: &DatabaseConnection) {
    while db.execute_unprepared("SELECT FROM pg_class").await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_for_which_there_are_too_few_locks_is_not_begun() {
    let server = TestServer::start();
    let db = TestDatabase::create_on(server.url().to_owned()).await;
    let tries = Tries::default();
    let migrations = with([NOTE]);
    assert!(up(&db, &migrations).await.is_success());
    let connection = db.connect().await;
    for name in ["acme", "globex"] {
        create_tenant(&connection, &migrations, &new(name)).await.unwrap();
    }
    make_tables(&db, usize::try_from(TABLES).unwrap()).await;

    let counted = migrations.clone().with_hooks(tries.clone());
    let report = act(&db, &counted, &Target::AllTenants, Action::Fresh).await;
    assert_eq!(
        outcomes(&report)[1],
        "globex: dropped everything; applied m1_create_note"
    );
    let Outcome::Failed { error, .. } = &report.schemas[0].outcome else {
        panic!("{report:?}");
    };
    // Each table has a primary key, a sequence, and a TOAST table with an index. The ledger has a primary key.
    let relations = 5 * (TABLES + 1) + 4;
    let SchemaError::TooLarge {
        relations: found,
        locks,
        max_locks_per_transaction,
    } = error
    else {
        panic!("{error:?}");
    };
    let settings = "SELECT current_setting('max_locks_per_transaction')::int
        * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)";
    let has: i64 = column(&connection, settings).await[0].parse().unwrap();
    assert_eq!((*found, *locks), (relations, has));
    // Default of `max_locks_per_transaction`: 64.
    let (raised, transactions) = (*max_locks_per_transaction, has / 64);
    assert!(
        raised * transactions >= 4 * relations && (raised - 1) * transactions < 4 * relations,
        "{raised}"
    );
    for part in [
        format!("{relations} tables"),
        format!("the {has} locks"),
        format!("`max_locks_per_transaction` to {raised} "),
        "`tenant drop`".to_owned(),
    ] {
        assert!(error.to_string().contains(&part), "{error}");
    }
    let left = "SELECT FROM pg_tables WHERE schemaname = 'acme'";
    assert_eq!(count(&connection, left).await, TABLES + 2);
    assert_eq!(tries.0.swap(0, Ordering::SeqCst), 2, "once for each tenant");

    // A migration that creates too many tables is tried twice, and its error names the setting.
    let many = with([NOTE, MANY]).with_hooks(tries.clone());
    let report = act(&db, &many, &tenant("globex"), Action::UP).await;
    let outcome = outcomes(&report).remove(0);
    assert!(
        outcome.contains("m2_many could not be applied: out of shared memory"),
        "{outcome}"
    );
    assert!(outcome.contains("max_locks_per_transaction"), "{outcome}");
    assert_eq!(tries.0.swap(0, Ordering::SeqCst), 2);
    has_locks_again(&connection).await;
    assert_eq!(tables(&connection, "globex").await.len(), 2);

    let error = create_tenant(&connection, &many, &new("initech"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("m2_many could not be applied") && error.contains("max_locks_per_transaction"),
        "{error}"
    );
    has_locks_again(&connection).await;
    assert_eq!(
        count(&connection, "SELECT FROM pg_namespace WHERE nspname = 'initech'").await,
        0
    );
    connection.close().await.unwrap();
}
