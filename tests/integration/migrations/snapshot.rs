//! Tenants that are created by a snapshot are what migrations would have made, and where that is not sure, migrations
//! make them.

use std::{process::Command, sync::Mutex};

use tenant_migration::{Migrating, TenantHooks};
use tests::pg_programs;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// A bit of everything that PostgreSQL has.
pub(super) const RICH: Sql = Sql::new(
    "m1_rich",
    r#"
    CREATE TYPE mood AS ENUM ('calm', 'it''s "busy"');
    CREATE DOMAIN email AS text COLLATE "C" DEFAULT 'x@y' NOT NULL CONSTRAINT has_at CHECK (VALUE LIKE '%@%');
    CREATE TYPE place AS (x int, y numeric(6,2), label text COLLATE "C");
    CREATE SEQUENCE ticket START 100 INCREMENT 5 CYCLE MAXVALUE 1000;
    CREATE TABLE owner (
        id int GENERATED ALWAYS AS IDENTITY (START 10) PRIMARY KEY, email email,
        name varchar(80) NOT NULL DEFAULT 'no "name"', at timestamptz DEFAULT now()
    );
    CREATE TABLE "odd Name" ("Id" bigserial PRIMARY KEY, "a""b" text);
    CREATE FUNCTION slug(t text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT lower($1) $$;
    CREATE TABLE note (
        id serial PRIMARY KEY, owner_id int NOT NULL REFERENCES owner (id) ON DELETE CASCADE DEFERRABLE,
        gone int, mood mood DEFAULT 'calm', moods mood[] DEFAULT '{calm}', ticket bigint DEFAULT nextval('ticket'),
        place place, title text COLLATE "C" NOT NULL CHECK (length(title) > 0), body text COMPRESSION pglz,
        slug text GENERATED ALWAYS AS (slug(title)) STORED, plan text REFERENCES public.plan (code), during tsrange,
        price numeric(10,2) DEFAULT 1.5, every interval DEFAULT '1 day 02:00', since date DEFAULT '2020-01-02',
        CONSTRAINT one_title UNIQUE (owner_id, title) INCLUDE (mood) WITH (fillfactor = 80),
        EXCLUDE USING gist (during WITH &&)
    ) WITH (fillfactor = 90, autovacuum_enabled = false, toast.autovacuum_enabled = false);
    ALTER TABLE note DROP COLUMN gone;
    ALTER TABLE note ADD COLUMN later int DEFAULT 5, ADD CONSTRAINT cheap CHECK (price < 100) NOT VALID;
    ALTER TABLE note ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN title SET STATISTICS 500,
        ALTER COLUMN title SET (n_distinct = -0.5);
    CREATE UNLOGGED TABLE scratch (id serial, note int REFERENCES note);
    CREATE UNIQUE INDEX note_calm ON note (owner_id, lower(title) text_pattern_ops DESC NULLS LAST)
        WHERE mood = 'calm';
    CREATE INDEX note_slug ON note USING hash (slug(title));
    CREATE INDEX owner_email ON owner (email) INCLUDE (name) WITH (fillfactor = 70);
    ALTER TABLE note CLUSTER ON note_pkey;
    ALTER TABLE owner REPLICA IDENTITY FULL;
    CREATE VIEW calm WITH (security_barrier) AS
        SELECT n.*, o.name AS owner, plan.code FROM note n JOIN owner o ON o.id = n.owner_id
        LEFT JOIN public.plan ON plan.code = n.plan WHERE mood = 'calm';
    CREATE VIEW a_calmer AS SELECT id, count(*) FROM calm GROUP BY id;
    CREATE MATERIALIZED VIEW statistics AS SELECT count(*) AS n, mood FROM note GROUP BY mood;
    CREATE UNIQUE INDEX ON statistics (mood);
    CREATE MATERIALIZED VIEW a_sum AS SELECT sum(n) FROM statistics;
    CREATE MATERIALIZED VIEW later AS SELECT count(*) AS n FROM note WITH NO DATA;
    CREATE FUNCTION notes_of(o owner) RETURNS SETOF note LANGUAGE sql STABLE ROWS 10
        AS 'SELECT * FROM note WHERE owner_id = o.id';
    CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM note; END;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $x$ BEGIN new.body := 'a\b' || $$q$$; RETURN new; END $x$;
    CREATE PROCEDURE forget(before timestamptz DEFAULT now()) LANGUAGE plpgsql AS 'BEGIN DELETE FROM note; END';
    CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF title ON note FOR EACH ROW WHEN (new.title <> 'x')
        EXECUTE FUNCTION touch();
    CREATE TRIGGER quiet AFTER INSERT ON owner FOR EACH ROW EXECUTE FUNCTION touch();
    ALTER TABLE owner DISABLE TRIGGER quiet;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        EXECUTE FUNCTION touch();
    ALTER TABLE owner ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY mine ON owner FOR SELECT USING (id IN (SELECT owner_id FROM note));
    CREATE POLICY adds ON owner AS RESTRICTIVE FOR INSERT TO CURRENT_USER WITH CHECK (name <> 'root');
    COMMENT ON TABLE note IS 'it''s a note'; COMMENT ON COLUMN note.title IS 'the \title';
    COMMENT ON TYPE mood IS 'type'; COMMENT ON DOMAIN email IS 'domain'; COMMENT ON FUNCTION slug(text) IS 'function';
    COMMENT ON INDEX note_slug IS 'index'; COMMENT ON CONSTRAINT one_title ON note IS 'constraint';
    COMMENT ON TRIGGER touch ON note IS 'trigger'; COMMENT ON POLICY mine ON owner IS 'policy';
    COMMENT ON VIEW calm IS 'view'; COMMENT ON SEQUENCE ticket IS 'sequence';
    COMMENT ON MATERIALIZED VIEW later IS 'materialized view'; COMMENT ON PROCEDURE forget IS 'procedure';
    COMMENT ON CONSTRAINT has_at ON DOMAIN email IS 'constraint of a domain'"#,
    "",
);

/// What the log says of snapshots, from `INFO` on.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Until the guard is dropped, for this thread, which a test has for itself.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_max_level(Level::INFO)
            .with_ansi(false);
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn of_snapshots(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.contains("tenant_migration::snapshot"));
        lines.map(str::to_owned).collect()
    }
}

/// Counts how often it was run: a tenant that is created by a snapshot does not run it.
#[derive(Clone, Default)]
pub(super) struct Counted(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Counted {
    pub(super) fn runs(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl MigrationName for Counted {
    fn name(&self) -> &str {
        "m9_counted"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait leaves it out")]
#[async_trait::async_trait]
impl MigrationTrait for Counted {
    async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

/// Migrations with one at the end that is counted.
struct CountedSet(Vec<Sql>, Counted);

impl sea_orm_migration::MigratorTraitSelf for CountedSet {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let sql = self
            .0
            .iter()
            .cloned()
            .map(|sql| Box::new(sql) as Box<dyn MigrationTrait>);
        sql.chain([Box::new(self.1.clone()) as _]).collect()
    }
}

pub(super) fn counted(tenant: impl IntoIterator<Item = Sql>) -> (Migrations, Counted) {
    let counted = Counted::default();
    let set = CountedSet(tenant.into_iter().collect(), counted.clone());
    (Migrations::new(Shared, set), counted)
}

/// What `pg_dump` says of a schema, with its name taken out.
pub(super) fn dump(db: &TestDatabase, schema: &str, words: &[&str]) -> String {
    let output = Command::new(pg_programs().join("pg_dump"))
        .args(["--schema-only", "-n", &format!("\"{schema}\"")])
        .args(words)
        .arg(db.url())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer ones put a number that is new every time around it.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace(&format!("\"{schema}\""), "TENANT")
        .replace(schema, "TENANT")
}

/// Says where two texts differ.
#[track_caller]
pub(super) fn assert_same(found: &str, expected: &str, name: &str) {
    let lines = found.lines().zip(expected.lines());
    let differs = lines.into_iter().find(|(found, expected)| found != expected);
    assert_eq!(differs, None, "{name}");
    assert_eq!(found.len(), expected.len(), "{name}");
}

const NAMES: [&str; 5] = ["acme", "globex", "Initech", "my-umbrella", "order"];

#[tokio::test]
async fn the_third_tenant_and_later_ones_are_made_by_the_snapshot() {
    let (migrations, counter) = counted([RICH]);
    let log = Log::default();
    let (database, db) = with_tenants(&migrations, &[]).await;
    let _listening = log.listen();
    for (name, runs) in NAMES.into_iter().zip([1, 2, 2, 2, 2]) {
        create_tenant(&db, &migrations, &new(name)).await.unwrap();
        assert_eq!(counter.runs(), runs, "{name}: {:?}", log.of_snapshots());
    }
    assert!(log.of_snapshots().is_empty(), "{:?}", log.of_snapshots());
    let expected = dump(&database, "acme", &[]);
    assert!(expected.contains("CREATE UNIQUE INDEX note_calm"), "{expected}");
    for name in NAMES {
        assert_same(&dump(&database, name, &[]), &expected, name);
        assert_eq!(ledger(&db, name).await, ["m1_rich", "m9_counted"]);
    }
    // Nothing leads from one into another.
    let nothing = tenant_core::audit::Expected::new(tenant_core::Registry::default());
    let audit = tenant_core::audit::audit(&db, &nothing).await.unwrap();
    assert_eq!(audit.errors(), 0, "{:?}", audit.findings());
}

#[tokio::test]
async fn what_is_made_works_in_its_own_schema() {
    let (migrations, _) = counted([RICH]);
    let (_database, db) = with_tenants(&migrations, &NAMES).await;
    let use_it = "INSERT INTO \"my-umbrella\".owner (email) VALUES ('a@b');
        INSERT INTO \"my-umbrella\".note (owner_id, title, plan) VALUES (10, 'Hello', 'free');
        SET search_path = public";
    db.execute_unprepared(use_it).await.unwrap();
    let made = "SELECT concat_ws(' ', id, mood, moods, ticket, slug, body, later) FROM \"my-umbrella\".note";
    assert_eq!(column(&db, made).await, ["1 calm {calm} 100 hello a\\bq 5"]);
    assert_eq!(column(&db, "SELECT \"my-umbrella\".how_many()").await, ["1"]);
    for name in ["acme", "globex", "Initech", "order"] {
        assert_eq!(count(&db, &format!("SELECT FROM \"{name}\".note")).await, 0);
    }
    let pinned = "SELECT array_to_string(proconfig, ';') FROM pg_proc
        WHERE proname = 'touch' AND pronamespace = '\"my-umbrella\"'::regnamespace";
    assert_eq!(
        column(&db, pinned).await,
        ["search_path=\"my-umbrella\", pg_temp"]
    );
}

/// Creates four tenants, which migrations make all, and gives what the log says of it.
async fn all_by_migrations(more: Sql) -> (TestDatabase, DatabaseConnection, Vec<String>) {
    let (migrations, counter) = counted([TAG, more.clone()]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let log = Log::default();
    let _listening = log.listen();
    for name in &NAMES[..4] {
        create_tenant(&db, &migrations, &new(name)).await.unwrap();
        assert!(
            ledger(&db, name).await.contains(&"m9_counted".to_owned()),
            "{name}"
        );
    }
    assert_eq!(counter.runs(), 4, "{more:?}");
    let said = log.of_snapshots();
    assert_eq!(said.len(), 1, "it says why, once: {said:?}");
    (database, db, said)
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.up)
    }
}

#[tokio::test]
async fn migrations_that_do_more_than_make_things_are_run() {
    let cases = [
        ("INSERT INTO tag VALUES (1)", "migrations write tag"),
        (
            "CREATE TABLE more (id serial); SELECT nextval('more_id_seq')",
            "migrations use more_id_seq",
        ),
        (
            "INSERT INTO public.plan VALUES (current_schema())",
            "migrations write public.plan",
        ),
        (
            "UPDATE public.plan SET code = 'paid'",
            "migrations write public.plan",
        ),
        (
            "CREATE TABLE seats (n int CHECK (n < 9)); SELECT metadata FROM public.tenants",
            "migrations read public.tenants",
        ),
        (
            "CREATE TABLE seats (n int); SELECT FROM public.plan",
            "migrations read public.plan",
        ),
        (
            "DO 'BEGIN EXECUTE format(''CREATE VIEW public.%I AS SELECT 1 AS one'', current_schema() || ''_one''); END'",
            "migrations make or change type public.",
        ),
        (
            "DO 'BEGIN EXECUTE format(''CREATE SCHEMA %I'', current_schema() || ''_more''); END'",
            "migrations write pg_catalog.pg_namespace",
        ),
        (
            "DO 'BEGIN EXECUTE format(''CREATE POLICY %I ON public.plan'', current_schema()); END'",
            "migrations make or change policy acme on table public.plan",
        ),
        (
            "GRANT SELECT ON tag TO pg_monitor",
            "table tag has rights that were given or taken",
        ),
        (
            "GRANT SELECT (id) ON tag TO pg_monitor",
            "column id of table tag has rights",
        ),
        (
            "REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC",
            "function f() has rights",
        ),
        (
            "DO 'BEGIN EXECUTE format(''GRANT USAGE ON SCHEMA %I TO pg_monitor'', current_schema()); END'",
            "migrations write pg_catalog.pg_namespace",
        ),
        (
            "ALTER TABLE tag OWNER TO pg_monitor",
            "table tag belongs to somebody else",
        ),
        (
            "CREATE TABLE parts (id int) PARTITION BY RANGE (id)",
            "table parts is partitioned",
        ),
        ("CREATE TABLE child () INHERITS (tag)", "table child inherits"),
        ("CREATE RULE r AS ON INSERT TO tag DO ALSO NOTIFY x", "is a rule"),
        (
            "CREATE STATISTICS s (dependencies) ON id, (id + 1) FROM tag",
            "statistics object s cannot be made",
        ),
        (
            "CREATE TYPE r AS RANGE (subtype = int)",
            "migrations write pg_catalog.pg_cast",
        ),
        (
            "CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int)",
            "function a(integer) is of a kind",
        ),
        (
            "CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)",
            "operator ===(integer,integer) cannot",
        ),
        (
            "DO 'BEGIN EXECUTE format(''ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO pg_monitor'', current_schema()); END'",
            "migrations write pg_catalog.pg_default_acl",
        ),
        (
            "DO 'BEGIN EXECUTE format(''COMMENT ON SCHEMA %I IS ''''x'''''', current_schema()); END'",
            "has a comment",
        ),
        (
            "INSERT INTO seaql_migrations VALUES ('m0_mine', 0)",
            "migrations write their ledger",
        ),
    ];
    for (sql, reason) in cases {
        let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';";
        let text = if sql.contains("f()") {
            format!("{function}{sql}")
        } else {
            sql.to_owned()
        };
        let more = Sql::new("m3_more", text.leak(), "");
        let (_database, _db, said) = all_by_migrations(more).await;
        assert!(said[0].contains(" INFO "), "{said:?}");
        assert!(said[0].replace("acme.", "").contains(reason), "{sql}: {said:?}");
    }
}

#[tokio::test]
async fn migrations_that_make_something_else_for_each_tenant_are_run() {
    let named = Sql::new(
        "m3_named",
        "DO 'BEGIN EXECUTE format(''CREATE TABLE %I (id int)'', current_schema() || ''_x''); END'",
        "",
    );
    let (_database, db, said) = all_by_migrations(named).await;
    assert!(
        said[0].contains(" WARN ") && said[0].contains("did not make the same"),
        "{said:?}"
    );
    for name in &NAMES[..4] {
        let own = format!("{name}_x");
        assert!(tables(&db, name).await.contains(&own), "{name}");
    }

    // A secret is one tenant's.
    let secret = Sql::new(
        "m3_secret",
        "DO 'BEGIN EXECUTE format(''CREATE TABLE hook (secret text DEFAULT %L)'', gen_random_uuid()); END'",
        "",
    );
    let (_database, db, _) = all_by_migrations(secret).await;
    let secrets = "SELECT DISTINCT pg_get_expr(adbin, adrelid) FROM pg_attrdef
        JOIN pg_class ON pg_class.oid = adrelid WHERE relname = 'hook'";
    assert_eq!(count(&db, secrets).await, 4);
}

#[tokio::test]
async fn they_can_be_switched_off() {
    let (migrations, counter) = counted([TAG]);
    let migrations = migrations.snapshots(false);
    let (_database, _db) = with_tenants(&migrations, &NAMES).await;
    assert_eq!(counter.runs(), NAMES.len());
}

#[tokio::test]
async fn each_kind_and_each_database_has_its_own() {
    let (migrations, counter) = counted([TAG]);
    let (own, of_kind) = counted([NOTE]);
    drop(own);
    let migrations = migrations.for_kind("trial", CountedSet(vec![RICH], of_kind.clone()));
    let (_one, one) = with_tenants(&migrations, &[]).await;
    for (place, name) in NAMES.into_iter().enumerate() {
        create_tenant(&one, &migrations, &new(name)).await.unwrap();
        let trial = NewTenant::new(schema(&format!("trial{place}")), "x").kind("trial");
        create_tenant(&one, &migrations, &trial).await.unwrap();
        assert_eq!(tables(&one, name).await, ["seaql_migrations", "tag"]);
        assert_eq!(
            tables(&one, trial.schema().as_str()).await,
            ["note", "odd Name", "owner", "scratch", "seaql_migrations"]
        );
    }
    assert_eq!((counter.runs(), of_kind.runs()), (2, 2));
    let (_other, other) = with_tenants(&migrations, &NAMES).await;
    assert_eq!((counter.runs(), of_kind.runs()), (4, 2));
    drop(other);
}

#[tokio::test]
async fn a_snapshot_that_fails_is_given_up_and_the_tenant_made_by_migrations() {
    let unbound = Sql::new(
        "m1_unbound",
        "CREATE TABLE note (id int); DO 'BEGIN IF to_regclass(''public.plan'') IS NOT NULL THEN
            ALTER TABLE note ADD plan text REFERENCES public.plan (code); END IF; END'",
        "",
    );
    let (migrations, counter) = counted([unbound]);
    let (_database, db) = with_tenants(&migrations, &NAMES[..4]).await;
    assert_eq!(counter.runs(), 2);
    // The shared schema has changed meanwhile.
    db.execute_unprepared("ALTER TABLE public.plan RENAME TO old_plan")
        .await
        .unwrap();
    let log = Log::default();
    let _listening = log.listen();
    create_tenant(&db, &migrations, &new("order")).await.unwrap();
    assert_eq!(counter.runs(), 3);
    assert_eq!(ledger(&db, "order").await, ["m1_unbound", "m9_counted"]);
    let said = log.of_snapshots();
    assert!(
        said.len() == 1 && said[0].contains(" WARN ") && said[0].contains("public.plan"),
        "{said:?}"
    );
    create_tenant(&db, &migrations, &new("one-more")).await.unwrap();
    assert_eq!(counter.runs(), 4);
}

/// Says what it finds.
struct Hooks(std::sync::Arc<Mutex<Vec<String>>>, &'static str);

#[async_trait::async_trait]
impl TenantHooks for Hooks {
    async fn before(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let found = tables(tenant.manager.get_connection(), tenant.schema.as_str()).await;
        self.0.lock().unwrap().push(format!("before {found:?}"));
        tenant.manager.get_connection().execute_unprepared(self.1).await?;
        Ok(())
    }

    async fn after(&self, tenant: Migrating<'_>) -> Result<(), DbErr> {
        let found = tables(tenant.manager.get_connection(), tenant.schema.as_str()).await;
        self.0.lock().unwrap().push(format!("after {found:?}"));
        tenant
            .manager
            .get_connection()
            .execute_unprepared("INSERT INTO tag VALUES (7)")
            .await?;
        Ok(())
    }
}

#[tokio::test]
async fn hooks_run_for_every_tenant() {
    for (before, runs) in [("SELECT 1", 2), ("CREATE TABLE mine ()", NAMES.len())] {
        let (migrations, counter) = counted([TAG]);
        let said = std::sync::Arc::default();
        let migrations = migrations.with_hooks(Hooks(std::sync::Arc::clone(&said), before));
        let (_database, db) = with_tenants(&migrations, &NAMES).await;
        assert_eq!(counter.runs(), runs, "{before}");
        let said = said.lock().unwrap().clone();
        assert_eq!(said.len(), 2 * NAMES.len());
        let (first, last) = (&said[..2], &said[said.len() - 2..]);
        assert_eq!(first, last);
        for name in NAMES {
            assert_eq!(
                column(&db, &format!("SELECT id FROM \"{name}\".tag")).await,
                ["7"]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tenants_that_are_made_at_the_same_time_are_all_complete() {
    let (migrations, counter) = counted([RICH]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let names: Vec<_> = (0..24).map(|n| format!("tenant{n}")).collect();
    for names in names.chunks(8) {
        let created = names.iter().map(|name| {
            let new = new(name);
            let (db, migrations) = (&db, &migrations);
            async move { create_tenant(db, migrations, &new).await.map(|_| ()) }
        });
        for result in futures_util::future::join_all(created).await {
            result.unwrap();
        }
    }
    assert_eq!(counter.runs(), 8, "the first eight knew nothing of each other");
    let expected = dump(&database, "tenant0", &[]).replace("TENANT", "");
    for name in &names[1..] {
        let found = dump(&database, name, &[]).replace("TENANT", "");
        assert!(found == expected, "{name}");
    }
}

#[tokio::test]
async fn tenants_with_roles_are_made_by_the_snapshot_too() {
    let (migrations, counter) = counted([RICH]);
    let migrations = migrations.with_tenant_roles(tenant_migration::TenantRoles::new());
    let (database, _db) = with_tenants(&migrations, &NAMES).await;
    assert_eq!(counter.runs(), 2);
    let expected = dump(&database, "acme", &[]);
    assert!(expected.contains("GRANT SELECT"), "{expected}");
    for name in NAMES {
        assert_same(&dump(&database, name, &[]), &expected, name);
    }
}
