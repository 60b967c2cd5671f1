//! The command line as a program: its output, warnings and messages.

use std::process::{Command, Stdio};

use super::*;

fn program(db: &TestDatabase, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migrate_fixture"));
    command
        .args(["-u", db.url(), "-s", ""])
        .args(words)
        .env_remove("RUST_LOG");
    command
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_error() {
    let db = TestDatabase::create().await;
    for words in [&["up"][..], &["status", "-v"], &["tenant", "list"]] {
        let mut child = program(&db, words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The program writes into a closed pipe, as with `| head`.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{words:?}");
        assert_eq!(err, "", "{words:?}");
    }
    // The migrations ran all the same.
    assert_eq!(count(&db.connect().await, "SELECT FROM mark").await, 0);
}

#[tokio::test]
async fn verbose_is_about_schemas() {
    let db = TestDatabase::create().await;
    let run = |words: &[&str]| program(&db, words).output().unwrap();
    run(&["up"]);
    db.execute("CREATE SCHEMA acme").await;
    run(&["tenant", "adopt", "acme"]);
    let output = run(&["-v", "up"]);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(out.contains("acme    applied m1_one, m2_two, m4_four"), "{out}");
    assert!(err.contains("schema=acme") && err.contains("m4_four"), "{err}");
    assert!(!err.contains("SELECT") && !err.contains("sqlx"), "{err}");
    let status = run(&["status", "-v"]);
    assert_eq!(String::from_utf8_lossy(&status.stderr), "");
}

#[tokio::test]
async fn a_tenant_whose_name_no_host_can_have_is_warned_of() {
    let migrations = with([NOTE]);
    let (db, _) = with_tenants(&migrations, &[]).await;
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, &[&["tenant"], words].concat()).await;
        result.unwrap();
        out
    };
    let warning = "warning: no host name can have my_co in it. Give the tenant a domain without that: \
        `tenant domain add my_co HOST`\n";
    assert_eq!(
        run(&["create", "my_co"]).await,
        format!("created tenant my_co\n{warning}")
    );
    let copied = run(&["clone", "my_co", "a_copy"]).await;
    assert!(
        copied.contains("warning: no host name can have a_copy in it"),
        "{copied}"
    );
    for words in [
        &["create", "acme"][..],
        &["create", "other_co", "--domain", "other.example.com"],
        &["create", "public", "--name", "Main"],
        &["clone", "acme", "b_copy", "--domain", "copy.example.com"],
    ] {
        let out = run(words).await;
        assert!(!out.contains("warning"), "{out}");
    }
}
