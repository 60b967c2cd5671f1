//! Exports and imports whose process is killed or whose connection is lost.

use std::process::{Child, Stdio};

use tests::{Fault, Proxy, Rule};

use super::*;

/// A process of the fixture's migration crate. Dropping this value kills it.
struct Runner(Child);

impl Runner {
    fn start(db: &TestDatabase, words: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_migrate_fixture"))
            .args(["-u", db.url()])
            .args(words)
            .env_remove("DATABASE_SCHEMA")
            .env("RUST_LOG", "error")
            // A killed process leaves a temporary file behind.
            .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    async fn ended(&mut self) -> bool {
        for _ in 0..6_000 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("it does not end");
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn run(db: &TestDatabase, words: &[&str]) -> bool {
    Runner::start(db, words).ended().await
}

/// Creates a database with the fixture's shared schema, and a shared table for the tenant's foreign key.
async fn database() -> (TestDatabase, DatabaseConnection) {
    let db = TestDatabase::create().await;
    assert!(run(&db, &["up"]).await);
    db.execute("CREATE TABLE public.plan (code text PRIMARY KEY); INSERT INTO public.plan VALUES ('free')")
        .await;
    let connection = db.connect().await;
    (db, connection)
}

/// Exports a tenant with a foreign key to a shared table, and returns the export's directory.
async fn exported(folder: &TempDir) -> String {
    let (db, _connection) = database().await;
    assert!(run(&db, &["tenant", "create", "acme", "--domain", "acme.example.com"]).await);
    db.execute(
        "CREATE TABLE acme.contract (id serial PRIMARY KEY, plan text REFERENCES public.plan);
         INSERT INTO acme.contract (plan) VALUES ('free')",
    )
    .await;
    let to = folder.0.join("acme").to_str().unwrap().to_owned();
    assert!(run(&db, &["tenant", "export", "acme", &to]).await);
    to
}

async fn assert_imported(db: &DatabaseConnection) {
    assert_eq!(column(db, "SELECT plan FROM acme.contract").await, ["free"]);
    let rows = "SELECT concat_ws(' ', schema_name, status, metadata, version, domain)
        FROM public.tenants JOIN public.domains ON tenant_id = tenants.id";
    assert_eq!(
        column(db, rows).await,
        ["acme active {} m4_four acme.example.com"]
    );
    assert_eq!(count(db, "SELECT FROM public.tenants").await, 1);
}

/// Kills a program that outlived its parent process.
fn end_orphan(bin: &Path) {
    let pid = fs::read_to_string(bin.join("pid")).unwrap();
    let _ = Command::new("kill").args(["-9", pid.trim()]).status();
}

#[tokio::test]
async fn an_import_that_was_killed_begins_anew() {
    let folder = TempDir::create("import-killed");
    let from = exported(&folder).await;
    let bin = folder.0.join("bin");
    let (pg_bin, waits) = (
        bin.to_str().unwrap(),
        "echo $$ >$HERE/pid; touch $HERE/waits; exec sleep 600",
    );
    for (body, tables_then) in [(waits.to_owned(), 0), (format!("$REAL \"$@\"; {waits}"), 5)] {
        let (target, db) = database().await;
        fake(&folder, &body);
        let import = Runner::start(&target, &["tenant", "import", &from, "--pg-bin", pg_bin]);
        wait_for(&bin.join("waits")).await;
        import.kill();
        assert_eq!(tables(&db, "acme").await.len(), tables_then);
        assert_eq!(
            column(&db, "SELECT status FROM public.tenants").await,
            ["provisioning"]
        );
        // The incomplete tenant has no domain, and a run over all tenants skips it.
        assert_eq!(count(&db, "SELECT FROM public.domains").await, 0);
        assert!(run(&target, &["up"]).await);
        assert_eq!(tables(&db, "acme").await.len(), tables_then);
        assert!(run(&target, &["tenant", "import", &from]).await);
        assert_imported(&db).await;
        end_orphan(&bin);
        fs::remove_file(bin.join("waits")).unwrap();
    }
}

#[tokio::test]
async fn it_is_killed_at_any_moment() {
    let folder = TempDir::create("import-any");
    let from = exported(&folder).await;
    let (target, db) = database().await;
    let import = ["tenant", "import", &from];
    let begun = std::time::Instant::now();
    assert!(run(&target, &import).await);
    let whole = begun.elapsed();
    let mut left = 0;
    for part in 1..=12 {
        target
            .execute("DELETE FROM public.tenants; DROP SCHEMA IF EXISTS acme CASCADE")
            .await;
        let import_killed = Runner::start(&target, &import);
        tokio::time::sleep(whole * part / 12).await;
        import_killed.kill();
        // A tenant has a domain if and only if it is active.
        let half = "SELECT FROM public.tenants LEFT JOIN public.domains ON tenant_id = tenants.id
            WHERE (status = 'active') <> (domain IS NOT NULL)";
        assert_eq!(count(&db, half).await, 0);
        left += count(&db, "SELECT FROM public.tenants WHERE status = 'provisioning'").await;
        if count(&db, "SELECT FROM public.tenants WHERE status = 'active'").await == 0 {
            assert!(run(&target, &import).await);
        }
        assert_imported(&db).await;
    }
    assert!(left > 0, "no kill came in between");
}

#[tokio::test]
async fn a_program_that_outlived_its_import_does_not_go_on() {
    let folder = TempDir::create("import-orphan");
    let from = exported(&folder).await;
    let (target, db) = database().await;
    let restoring = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tenant import %'
        AND datname = current_database() AND wait_event_type = 'Lock'";
    // Restoring the foreign key waits for the lock of the shared table.
    let blocker = target.connect().await;
    let blocking = sea_orm::TransactionTrait::begin(&blocker).await.unwrap();
    blocking
        .execute_unprepared("LOCK TABLE public.plan")
        .await
        .unwrap();
    let first = Runner::start(&target, &["tenant", "import", &from]);
    let waiting = async || {
        for _ in 0..4_000 {
            if let [pid] = column(&db, restoring).await.as_slice() {
                return pid.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("nobody waits");
    };
    let orphan = waiting().await;
    first.kill();
    assert_eq!(waiting().await, orphan, "it goes on by itself");
    let mut second = Runner::start(&target, &["tenant", "import", &from]);
    let begun = std::time::Instant::now();
    while waiting().await == orphan {
        assert!(begun.elapsed().as_secs() < 60, "it is left to itself");
    }
    blocking.rollback().await.unwrap();
    assert!(second.ended().await);
    assert_imported(&db).await;
}

#[tokio::test]
async fn only_what_an_import_made_is_removed() {
    let folder = TempDir::create("import-others");
    let from = exported(&folder).await;
    let (target, db) = database().await;
    // The row and the schema were not created by an import.
    target
        .execute(
            "INSERT INTO public.tenants (schema_name, name, status) VALUES ('acme', '', 'provisioning');
             CREATE SCHEMA acme; CREATE TABLE acme.precious (id int)",
        )
        .await;
    assert!(!run(&target, &["tenant", "import", &from]).await);
    assert_eq!(tables(&db, "acme").await, ["precious"]);
    assert_eq!(count(&db, "SELECT FROM public.tenants").await, 1);
    target
        .execute("DELETE FROM public.tenants; DROP SCHEMA acme CASCADE")
        .await;

    let bin = folder.0.join("bin");
    fake(&folder, "echo $$ >$HERE/pid; touch $HERE/waits; exec sleep 600");
    let import = Runner::start(
        &target,
        &["tenant", "import", &from, "--pg-bin", bin.to_str().unwrap()],
    );
    wait_for(&bin.join("waits")).await;
    import.kill();
    end_orphan(&bin);
    // Somebody replaces the schema.
    target
        .execute("DROP SCHEMA acme; CREATE SCHEMA acme; CREATE TABLE acme.precious (id int)")
        .await;
    assert!(!run(&target, &["tenant", "import", &from]).await);
    assert_eq!(tables(&db, "acme").await, ["precious"]);
    assert_eq!(
        count(&db, "SELECT FROM public.tenants").await,
        0,
        "the row was an import's"
    );
}

#[tokio::test]
async fn an_export_that_was_killed_is_none() {
    let folder = TempDir::create("export-killed");
    let (db, _connection) = database().await;
    assert!(run(&db, &["tenant", "create", "acme"]).await);
    let bin = folder.0.join("bin");
    fake(
        &folder,
        "$REAL \"$@\"; echo $$ >$HERE/pid; touch $HERE/waits; exec sleep 600",
    );
    let to = folder.0.join("acme");
    let export = ["tenant", "export", "acme", to.to_str().unwrap()];
    let killed: Vec<_> = export
        .into_iter()
        .chain(["--pg-bin", bin.to_str().unwrap()])
        .collect();
    let killed = Runner::start(&db, &killed);
    wait_for(&bin.join("waits")).await;
    killed.kill();
    end_orphan(&bin);
    assert!(!to.exists());
    assert!(run(&db, &export).await);
    assert!(to.join("tenant.json").exists());
}

#[tokio::test]
async fn of_two_imports_one_makes_the_tenant() {
    let folder = TempDir::create("import-two");
    let from = exported(&folder).await;
    let (target, db) = database().await;
    let import = ["tenant", "import", &from];
    let (mut first, mut second) = (Runner::start(&target, &import), Runner::start(&target, &import));
    let (first, second) = (first.ended().await, second.ended().await);
    assert_ne!(first, second);
    assert_imported(&db).await;
}

#[tokio::test]
async fn an_import_that_loses_its_commit_is_complete_or_nothing() {
    let folder = TempDir::create("import-commit");
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (_source, from) = with_tenants(&migrations, &["acme"]).await;
    let to = folder.0.join("acme");
    export(&from, &migrations, "acme", &to).await;
    let (target, db) = with_tenants(&migrations, &[]).await;
    let nothing = trace(&db).await;
    let clear = "DELETE FROM public.tenants; DROP SCHEMA IF EXISTS acme CASCADE";
    let (mut complete, mut failed) = (0, 0);
    for fault in [Fault::Cut, Fault::Reset, Fault::Fatal] {
        // The commits of the reservation, of `pg_restore`, and of the completion.
        for n in 1..=3 {
            for rule in [Rule::reply("COMMIT", fault), Rule::request("COMMIT", Fault::Cut)] {
                let proxy = Proxy::start(target.url()).await;
                let lost = proxy.add(rule.nth(n));
                let lossy = sea_orm::Database::connect(proxy.url()).await.unwrap();
                let imported = import(&lossy, &migrations, &to).await;
                assert!(lost.has_fired(), "{fault:?} {n}");
                match imported {
                    Ok(tenant) => {
                        let id = column(&db, "SELECT id FROM public.tenants WHERE status = 'active'").await;
                        assert_eq!(id, [tenant.id().to_string()]);
                        assert_eq!(tenant.version(), Some("m1_create_note"));
                        complete += 1;
                    }
                    Err(error) => {
                        assert_eq!(trace(&db).await, nothing, "{fault:?} {n}: {error}");
                        failed += 1;
                        import(&db, &migrations, &to).await.unwrap();
                    }
                }
                assert_eq!(column(&db, "SELECT count(*) FROM acme.note").await, ["1"]);
                db.execute_unprepared(clear).await.unwrap();
                tenant_migration::drop_tenant_role(&db, &schema("acme"))
                    .await
                    .unwrap();
            }
        }
    }
    assert!(complete >= 3 && failed >= 9, "{complete} {failed}");
}

/// Returns the number of contracts in a schema, or `None` if there is no such table.
async fn contracts(db: &DatabaseConnection, schema: &str) -> Option<i64> {
    let exists = format!("SELECT to_regclass('{schema}.contract') IS NOT NULL");
    match column(db, &exists).await == ["true"] {
        true => Some(count(db, &format!("SELECT FROM {schema}.contract")).await),
        false => None,
    }
}

/// The old rows of a tenant are there at any moment, and running it again ends what was killed.
#[tokio::test]
async fn a_replacement_is_killed_at_any_moment() {
    let folder = TempDir::create("replace-any");
    let from = exported(&folder).await;
    let (target, db) = database().await;
    assert!(run(&target, &["tenant", "import", &from]).await);
    // Two rows are the old ones, one row is the export's.
    target
        .execute("INSERT INTO acme.contract (plan) VALUES ('free')")
        .await;
    let replace = ["tenant", "import", &from, "--replace", "acme_old", "--yes"];
    let mut whole = std::time::Duration::ZERO;
    for part in 0..=8 {
        target
            .execute("UPDATE public.tenants SET status = 'suspended', updated_at = now() - interval '1 min'")
            .await;
        let begun = std::time::Instant::now();
        let mut replacement = Runner::start(&target, &replace);
        if part == 0 {
            assert!(replacement.ended().await);
            whole = begun.elapsed();
        } else {
            tokio::time::sleep(whole * part / 9).await;
            replacement.kill();
        }
        let rows = [contracts(&db, "acme").await, contracts(&db, "acme_old").await];
        assert_eq!(
            rows.iter().filter(|rows| **rows == Some(2)).count(),
            1,
            "{part}: {rows:?}"
        );
        let archived = "SELECT FROM public.tenants WHERE schema_name = 'acme_old' AND status = 'archived'";
        if count(&db, archived).await == 0 {
            // Otherwise it waits for processes that may cache the tenant's host.
            target
                .execute("UPDATE public.tenants SET updated_at = now() - interval '1 min' WHERE id = 1")
                .await;
            assert!(run(&target, &replace).await, "{part}: {rows:?}");
        }
        assert_eq!(contracts(&db, "acme").await, Some(1), "{part}");
        assert_eq!(contracts(&db, "acme_old").await, Some(2), "{part}");
        let tenants = "SELECT concat_ws(' ', tenants.id = 1, schema_name, status, version, domain)
            FROM public.tenants LEFT JOIN public.domains ON tenant_id = tenants.id ORDER BY tenants.id";
        assert_eq!(
            column(&db, tenants).await,
            [
                "t acme suspended m4_four acme.example.com",
                "f acme_old archived m4_four",
            ],
            "{part}"
        );
        // Back to the beginning.
        target
            .execute(
                "DROP SCHEMA acme CASCADE; ALTER SCHEMA acme_old RENAME TO acme;
                 DELETE FROM public.tenants WHERE id <> 1; DELETE FROM public.dropped_tenants",
            )
            .await;
    }
}
