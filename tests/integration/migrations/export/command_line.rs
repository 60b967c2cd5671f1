//! `tenant export` and `tenant import`.

use super::*;

/// Runs the command line like [`cli`], with this URL.
async fn cli_at(url: &str, migrations: &Migrations, words: &[&str]) -> (String, Result<(), CliError>) {
    let first = ["migration", "-u", url, "-s", ""];
    let args = Args::try_parse_from(first.iter().chain(words)).unwrap();
    let mut out = Vec::new();
    let result = tenant_migration::cli::run(migrations, args, &mut out).await;
    (String::from_utf8(out).unwrap(), result)
}

#[tokio::test]
async fn the_command_line_exports_and_imports() {
    let folder = TempDir::create("export-cli");
    let to = folder.0.join("acme");
    let to = to.to_str().unwrap();
    let (source, _from) = with_tenants(&with([NOTE]), &["acme"]).await;
    let (out, result) = cli(&source, &with([NOTE]), &["tenant", "export", "acme", to]).await;
    result.unwrap();
    assert_eq!(out, format!("exported tenant acme to {to}\n"));
    let (_, result) = cli(&source, &with([NOTE]), &["tenant", "export", "acme", to]).await;
    assert!(
        matches!(result, Err(CliError::Transfer(TransferError::Exists { .. }))),
        "{result:?}"
    );

    let migrations = with([NOTE, TAG]);
    let (target, db) = with_tenants(&migrations, &[]).await;
    let (out, result) = cli(&target, &migrations, &["tenant", "import", to]).await;
    result.unwrap();
    assert!(
        out.starts_with("imported tenant acme at acme.example.com, active\n1 migrations are pending"),
        "{out}"
    );
    assert_eq!(ledger(&db, "acme").await, ["m1_create_note"]);
    drop_now(&db, &migrations, "acme").await;
    let (_, result) = cli(&target, &migrations, &["tenant", "import", to]).await;
    assert!(
        matches!(
            result,
            Err(CliError::Transfer(TransferError::Tenant(LifecycleError::Name(
                NameError::NameRetired { .. }
            ))))
        ),
        "{result:?}"
    );
    let bin = pg_programs();
    let words = [
        "tenant",
        "import",
        to,
        "--reuse-name",
        "--pg-bin",
        bin.to_str().unwrap(),
    ];
    let (_, result) = cli(&target, &migrations, &words).await;
    result.unwrap();
}

#[tokio::test]
async fn the_password_is_no_argument_of_a_program() {
    let folder = TempDir::create("export-password");
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    let url = database
        .url()
        .replacen("postgres@", "postgres:s3cr%2Bt%20%C3%A9%27@", 1);
    assert_ne!(url, database.url(), "the server is the one of the tests");
    let url = format!("{url}?sslmode=disable&options=-c%20geqo%3Doff");
    let to = folder.0.join("acme");
    let log =
        "N=$HERE/$(basename $0); echo \"$@\" >$N.args; tr '\\0' ' ' </proc/$$/cmdline >>$N.args; env >$N.env;
        exec $REAL \"$@\"";
    fake(&folder, log);
    let bin = folder.0.join("bin");
    let (to, pg_bin) = (to.to_str().unwrap(), bin.to_str().unwrap());
    let export = ["tenant", "export", "acme", to, "--pg-bin", pg_bin];
    cli_at(&url, &migrations, &export).await.1.unwrap();
    drop_now(&db, &migrations, "acme").await;
    let import = ["tenant", "import", to, "--reuse-name", "--pg-bin", pg_bin];
    cli_at(&url, &migrations, &import).await.1.unwrap();
    for program in ["pg_dump", "pg_restore"] {
        let read = |end: &str| fs::read_to_string(bin.join(format!("{program}.{end}"))).unwrap();
        assert!(!read("args").contains("s3cr"), "{}", read("args"));
        assert!(read("args").contains("--no-password"), "{}", read("args"));
        for line in [
            "PGPASSWORD=s3cr+t é'".to_owned(),
            format!("PGDATABASE={}", database.name()),
            "PGSSLMODE=disable".to_owned(),
            "PGUSER=postgres".to_owned(),
        ] {
            assert!(
                read("env").lines().any(|found| found == line),
                "{line}: {}",
                read("env")
            );
        }
        assert!(read("env").contains("-c geqo=off"));
    }
}

#[tokio::test]
async fn a_directory_may_be_called_like_an_option() {
    let folder = TempDir::create("export-dash");
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let to = folder.0.join("--clean it's");
    export(&db, &migrations, "acme", &to).await;
    drop_now(&db, &migrations, "acme").await;
    let reuse = ImportOptions::default().reuse_name();
    import_tenant(&db, &migrations, &to, &reuse).await.unwrap();
}
