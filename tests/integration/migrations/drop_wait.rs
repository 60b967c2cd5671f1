//! The wait of `drop_tenant` for other processes, and what it says.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use tenant_migration::{DropOptions, archive_tenant, drop_tenant, set_maintenance, suspend_tenant};

use super::*;

/// Runs `tenant drop` as a program, and returns what it wrote on the standard error.
fn drop_by_program(db: &TestDatabase, drain: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_migrate_fixture"))
        .args([
            "-u",
            db.url(),
            "-s",
            "",
            "tenant",
            "drop",
            "acme",
            "--yes",
            "--drain",
            drain,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn it_says_for_how_long_and_how_not_to_wait() {
    for (drain, expected) in [
        (
            "2",
            "(--drain 0 does not wait for them). Its tables are dropped in 2 s\n",
        ),
        ("0", ""),
    ] {
        let (db, _connection) = with_tenants(&with([NOTE]), &["acme"]).await;
        let err = drop_by_program(&db, drain);
        assert!(err.ends_with(expected), "{drain}: {err}");
        assert_eq!(err.is_empty(), expected.is_empty(), "{drain}: {err}");
    }
}

#[tokio::test]
async fn time_out_of_service_counts() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["a", "b", "c", "d"]).await;
    let [a, b, c, d] = ["a", "b", "c", "d"].map(schema);
    suspend_tenant(&connection, &a).await.unwrap();
    set_maintenance(&connection, &b, true).await.unwrap();
    archive_tenant(&connection, &c).await.unwrap();
    db.execute("UPDATE tenants SET updated_at = now() - interval '31 s'")
        .await;
    for tenant in [a, b, c] {
        let begun = Instant::now();
        drop_tenant(&connection, &migrations, &tenant, &DropOptions::default())
            .await
            .unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{tenant}: {:?}",
            begun.elapsed()
        );
    }
    // A tenant in service is waited for, however long ago its row was changed.
    let begun = Instant::now();
    let options = DropOptions::default().drain(Duration::from_secs(2));
    drop_tenant(&connection, &migrations, &d, &options).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2));
}
