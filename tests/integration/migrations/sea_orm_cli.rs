//! SeaORM's `sea-orm-cli`, which runs `cargo run` in the example's migration crate.

use std::{path::Path, process::Command};

use ::sea_orm_cli::run_migrate_generate;

use super::*;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/migration");

/// Runs `sea-orm-cli migrate`. True if it succeeded.
async fn migrate(db: &TestDatabase, says_yes: bool, words: &[&str]) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sea_orm_cli"));
    command
        .args(["migrate", "-d", EXAMPLE, "-u", db.url()])
        .args(words)
        .env_remove("DATABASE_SCHEMA")
        .env_remove("TENANT_MIGRATION_YES")
        .stdin(std::process::Stdio::null());
    if says_yes {
        command.env("TENANT_MIGRATION_YES", "1");
    }
    let status = tokio::task::spawn_blocking(move || command.status());
    status.await.unwrap().unwrap().success()
}

#[tokio::test]
async fn sea_orm_cli_migrates_the_shared_schema_and_the_tenants() {
    let db = TestDatabase::create().await;
    let connection = db.connect().await;
    let migrations = example_migration::migrations();
    let note = ["m20260101_000001_create_note"];
    let run = async |words: &[&str]| migrate(&db, false, words).await;

    assert!(run(&["up"]).await);
    for name in ["acme", "globex"] {
        create_tenant(&connection, &migrations, &new(name)).await.unwrap();
    }
    assert!(run(&["status"]).await);
    assert!(run(&["-s", "acme", "status"]).await);
    assert!(run(&["-s", "acme", "down", "-n", "1"]).await);
    assert!(ledger(&connection, "acme").await.is_empty());
    assert_eq!(ledger(&connection, "globex").await, note);
    assert!(run(&["-s", "public", "up"]).await);
    assert!(ledger(&connection, "acme").await.is_empty());
    assert!(run(&["-s", "acme", "up", "-n", "1"]).await);
    assert_eq!(ledger(&connection, "acme").await, note);

    assert!(run(&["down"]).await);
    assert!(ledger(&connection, "globex").await.is_empty());
    assert_eq!(ledger(&connection, "public").await.len(), 8);
    assert!(run(&["up"]).await);
    for command in ["fresh", "refresh", "reset"] {
        assert!(!run(&["-s", "acme", command]).await, "it was not confirmed");
        assert!(!migrate(&db, true, &[command]).await, "it was not told of what");
        assert_eq!(tables(&connection, "acme").await, ["note", "seaql_migrations"]);
        assert!(migrate(&db, true, &["-s", "acme", command]).await);
    }
    assert!(tables(&connection, "acme").await.is_empty());
    assert_eq!(ledger(&connection, "globex").await, note);

    assert!(!run(&["-s", "nobody", "up"]).await);
    assert!(!migrate(&db, true, &["-s", "public", "fresh"]).await);
    assert_eq!(count(&connection, "SELECT FROM tenants").await, 2);
}

#[test]
fn sea_orm_cli_generates_into_either_set() {
    let folder = TempDir::create("generate");
    for set in ["shared", "tenant"] {
        let copy = folder.0.join(set);
        copy_files(&Path::new(EXAMPLE).join("src").join(set), &copy);
        for name in ["add_one", "add_two"] {
            run_migrate_generate(copy.to_str().unwrap(), name, true).unwrap();
        }
        let text = std::fs::read_to_string(copy.join("mod.rs")).unwrap();
        assert_eq!(
            text.contains("catalog::migrations().into_iter()"),
            set == "shared",
            "{text}"
        );
        assert_eq!(text.matches("::Migration),").count(), 3, "{text}");
        let one = text.find("_add_one::Migration").unwrap();
        assert!(
            text.find("m20260101_000001_create_").unwrap() < one
                && one < text.find("_add_two::Migration").unwrap()
        );
        // The generated code is formatted like rustfmt's output.
        assert!(
            text.ends_with("_add_two::Migration),\n        ]\n    }\n}\n"),
            "{text}"
        );
        assert_eq!(std::fs::read_dir(&copy).unwrap().count(), 4);
    }
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
