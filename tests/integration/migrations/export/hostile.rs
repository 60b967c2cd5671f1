//! Exports that are damaged, forged or incompatible.

use super::*;

async fn exported(folder: &TempDir, migrations: &Migrations) -> (TestDatabase, DatabaseConnection, PathBuf) {
    let (database, db) = with_tenants(migrations, &["acme", "globex"]).await;
    let to = folder.0.join("acme");
    export(&db, migrations, "acme", &to).await;
    (database, db, to)
}

#[tokio::test]
async fn a_manifest_that_is_about_something_else_is_refused() {
    let folder = TempDir::create("export-manifest");
    let migrations = with([NOTE]).with_extension_schemas([schema("extensions")]);
    let (_database, _from, to) = exported(&folder, &migrations).await;
    let (target, db) = with_tenants(&migrations, &["globex"]).await;
    target
        .execute("CREATE SCHEMA legacy; CREATE TABLE legacy.precious (id int)")
        .await;
    let before = trace(&db).await;
    for name in [
        "public",
        "PUBLIC",
        "pg_x",
        "information_schema",
        "../acme",
        "a/b",
        "a\".\"b",
        "a;b",
        "",
        "a\0",
    ] {
        change_manifest(&to, "schema", json!(name));
        let refused = import(&db, &migrations, &to).await;
        assert!(
            matches!(refused, Err(TransferError::Manifest { .. })),
            "{name}: {refused:?}"
        );
    }
    // The manifest names another schema than the dump.
    for name in ["globex", "legacy", "extensions", "nobody", "ACME"] {
        change_manifest(&to, "schema", json!(name));
        let refused = import(&db, &migrations, &to).await;
        assert!(
            matches!(refused, Err(TransferError::Foreign { .. })),
            "{name}: {refused:?}"
        );
    }
    change_manifest(&to, "schema", json!("acme"));
    for (field, value) in [
        ("status", json!("provisioning")),
        ("domains", json!(["acme.example.com", "a b"])),
        ("primary_domain", json!("other.example.com")),
    ] {
        let good = manifest(&to)[field].clone();
        change_manifest(&to, field, value);
        let refused = import(&db, &migrations, &to).await;
        assert!(
            matches!(refused, Err(TransferError::Manifest { .. })),
            "{field}: {refused:?}"
        );
        change_manifest(&to, field, good);
    }
    change_manifest(&to, "format", json!(2));
    let refused = import(&db, &migrations, &to).await;
    assert!(
        matches!(refused, Err(TransferError::UnknownFormat { .. })),
        "{refused:?}"
    );
    fs::remove_file(to.join("schema.dump")).unwrap();
    change_manifest(&to, "format", json!(1));
    let refused = import(&db, &migrations, &to).await;
    assert!(matches!(refused, Err(TransferError::File { .. })), "{refused:?}");
    assert_eq!(trace(&db).await, before, "nothing was changed by all these");
}

#[tokio::test]
async fn a_name_that_others_have_is_refused() {
    let folder = TempDir::create("export-taken");
    let migrations = with([NOTE]);
    let (_database, _from, to) = exported(&folder, &migrations).await;
    let reserving = with([NOTE]).with_extension_schemas([schema("acme")]);
    let (target, db) = with_tenants(&migrations, &[]).await;
    let taken = async |migrations: &Migrations| {
        let refused = import(&db, migrations, &to).await;
        assert!(
            matches!(
                refused,
                Err(TransferError::Tenant(LifecycleError::Name(
                    NameError::SchemaTaken { .. }
                )))
            ),
            "{refused:?}"
        );
    };
    taken(&reserving).await;
    // An existing schema, and one whose name differs in case.
    for name in ["acme", "Acme"] {
        target
            .execute(&format!(
                "CREATE SCHEMA \"{name}\"; CREATE TABLE \"{name}\".precious (id int)"
            ))
            .await;
        taken(&migrations).await;
        assert_eq!(tables(&db, name).await, ["precious"]);
        target.execute(&format!("DROP SCHEMA \"{name}\" CASCADE")).await;
    }
    assert_eq!(count(&db, "SELECT FROM public.tenants").await, 0);
    import(&db, &migrations, &to).await.unwrap();
}

#[tokio::test]
async fn a_dump_of_more_than_the_schema_is_refused() {
    let folder = TempDir::create("export-dump");
    let migrations = with([NOTE]);
    let (database, from, to) = exported(&folder, &migrations).await;
    from.execute_unprepared(
        "CREATE FUNCTION public.steal() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION public.watch();
         CREATE PUBLICATION all_of_it FOR TABLE acme.note; CREATE EXTENSION citext",
    )
    .await
    .unwrap();
    let (_target, db) = with_tenants(&migrations, &[]).await;
    let before = trace(&db).await;
    for (words, found) in [
        (&["-n", "acme", "-n", "globex"][..], "globex"),
        (&["-n", "acme", "-n", "public"], "public"),
        (&[], ""),
        (&["-n", "globex"], "globex"),
        (&["-n", "acme", "-e", "citext"], "EXTENSION"),
        // A dump without CREATE SCHEMA.
        (&["-t", "acme.note"], "missing"),
    ] {
        let dumped = Command::new(pg_programs().join("pg_dump"))
            .args(["-Fc", "-f"])
            .arg(to.join("schema.dump"))
            .args(words)
            .arg(database.url())
            .status();
        assert!(dumped.unwrap().success());
        let refused = import(&db, &migrations, &to).await;
        assert!(
            matches!(&refused, Err(TransferError::Foreign { entry, .. }) if entry.contains(found)),
            "{words:?}: {refused:?}"
        );
        assert_eq!(trace(&db).await, before, "{words:?}");
    }
    for text in ["", "PGDMP", "DROP SCHEMA public"] {
        fs::write(to.join("schema.dump"), text).unwrap();
        let refused = import(&db, &migrations, &to).await;
        assert!(matches!(refused, Err(TransferError::Program(_))), "{refused:?}");
    }
    assert_eq!(trace(&db).await, before);
}

#[tokio::test]
async fn a_restore_that_fails_leaves_nothing() {
    let folder = TempDir::create("export-fails");
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (_database, _from, to) = exported(&folder, &migrations).await;
    let (target, db) = with_tenants(&migrations, &[]).await;
    // The shared table of the tenant's foreign key is missing.
    target.execute("ALTER TABLE public.plan RENAME TO plans").await;
    let before = trace(&db).await;
    let failed = import(&db, &migrations, &to).await.unwrap_err();
    assert!(failed.to_string().contains("public.plan"), "{failed}");
    assert_eq!(trace(&db).await, before);
    target.execute("ALTER TABLE public.plans RENAME TO plan").await;
    let before = trace(&db).await;
    // Programs that fail, are killed, or are killed after they completed.
    for body in [
        "exit 1",
        "kill -9 $$",
        "$REAL \"$@\"; exit 1",
        "$REAL \"$@\" && kill -9 $$",
        "$REAL \"$@\" & sleep 0.2; kill -9 $!; exit 1",
    ] {
        let options = ImportOptions::default().programs(fake(&folder, body));
        let failed = import_tenant(&db, &migrations, &to, &options).await;
        assert!(
            matches!(failed, Err(TransferError::Program(_))),
            "{body}: {failed:?}"
        );
        assert_eq!(trace(&db).await, before, "{body}");
    }
    // A truncated dump.
    let whole = fs::read(to.join("schema.dump")).unwrap();
    fs::write(to.join("schema.dump"), &whole[..whole.len() - 200]).unwrap();
    let failed = import(&db, &migrations, &to).await;
    assert!(matches!(failed, Err(TransferError::Program(_))), "{failed:?}");
    assert_eq!(trace(&db).await, before);
    fs::write(to.join("schema.dump"), whole).unwrap();
    import(&db, &migrations, &to).await.unwrap();
}

#[tokio::test]
async fn what_somebody_else_made_meanwhile_stays() {
    let folder = TempDir::create("export-meanwhile");
    let migrations = with([NOTE]);
    let (_database, _from, to) = exported(&folder, &migrations).await;
    let bin = folder.0.join("bin");
    for (change, expected) in [
        // Somebody replaces the schema.
        (
            "DROP SCHEMA acme CASCADE; CREATE SCHEMA acme; CREATE TABLE acme.precious (id int)",
            &["precious"][..],
        ),
        (
            "UPDATE public.tenants SET status = 'active', metadata = '{}'",
            &["note", "seaql_migrations"],
        ),
        ("DELETE FROM public.tenants", &["note", "seaql_migrations"]),
    ] {
        let (target, db) = with_tenants(&migrations, &[]).await;
        let body = "$REAL \"$@\"; touch $HERE/waits; while [ ! -e $HERE/go ]; do sleep 0.05; done";
        let options = ImportOptions::default().programs(fake(&folder, body));
        let importing = {
            let (db, migrations, to) = (db.clone(), migrations.clone(), to.clone());
            tokio::spawn(async move { import_tenant(&db, &migrations, &to, &options).await })
        };
        wait_for(&bin.join("waits")).await;
        target.execute(change).await;
        fs::write(bin.join("go"), "").unwrap();
        let ended = importing.await.unwrap();
        assert!(matches!(ended, Err(TransferError::TakenOver { .. })), "{ended:?}");
        assert_eq!(tables(&db, "acme").await, expected, "{change}");
        fs::remove_file(bin.join("waits")).unwrap();
        fs::remove_file(bin.join("go")).unwrap();
    }
}
