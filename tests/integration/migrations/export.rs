//! `export_tenant` and `import_tenant`, with the real `pg_dump` and `pg_restore`.

mod command_line;
mod hostile;
mod killed;
mod replace;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tenant_core::{
    Registry, Tenant, TenantStatus,
    audit::{Expected, audit},
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{
    DropOptions, ImportOptions, PgPrograms, ProgramError, TenantRoles, TransferError, add_domain,
    drop_tenant, export_tenant, import_tenant, list_domains, suspend_tenant,
};
use tests::pg_programs;

use super::{
    clone::{rich, rows},
    rich::{RICH, assert_same, dump},
    *,
};

/// Writes a `pg_dump` and a `pg_restore` that run `body` when they would use the database. In `body`, `$REAL` is the
/// real program, and `$HERE` is their directory.
fn fake(folder: &TempDir, body: &str) -> PgPrograms {
    let here = folder.0.join("bin");
    fs::create_dir_all(&here).unwrap();
    for program in ["pg_dump", "pg_restore"] {
        let script = format!(
            "#!/bin/sh\nREAL={}/{program}; HERE={}\n\
             case \"$1\" in --version|--list) exec $REAL \"$@\" ;; esac\n{body}\n",
            pg_programs().display(),
            here.display()
        );
        // Another process writes the script. If this process did, a child process of another test could inherit the open file,
        // and running the script would fail with ETXTBSY.
        let write = Command::new("sh")
            .args(["-c", "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(here.join(program))
            .arg(script)
            .status();
        assert!(write.unwrap().success());
    }
    PgPrograms::in_folder(here)
}

/// Waits until a fake program has created a file.
async fn wait_for(path: &Path) {
    for _ in 0..4_000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{} is not made", path.display());
}

async fn export(db: &DatabaseConnection, migrations: &Migrations, name: &str, to: &Path) {
    export_tenant(db, migrations, &schema(name), to, &PgPrograms::default())
        .await
        .unwrap();
}

async fn import(
    db: &DatabaseConnection,
    migrations: &Migrations,
    from: &Path,
) -> Result<Tenant, TransferError> {
    import_tenant(db, migrations, from, &ImportOptions::default()).await
}

async fn drop_now(db: &DatabaseConnection, migrations: &Migrations, name: &str) {
    let options = DropOptions::default().drain(std::time::Duration::ZERO);
    drop_tenant(db, migrations, &schema(name), &options)
        .await
        .unwrap();
    age_drops(db).await;
}

/// Returns everything in a database that an import could leave behind or damage.
async fn trace(db: &impl ConnectionTrait) -> Vec<String> {
    let sql = "SELECT schema_name || status || metadata FROM public.tenants
        UNION ALL SELECT domain FROM public.domains
        UNION ALL SELECT nspname || oid FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'
        UNION ALL SELECT oid::regclass || '' FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_'
        UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT evtname FROM pg_event_trigger UNION ALL SELECT pubname FROM pg_publication
        UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'tenant.' || current_database() || '.%' ORDER BY 1";
    column(db, sql).await
}

/// Returns the audit's findings.
async fn findings(db: &DatabaseConnection) -> Vec<String> {
    let found = audit(db, &Expected::new(Registry::default())).await.unwrap();
    found
        .findings()
        .iter()
        .map(|finding| format!("{finding:?}"))
        .collect()
}

fn manifest(directory: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(directory.join("tenant.json")).unwrap()).unwrap()
}

fn change_manifest(directory: &Path, field: &str, value: Value) {
    let mut manifest = manifest(directory);
    manifest[field] = value;
    fs::write(directory.join("tenant.json"), manifest.to_string()).unwrap();
}

#[tokio::test]
async fn a_tenant_goes_to_another_database_as_it_is() {
    let folder = TempDir::create("export-other");
    let to = folder.0.join("acme");
    let migrations = with([RICH]).with_tenant_roles(TenantRoles::new());
    let (source, from) = rich(&migrations).await;
    from.execute_unprepared(
        "UPDATE public.tenants SET name = 'Acme \"Inc.\"', kind = 'trial', metadata = '{\"seats\": [1, null]}';
         COMMENT ON SCHEMA acme IS 'a tenant'",
    )
    .await
    .unwrap();
    for (host, is_primary) in [("a.example.com", false), ("z.example.com", true)] {
        let host = Host::parse(host).unwrap();
        add_domain(&from, &schema("acme"), &host, is_primary)
            .await
            .unwrap();
    }
    suspend_tenant(&from, &schema("acme")).await.unwrap();
    export(&from, &migrations, "acme", &to).await;
    let written = manifest(&to);
    assert_eq!(written["applied"], json!(["m1_rich"]));
    assert_eq!(
        (&written["format"], &written["status"]),
        (&json!(1), &json!("suspended"))
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&to).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);

    let (target, db) = with_tenants(&migrations, &["globex"]).await;
    let imported = import(&db, &migrations, &to).await.unwrap();
    let found = SeaOrmStore::new(db.clone())
        .by_schema(&schema("acme"))
        .await
        .unwrap()
        .unwrap();
    for tenant in [&imported, &found] {
        assert_eq!(tenant.id(), found.id());
        assert_eq!((tenant.name(), tenant.kind()), ("Acme \"Inc.\"", "trial"));
        assert_eq!(tenant.status(), TenantStatus::Suspended);
        assert_eq!(tenant.metadata(), &json!({"seats": [1, null]}));
        assert_eq!(tenant.domain(), Some("z.example.com"));
        assert_eq!(tenant.version(), Some("m1_rich"));
    }
    let domains = list_domains(&db, &schema("acme")).await.unwrap();
    let domains: Vec<_> = domains.iter().map(|domain| domain.domain.as_str()).collect();
    assert_eq!(domains, ["z.example.com", "a.example.com", "acme.example.com"]);

    assert_eq!(rows(&db, "acme").await, rows(&from, "acme").await);
    let dumped = |database: &TestDatabase| dump(database, "acme", &[]).replace(database.name(), "DATABASE");
    assert!(
        dumped(&source).contains("GRANT "),
        "the role's rights are a part of what is compared"
    );
    assert_same(&dumped(&target), &dumped(&source), "acme");
    assert_eq!(findings(&db).await, findings(&from).await);
    let more = up(&target, &migrations).await;
    assert!(
        outcomes(&more).contains(&"acme: -".to_owned()),
        "{:?}",
        outcomes(&more)
    );
}

#[tokio::test]
async fn a_tenant_comes_back_and_goes_on_where_it_was() {
    let folder = TempDir::create("export-back");
    let to = folder.0.join("acme");
    let migrations = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
    let (_database, db) = with_tenants(&migrations, &["acme", "globex"]).await;
    let note = "INSERT INTO acme.note DEFAULT VALUES RETURNING id";
    db.execute_unprepared(note).await.unwrap();
    export(&db, &migrations, "acme", &to).await;
    let before = trace(&db).await;
    // The tenant still exists.
    let refused = import(&db, &migrations, &to).await;
    assert!(
        matches!(
            refused,
            Err(TransferError::Tenant(LifecycleError::Name(
                NameError::SchemaTaken { .. }
            )))
        ),
        "{refused:?}"
    );
    assert_eq!(trace(&db).await, before);
    drop_now(&db, &migrations, "acme").await;
    let before = trace(&db).await;
    let refused = import(&db, &migrations, &to).await;
    assert!(
        matches!(
            refused,
            Err(TransferError::Tenant(LifecycleError::Name(
                NameError::NameRetired { .. }
            )))
        ),
        "{refused:?}"
    );
    // Another tenant got the domain after the export.
    let (host, globex) = (Host::parse("acme.example.com").unwrap(), schema("globex"));
    add_domain(&db, &globex, &host, false).await.unwrap();
    let reuse = ImportOptions::default().reuse_name();
    let refused = import_tenant(&db, &migrations, &to, &reuse).await;
    assert!(
        matches!(&refused, Err(TransferError::Tenant(LifecycleError::Name(NameError::DomainTaken { domain }))) if domain.as_str() == host.as_str()),
        "{refused:?}"
    );
    tenant_migration::remove_domain(&db, &globex, &host)
        .await
        .unwrap();
    assert_eq!(trace(&db).await, before, "nothing was kept of all these");

    import_tenant(&db, &migrations, &to, &reuse).await.unwrap();
    assert_eq!(
        column(&db, "SELECT id FROM acme.note ORDER BY 1").await,
        ["1", "2"]
    );
    db.execute_unprepared(note).await.unwrap();
    assert_eq!(column(&db, "SELECT max(id) FROM acme.note").await, ["3"]);
    let broken = db
        .execute_unprepared("INSERT INTO acme.note (plan) VALUES ('none')")
        .await;
    assert!(broken.unwrap_err().to_string().contains("foreign key"));
    assert_eq!(ledger(&db, "acme").await, ["m1_create_note", "m2_create_tag"]);
    let role =
        "SELECT has_table_privilege('tenant.' || current_database() || '.acme', 'acme.note', 'SELECT')";
    assert_eq!(column(&db, role).await, ["true"]);
}

#[tokio::test]
async fn names_are_taken_as_they_are() {
    let folder = TempDir::create("export-names");
    let migrations = with([NOTE]);
    let names = ["Acme-1", "acme_1", "order", "DATA", "a-1"];
    let (_database, db) = with_tenants(&migrations, &[]).await;
    for name in names {
        create_tenant(&db, &migrations, &NewTenant::new(schema(name), name))
            .await
            .unwrap();
    }
    for name in names {
        let mark = format!("UPDATE \"{name}\".note SET id = {}", 100 + name.len());
        db.execute_unprepared(&mark).await.unwrap();
        export(&db, &migrations, name, &folder.0.join(name)).await;
        drop_now(&db, &migrations, name).await;
    }
    for name in names {
        let reuse = ImportOptions::default().reuse_name();
        let tenant = import_tenant(&db, &migrations, &folder.0.join(name), &reuse)
            .await
            .unwrap();
        assert_eq!(tenant.schema().as_str(), name);
        let id = column(&db, &format!("SELECT id FROM \"{name}\".note")).await;
        assert_eq!(id, [(100 + name.len()).to_string()]);
    }
}

#[tokio::test]
async fn migrations_that_came_later_are_pending_and_those_from_elsewhere_are_refused() {
    let folder = TempDir::create("export-versions");
    let to = folder.0.join("acme");
    let (_source, from) = with_tenants(&with([NOTE, TAG]), &["acme"]).await;
    export(&from, &with([NOTE, TAG]), "acme", &to).await;
    let older = with([NOTE]);
    let (database, db) = with_tenants(&older, &[]).await;
    let before = trace(&db).await;
    let refused = import(&db, &older, &to).await;
    assert!(
        matches!(&refused, Err(TransferError::Tenant(LifecycleError::Schema { source: SchemaError::UnknownMigrations { names }, .. }))
            if names == &["m2_create_tag"]),
        "{refused:?}"
    );
    // The import does not trust the migrations in the manifest: it also checks the restored ledger.
    change_manifest(&to, "applied", json!(["m1_create_note"]));
    let refused = import(&db, &older, &to).await;
    assert!(
        matches!(
            refused,
            Err(TransferError::Tenant(LifecycleError::Schema {
                source: SchemaError::UnknownMigrations { .. },
                ..
            }))
        ),
        "{refused:?}"
    );
    assert_eq!(trace(&db).await, before, "nothing was kept of it");
    let newer = with([NOTE, TAG, Sql::new("m3", "CREATE TABLE more (id int)", "")]);
    let tenant = import(&db, &newer, &to).await.unwrap();
    assert_eq!(tenant.version(), Some("m2_create_tag"));
    assert!(up(&database, &newer).await.is_success());
    assert_eq!(ledger(&db, "acme").await.last().unwrap(), "m3");
}

#[tokio::test]
async fn what_is_not_whole_is_not_exported() {
    let folder = TempDir::create("export-refused");
    let programs = PgPrograms::default();
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let to = folder.0.join("acme");
    let refused = async |name: &str, to: &Path| {
        export_tenant(&db, &migrations, &schema(name), to, &programs)
            .await
            .unwrap_err()
    };
    let error = refused("globex", &to).await;
    assert!(
        matches!(
            error,
            TransferError::Tenant(LifecycleError::Lookup(LookupError::NoSuchTenant { .. }))
        ),
        "{error}"
    );
    create_tenant(&db, &migrations, &new("public")).await.unwrap();
    let error = refused("public", &to).await;
    assert!(
        matches!(error, TransferError::Tenant(LifecycleError::PublicTenant { .. })),
        "{error}"
    );
    for status in ["provisioning", "dropping"] {
        let sql = format!("UPDATE public.tenants SET status = '{status}' WHERE schema_name = 'acme'");
        db.execute_unprepared(&sql).await.unwrap();
        let error = refused("acme", &to).await;
        assert!(
            matches!(error, TransferError::Tenant(LifecycleError::WrongStatus { .. })),
            "{error}"
        );
    }
    db.execute_unprepared(
        "UPDATE public.tenants SET status = 'active';
         COMMENT ON TABLE acme.seaql_migrations IS 'tenant-migration: began up m2'",
    )
    .await
    .unwrap();
    let error = refused("acme", &to).await;
    assert!(
        matches!(
            error,
            TransferError::Tenant(LifecycleError::Schema {
                source: SchemaError::Unfinished { .. },
                ..
            })
        ),
        "{error}"
    );
    db.execute_unprepared("DROP TABLE acme.seaql_migrations")
        .await
        .unwrap();
    let error = refused("acme", &to).await;
    assert!(
        matches!(
            error,
            TransferError::Tenant(LifecycleError::Schema {
                source: SchemaError::NoLedger,
                ..
            })
        ),
        "{error}"
    );
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[tokio::test]
async fn a_directory_with_something_in_it_is_left_alone() {
    let folder = TempDir::create("export-directory");
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let (full, file, empty) = (
        folder.0.join("full"),
        folder.0.join("file"),
        folder.0.join("empty"),
    );
    fs::create_dir(&full).unwrap();
    fs::write(full.join("precious"), "x").unwrap();
    fs::write(&file, "x").unwrap();
    fs::create_dir(&empty).unwrap();
    for to in [&full, &file, &folder.0.join("..")] {
        let refused = export_tenant(&db, &migrations, &schema("acme"), to, &PgPrograms::default()).await;
        assert!(
            matches!(refused, Err(TransferError::Exists { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(fs::read_to_string(full.join("precious")).unwrap(), "x");
    export(&db, &migrations, "acme", &empty).await;
    assert!(empty.join("schema.dump").exists());
    // Somebody else creates the directory during the export.
    let late = folder.0.join("late");
    let programs = fake(
        &folder,
        &format!(
            "mkdir {0} && echo x >{0}/precious; exec $REAL \"$@\"",
            late.display()
        ),
    );
    let refused = export_tenant(&db, &migrations, &schema("acme"), &late, &programs).await;
    assert!(
        matches!(refused, Err(TransferError::Exists { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(&late).unwrap().count(), 1);
    let left: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[tokio::test]
async fn programs_that_are_missing_or_old_are_named() {
    let folder = TempDir::create("export-programs");
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let to = folder.0.join("acme");
    let with_programs = async |programs: PgPrograms| {
        export_tenant(&db, &migrations, &schema("acme"), &to, &programs)
            .await
            .unwrap_err()
    };
    let error = with_programs(PgPrograms::in_folder(&folder.0)).await;
    assert!(
        matches!(error, TransferError::Program(ProgramError::NotFound { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("--pg-bin"), "{error}");
    fake(&folder, "");
    let old = "printf '#!/bin/sh\\necho \"pg_dump (PostgreSQL) 9.6.1\"' >\"$1\"";
    let path = folder.0.join("bin/pg_dump");
    assert!(
        Command::new("sh")
            .args(["-c", old, "sh"])
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
    let error = with_programs(PgPrograms::in_folder(folder.0.join("bin"))).await;
    assert!(
        matches!(
            error,
            TransferError::Program(ProgramError::TooOld {
                version: 9,
                needed: 13..,
                ..
            })
        ),
        "{error}"
    );
    let programs = fake(
        &folder,
        "echo half >\"$(dirname \"$0\")/../half\"; echo 'no space left' >&2; exit 3",
    );
    let error = with_programs(programs).await;
    assert!(error.to_string().contains("no space left"), "{error}");
    fs::remove_file(folder.0.join("half")).unwrap();
    let left: Vec<_> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["bin"], "half an export is removed");
}

/// Script of a program that waits until a file `go` exists in its directory.
const WAITS: &str = "touch $HERE/waits; while [ ! -e $HERE/go ]; do sleep 0.05; done; exec $REAL \"$@\"";

#[tokio::test]
async fn migrations_wait_for_an_export() {
    let folder = TempDir::create("export-lock");
    let migrations = with([NOTE]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let bin = folder.0.join("bin");
    let holders = "SELECT pid FROM pg_locks JOIN pg_database AS d ON d.oid = database
        WHERE locktype = 'advisory' AND datname = current_database()";
    let begin = async |to: &Path| {
        let programs = fake(&folder, WAITS);
        let (db, migrations, to) = (db.clone(), migrations.clone(), to.to_owned());
        let exporting =
            tokio::spawn(
                async move { export_tenant(&db, &migrations, &schema("acme"), &to, &programs).await },
            );
        wait_for(&bin.join("waits")).await;
        fs::remove_file(bin.join("waits")).unwrap();
        // In an array, so that nobody awaits it by mistake.
        [exporting]
    };
    let [first] = begin(&folder.0.join("first")).await;
    assert_eq!(count(&db, holders).await, 1);
    fs::write(bin.join("go"), "").unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(count(&db, holders).await, 0);
    fs::remove_file(bin.join("go")).unwrap();
    // The session with the lock is lost during the export.
    let [second] = begin(&folder.0.join("second")).await;
    let end = format!("SELECT pg_terminate_backend(pid) FROM ({holders}) AS holders");
    db.execute_unprepared(&end).await.unwrap();
    fs::write(bin.join("go"), "").unwrap();
    let lost = second.await.unwrap();
    assert!(matches!(lost, Err(TransferError::LockLost { .. })), "{lost:?}");
    assert!(!folder.0.join("second").exists());
    fs::remove_file(bin.join("go")).unwrap();
    // If the export's future is dropped, the program ends and the directory is removed.
    let [third] = begin(&folder.0.join("third")).await;
    third.abort();
    assert!(third.await.unwrap_err().is_cancelled());
    let left = fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(left, 2, "the programs and the first export");
    let begun = std::time::Instant::now();
    while count(&db, holders).await > 0 {
        assert!(begun.elapsed().as_secs() < 60, "the lock is kept");
    }
}
