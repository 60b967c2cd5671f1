//! `replace_tenant` and `tenant import --replace`: an export restored over the tenant that exists.

use tenant_migration::{RenameOptions, rename_schema, replace_tenant, resume_tenant};

use super::*;

/// Creates a database with the tenant acme, which is exported with one note and then gets two more.
async fn restorable(
    folder: &TempDir,
    migrations: &Migrations,
) -> (TestDatabase, DatabaseConnection, PathBuf) {
    let (db, connection) = with_tenants(migrations, &["acme", "globex"]).await;
    let directory = folder.0.join("acme");
    export(&connection, migrations, "acme", &directory).await;
    db.execute(
        "INSERT INTO acme.note DEFAULT VALUES; INSERT INTO acme.note DEFAULT VALUES;
         UPDATE public.tenants SET metadata = '{\"since\": 2026}', name = 'Acme Ltd.' WHERE schema_name = 'acme'",
    )
    .await;
    (db, connection, directory)
}

/// Suspends acme, a minute ago.
async fn suspend(db: &TestDatabase, connection: &DatabaseConnection) {
    suspend_tenant(connection, &schema("acme")).await.unwrap();
    db.execute("UPDATE public.tenants SET updated_at = now() - interval '1 min'")
        .await;
}

async fn replace(
    connection: &DatabaseConnection,
    migrations: &Migrations,
    directory: &Path,
    programs: PgPrograms,
) -> Result<Tenant, TransferError> {
    let options = ImportOptions::default().programs(programs);
    replace_tenant(connection, migrations, directory, &schema("acme_old"), &options).await
}

/// Returns the rows of the catalog, with the number of notes in each schema.
async fn state(connection: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', tenants.id, schema_name, name, kind, status, metadata, version, domain)
        FROM public.tenants LEFT JOIN public.domains ON tenant_id = tenants.id ORDER BY tenants.id";
    let mut state = column(connection, sql).await;
    for schema in ["acme", "acme_old", "globex"] {
        if column(
            connection,
            &format!("SELECT to_regclass('{schema}.note') IS NOT NULL"),
        )
        .await
            == ["true"]
        {
            let notes = count(connection, &format!("SELECT FROM {schema}.note")).await;
            state.push(format!("{schema}: {notes} notes"));
        }
    }
    state
}

const BEFORE: [&str; 4] = [
    "1 acme Acme Ltd. default suspended {\"since\": 2026} m1_create_note acme.example.com",
    "2 globex GLOBEX default active {} m1_create_note globex.example.com",
    "acme: 3 notes",
    "globex: 1 notes",
];

/// The id of the archived tenant is the next one of the sequence.
fn after(id: u32) -> Vec<String> {
    [
        "1 acme Acme Ltd. default suspended {\"since\": 2026} m1_create_note acme.example.com",
        "2 globex GLOBEX default active {} m1_create_note globex.example.com",
        &format!("{id} acme_old Acme Ltd. default archived {{}} m1_create_note"),
        "acme: 1 notes",
        "acme_old: 3 notes",
        "globex: 1 notes",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[tokio::test]
async fn the_tenant_gets_the_rows_of_the_export_and_the_old_ones_are_kept() {
    let folder = TempDir::create("replace");
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (db, connection, directory) = restorable(&folder, &migrations).await;
    suspend(&db, &connection).await;
    assert_eq!(state(&connection).await, BEFORE);
    let tenant = replace(&connection, &migrations, &directory, PgPrograms::default())
        .await
        .unwrap();
    assert_eq!(
        (tenant.id().0, tenant.schema().as_str(), tenant.status()),
        (1, "acme", TenantStatus::Suspended)
    );
    assert_eq!(state(&connection).await, after(3));
    assert!(findings(&connection).await.is_empty());

    // The tenant is as usable as before, and so is its archived copy.
    resume_tenant(&connection, &migrations, &schema("acme"))
        .await
        .unwrap();
    let wanted = with([NOTE, TAG]).with_tenant_roles(TenantRoles::new());
    let both = Target::Tenants(vec![schema("acme"), schema("acme_old")]);
    assert!(act(&db, &wanted, &both, Action::UP).await.is_success());
    assert!(tables(&connection, "acme").await.contains(&"tag".to_owned()));
    drop_now(&connection, &wanted, "acme_old").await;
    assert_eq!(count(&connection, "SELECT FROM acme.note").await, 1);
    let domains = list_domains(&connection, &schema("acme")).await.unwrap();
    assert_eq!(domains.len(), 1);
    // The schema can be renamed as any other, so its own name is not retired for it.
    suspend(&db, &connection).await;
    let (acme, other) = (schema("acme"), schema("acme_inc"));
    rename_schema(&connection, &wanted, &acme, &other, &RenameOptions::default())
        .await
        .unwrap();
    db.execute("UPDATE public.tenants SET updated_at = now() - interval '1 min'")
        .await;
    rename_schema(&connection, &wanted, &other, &acme, &RenameOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_cannot_be_replaced_stays_as_it_is() {
    let folder = TempDir::create("replace-refused");
    let migrations = with([NOTE]);
    let (db, connection, directory) = restorable(&folder, &migrations).await;
    let refused = async |aside: &str, expected: &str| {
        let options = ImportOptions::default();
        let before = state(&connection).await;
        let error = replace_tenant(&connection, &migrations, &directory, &schema(aside), &options)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(state(&connection).await, before, "{expected}");
    };
    refused("acme_old", "suspend or archive it first").await;
    suspend(&db, &connection).await;
    refused("globex", "the schema globex is taken").await;
    db.execute("CREATE VIEW public.notes AS SELECT * FROM acme.note")
        .await;
    refused("acme_old", "view public.notes").await;
    db.execute("DROP VIEW public.notes").await;
    let dump = fs::read(directory.join("schema.dump")).unwrap();
    fs::write(directory.join("schema.dump"), "no dump").unwrap();
    refused("acme_old", "pg_restore").await;
    fs::write(directory.join("schema.dump"), dump).unwrap();

    let words = [
        "tenant",
        "import",
        directory.to_str().unwrap(),
        "--replace",
        "acme_old",
    ];
    let (_, result) = cli(&db, &migrations, &words).await;
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("(its old rows go to acme_old)") && error.contains("--yes"),
        "{error}"
    );

    drop_now(&connection, &migrations, "acme").await;
    refused("acme_old", "there is no tenant acme").await;
}

#[tokio::test]
async fn a_failed_import_gives_the_old_rows_their_name_back() {
    let folder = TempDir::create("replace-failed");
    let migrations = with([NOTE]);
    let (db, connection, directory) = restorable(&folder, &migrations).await;
    suspend(&db, &connection).await;
    // The name was another tenant's before.
    db.execute("INSERT INTO dropped_tenants (tenant_id, schema_name, name) VALUES (99, 'acme', 'Gone')")
        .await;
    age_drops(&connection).await;
    let fails = fake(&folder, "echo no space left >&2; exit 1");
    let error = replace(&connection, &migrations, &directory, fails)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(state(&connection).await, BEFORE);

    // Somebody takes the tenant back into service meanwhile.
    db.execute("UPDATE public.tenants SET updated_at = now() - interval '1 min'")
        .await;
    let resumes = format!(
        "$REAL \"$@\"; psql -Xqc \"UPDATE public.tenants SET status = 'active' WHERE id = 1\" '{}'",
        db.url()
    );
    let resumes = fake(&folder, &resumes);
    let error = replace(&connection, &migrations, &directory, resumes)
        .await
        .unwrap_err();
    assert!(matches!(&error, TransferError::Aside { .. }), "{error}");
    let hint = "`tenant schema rename acme_old acme` does that";
    assert!(error.to_string().contains(hint), "{error}");
    assert_eq!(
        state(&connection).await,
        [
            "1 acme_old Acme Ltd. default active {\"since\": 2026} m1_create_note acme.example.com",
            BEFORE[1],
            "acme_old: 3 notes",
            BEFORE[3],
        ]
    );
}

#[tokio::test]
async fn what_was_interrupted_goes_on() {
    let folder = TempDir::create("replace-interrupted");
    let migrations = with([NOTE]);
    let (db, connection, directory) = restorable(&folder, &migrations).await;
    suspend(&db, &connection).await;
    // A killed process leaves the schema under its other name, with or without a part of the import.
    let aside = schema("acme_old");
    rename_schema(
        &connection,
        &migrations,
        &schema("acme"),
        &aside,
        &RenameOptions::default(),
    )
    .await
    .unwrap();
    let waits = fake(&folder, "echo $$ >$HERE/pid; touch $HERE/waits; exec sleep 600");
    let options = ImportOptions::default().programs(waits).reuse_name();
    db.execute("DELETE FROM public.domains WHERE tenant_id = 1").await;
    age_drops(&connection).await;
    let lost = tokio::spawn({
        let (connection, migrations, directory) = (connection.clone(), migrations.clone(), directory.clone());
        async move { import_tenant(&connection, &migrations, &directory, &options).await }
    });
    wait_for(&folder.0.join("bin/waits")).await;
    let half = column(
        &connection,
        "SELECT status FROM public.tenants WHERE schema_name = 'acme'",
    )
    .await;
    assert_eq!(half, ["provisioning"]);
    // The session of the lock ends, as if the process had been killed.
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid();
         INSERT INTO public.domains (tenant_id, domain, is_primary) VALUES (1, 'acme.example.com', true);
         UPDATE public.tenants SET updated_at = now() - interval '1 min' WHERE id = 1",
    )
    .await;
    let words = [
        "tenant",
        "import",
        directory.to_str().unwrap(),
        "--replace",
        "acme_old",
        "--yes",
    ];
    let (out, result) = cli(&db, &migrations, &words).await;
    result.unwrap();
    assert!(
        out.contains("`tenant drop acme_old`") && out.contains("`tenant resume acme`"),
        "{out}"
    );
    assert_eq!(state(&connection).await, after(4));
    // The lost import ends, and touches nothing that is not its own.
    let pid = fs::read_to_string(folder.0.join("bin/pid")).unwrap();
    assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
    assert!(lost.await.unwrap().is_err());
    assert_eq!(state(&connection).await, after(4));

    // Without a tenant that was moved aside, the name alone is not enough.
    let globex = schema("globex");
    let error = replace_tenant(
        &connection,
        &migrations,
        &directory,
        &globex,
        &ImportOptions::default(),
    )
    .await;
    assert!(error.is_err());
    assert_eq!(state(&connection).await, after(4));
}
