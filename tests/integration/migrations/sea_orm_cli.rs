//! The real `sea-orm-cli`, as a library: it runs `cargo run` in the example.

use std::path::Path;

use ::sea_orm_cli::{MigrateSubcommands, run_migrate_command, run_migrate_generate};

use super::*;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/migration");

async fn migrate(db: &TestDatabase, schema: Option<&str>, command: MigrateSubcommands) -> Result<(), String> {
    let (url, schema) = (db.url().to_owned(), schema.map(str::to_owned));
    tokio::task::spawn_blocking(move || {
        run_migrate_command(Some(command), EXAMPLE, schema, Some(url), false)
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn sea_orm_cli_migrates_the_shared_schema_and_the_tenants() {
    use MigrateSubcommands::{Down, Fresh, Refresh, Reset, Status, Up};
    let db = TestDatabase::create().await;
    let connection = db.connect().await;
    let migrations = example_migration::migrations();
    let note = ["m20260101_000001_create_note"];

    migrate(&db, None, Up { num: None }).await.unwrap();
    for name in ["acme", "globex"] {
        create_tenant(&connection, &migrations, &new(name)).await.unwrap();
    }
    migrate(&db, None, Status).await.unwrap();
    migrate(&db, Some("acme"), Status).await.unwrap();
    migrate(&db, Some("acme"), Down { num: 1 }).await.unwrap();
    assert!(ledger(&connection, "acme").await.is_empty());
    assert_eq!(ledger(&connection, "globex").await, note);
    migrate(&db, Some("public"), Up { num: None }).await.unwrap();
    assert!(ledger(&connection, "acme").await.is_empty());
    migrate(&db, Some("acme"), Up { num: Some(1) }).await.unwrap();
    assert_eq!(ledger(&connection, "acme").await, note);

    migrate(&db, None, Down { num: 1 }).await.unwrap();
    assert!(ledger(&connection, "globex").await.is_empty());
    assert_eq!(ledger(&connection, "public").await.len(), 4);
    migrate(&db, None, Up { num: None }).await.unwrap();
    for command in [Fresh, Refresh, Reset] {
        migrate(&db, Some("acme"), command).await.unwrap();
    }
    assert!(tables(&connection, "acme").await.is_empty());
    assert_eq!(ledger(&connection, "globex").await, note);

    assert!(migrate(&db, Some("nobody"), Up { num: None }).await.is_err());
    assert!(migrate(&db, Some("public"), Fresh).await.is_err());
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
        // As rustfmt would have it, so nobody has to.
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
