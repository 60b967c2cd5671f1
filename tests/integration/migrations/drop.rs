//! `drop_tenant`: drops all of a tenant in short transactions, and reports what prevents it.

use std::time::{Duration, Instant};

use sea_orm::{DatabaseTransaction, TransactionTrait as _};
use tenant_core::audit::{Expected, audit};
use tenant_migration::{
    DropOptions, Dropped, NAME_REUSE_AGE, RoleError, TenantRoles, drop_tenant, drop_tenant_role,
    suspend_tenant,
};

use tests::TestServer;

use super::{
    lock_table::{has_locks_again, make_tables},
    *,
};

fn at_once() -> DropOptions {
    DropOptions::default().drain(Duration::ZERO)
}

/// Returns the objects for which a drop was refused.
fn needed_by(dropped: Result<Dropped, LifecycleError>, made: &str) -> Vec<String> {
    match dropped {
        Err(LifecycleError::Schema {
            source: SchemaError::Needed { by },
            ..
        }) => by,
        other => panic!("{made}: {other:?}"),
    }
}

/// Returns what remains of acme in PostgreSQL's catalog and in the tenants' catalog.
async fn left(db: &impl ConnectionTrait) -> Vec<String> {
    let sql = "SELECT 'schema' FROM pg_namespace WHERE nspname = 'acme'
        UNION ALL SELECT 'row' FROM public.tenants WHERE schema_name = 'acme'
        UNION ALL SELECT 'domain' FROM public.domains WHERE domain LIKE 'acme.%'";
    column(db, sql).await
}

#[tokio::test]
async fn nothing_is_left_but_the_name() {
    let migrations = with([NOTE, TAG]);
    let (_db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let acme = schema("acme");
    let dropped = drop_tenant(&connection, &migrations, &acme, &at_once())
        .await
        .unwrap();
    assert!(dropped.objects >= 3, "{dropped:?}");
    assert!(left(&connection).await.is_empty());
    assert_eq!(
        tables(&connection, "globex").await,
        ["note", "seaql_migrations", "tag"]
    );
    assert_eq!(count(&connection, "SELECT FROM public.plan").await, 1);
    let audited = audit(&connection, &Expected::of_program().unwrap().without_entities())
        .await
        .unwrap();
    assert_eq!(audited.errors(), 0, "{audited:?}");

    // Dropping a tenant again succeeds. Dropping a tenant that never existed is an error.
    drop_tenant(&connection, &migrations, &acme, &at_once())
        .await
        .unwrap();
    let nobody = drop_tenant(&connection, &migrations, &schema("nobody"), &at_once()).await;
    assert!(
        matches!(
            nobody,
            Err(LifecycleError::Lookup(LookupError::NoSuchTenant { .. }))
        ),
        "{nobody:?}"
    );
    let public = drop_tenant(&connection, &migrations, &SchemaName::shared(), &at_once()).await;
    assert!(
        matches!(public, Err(LifecycleError::PublicTenant { .. })),
        "{public:?}"
    );
}

#[tokio::test]
async fn the_name_is_given_out_again_only_if_that_is_asked_for() {
    let migrations = with([NOTE]);
    let (_db, connection) = with_tenants(&migrations, &["acme"]).await;
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    for name in ["acme", "ACME"] {
        let refused = create_tenant(&connection, &migrations, &NewTenant::new(schema(name), "New")).await;
        assert!(
            matches!(&refused, Err(LifecycleError::Name(NameError::NameRetired { name, .. })) if name == "ACME"),
            "{refused:?}"
        );
        assert!(refused.unwrap_err().to_string().contains("--reuse-name"));
    }
    assert!(left(&connection).await.is_empty());
    // A process that cannot read the catalog may serve the dropped tenant for 90 s.
    assert_eq!(NAME_REUSE_AGE, Duration::from_secs(90));
    let since =
        |seconds: u32| format!("UPDATE dropped_tenants SET dropped_at = now() - interval '{seconds} s'");
    connection.execute_unprepared(&since(80)).await.unwrap();
    let refused = create_tenant(&connection, &migrations, &new("ACME").reuse_name()).await;
    let Err(LifecycleError::Name(NameError::NameInUse { name, wait, .. })) = &refused else {
        panic!("{refused:?}");
    };
    assert!(
        name == "ACME" && (5..=10).contains(&wait.as_secs()),
        "{refused:?}"
    );
    assert!(left(&connection).await.is_empty());
    connection.execute_unprepared(&since(91)).await.unwrap();
    create_tenant(&connection, &migrations, &new("acme").reuse_name())
        .await
        .unwrap();
    assert_eq!(left(&connection).await.len(), 3);
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert_eq!(count(&connection, "SELECT FROM public.dropped_tenants").await, 2);
}

/// `drop_tenant` keeps a schema whose name differs from the tenant's in case only.
#[tokio::test]
async fn a_tenant_is_dropped_under_the_name_that_its_schema_has() {
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute("CREATE SCHEMA \"ACME\"; CREATE TABLE \"ACME\".found (id int)")
        .await;
    drop_tenant(&connection, &migrations, &schema("ACME"), &at_once())
        .await
        .unwrap();
    let schemas = "SELECT nspname FROM pg_namespace WHERE lower(nspname) = 'acme'";
    assert_eq!(column(&connection, schemas).await, ["ACME"]);
    assert_eq!(tables(&connection, "ACME").await, ["found"]);
    let role = format!("SELECT FROM pg_roles WHERE rolname = 'tenant.{}.acme'", db.name());
    assert_eq!(count(&connection, &role).await, 0);
    assert_eq!(
        column(&connection, "SELECT schema_name FROM dropped_tenants").await,
        ["acme"]
    );
    // Again, as after an interruption immediately before the end.
    drop_tenant(&connection, &migrations, &schema("Acme"), &at_once())
        .await
        .unwrap();
    assert_eq!(tables(&connection, "ACME").await, ["found"]);
}

/// Drops a tenant with more tables than one transaction can lock with the server's default settings. The test has a
/// separate server, since a full lock table makes other tests fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_with_more_tables_than_the_lock_table_holds_is_dropped() {
    const TABLES: usize = 3_000;
    let server = TestServer::start();
    let db = TestDatabase::create_on(server.url().to_owned()).await;
    let migrations = with([NOTE]);
    assert!(up(&db, &migrations).await.is_success());
    let connection = db.connect().await;
    create_tenant(&connection, &migrations, &new("acme"))
        .await
        .unwrap();
    make_tables(&db, TABLES).await;
    let refused = connection.execute_unprepared("DROP SCHEMA acme CASCADE").await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("out of shared memory"), "{refused}");
    has_locks_again(&connection).await;

    let dropped = drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert!(
        dropped.objects >= TABLES && dropped.transactions > TABLES / 100,
        "{dropped:?}"
    );
    assert!(left(&connection).await.is_empty());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_drop_that_was_interrupted_goes_on() {
    let migrations = with([NOTE, TAG]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute(
        "CREATE TYPE acme.mood AS ENUM ('happy');
         CREATE VIEW acme.titles AS SELECT id FROM acme.note;
         CREATE TABLE acme.child (note int REFERENCES acme.note, mood acme.mood);
         CREATE TABLE acme.part (id int) PARTITION BY LIST (id);
         CREATE TABLE acme.part_1 PARTITION OF acme.part FOR VALUES IN (1);
         CREATE SEQUENCE acme.alone;
         CREATE FUNCTION acme.f(a int, OUT b int) LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION acme.notes() RETURNS SETOF acme.note LANGUAGE sql AS 'SELECT * FROM acme.note'",
    )
    .await;
    // Each transaction drops one object. The trigger interrupts `drop_tenant` after the allowed number of drops.
    db.execute(
        "CREATE TABLE public.allowed (drops int); INSERT INTO public.allowed VALUES (0);
         CREATE FUNCTION public.interrupt() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
             UPDATE public.allowed SET drops = drops - 1;
             IF (SELECT drops FROM public.allowed) < 0 THEN RAISE EXCEPTION 'interrupted'; END IF;
         END $$;
         CREATE EVENT TRIGGER interrupt ON sql_drop EXECUTE FUNCTION public.interrupt()",
    )
    .await;
    let options = at_once().batch(1);
    let mut interruptions = 0;
    loop {
        db.execute("UPDATE public.allowed SET drops = 1").await;
        match drop_tenant(&connection, &migrations, &schema("acme"), &options).await {
            Ok(_) => break,
            Err(error) => assert!(error.to_string().contains("interrupted"), "{error}"),
        }
        interruptions += 1;
        let status = column(&connection, "SELECT status FROM public.tenants").await;
        assert_eq!(status, ["dropping"]);
        assert!(interruptions < 40, "it does not come to its end");
    }
    assert!(interruptions > 8, "{interruptions}");
    assert!(left(&connection).await.is_empty());
    db.execute("DROP EVENT TRIGGER interrupt").await;
}

/// Objects of acme, on which others may depend.
const OBJECTS: &str = "
    CREATE TYPE acme.mood AS ENUM ('happy');
    CREATE TYPE acme.pair AS (a int, b int);
    CREATE DOMAIN acme.code AS text;
    CREATE COLLATION acme.german (provider = libc, locale = 'C');
    CREATE SEQUENCE acme.nr;
    CREATE TABLE acme.part (id int) PARTITION BY LIST (id);
    CREATE FUNCTION acme.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    CREATE FUNCTION acme.is_less(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2';
    CREATE FUNCTION acme.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE FUNCTION acme.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE OPERATOR acme.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = acme.is_less);
    CREATE TEXT SEARCH CONFIGURATION acme.words (COPY = simple);
    CREATE TEXT SEARCH DICTIONARY acme.stem (TEMPLATE = simple);
    CREATE EXTENSION citext SCHEMA acme";

/// Dependents of these objects: the statement that makes one, the statement that removes it, and its name in the refusal.
const DEPENDENTS: [(&str, &str, &str); 37] = [
    (
        "CREATE VIEW public.all_notes AS SELECT id FROM acme.note",
        "DROP VIEW public.all_notes",
        "view public.all_notes",
    ),
    (
        "CREATE MATERIALIZED VIEW globex.all_notes AS SELECT id FROM acme.note",
        "DROP MATERIALIZED VIEW globex.all_notes",
        "materialized view globex.all_notes",
    ),
    (
        "CREATE TABLE globex.link (note int CONSTRAINT to_acme REFERENCES acme.note)",
        "DROP TABLE globex.link",
        "table constraint to_acme on globex.link",
    ),
    (
        "CREATE TABLE globex.moods (mood acme.mood)",
        "DROP TABLE globex.moods",
        "table column globex.moods.mood",
    ),
    (
        "CREATE TABLE globex.moods (moods acme.mood[])",
        "DROP TABLE globex.moods",
        "table column globex.moods.moods",
    ),
    (
        "CREATE TABLE globex.codes (code acme.code)",
        "DROP TABLE globex.codes",
        "table column globex.codes.code",
    ),
    (
        "CREATE TABLE globex.names (name text COLLATE acme.german)",
        "DROP TABLE globex.names",
        "table column globex.names.name",
    ),
    (
        "CREATE TABLE globex.mails (mail acme.citext)",
        "DROP TABLE globex.mails",
        "table column globex.mails.mail",
    ),
    (
        "CREATE TABLE globex.typed OF acme.pair",
        "DROP TABLE globex.typed",
        "table globex.typed",
    ),
    (
        "CREATE TABLE globex.rows (note acme.note)",
        "DROP TABLE globex.rows",
        "table column globex.rows.note",
    ),
    (
        "CREATE SCHEMA archive; CREATE TABLE archive.old_note (x int) INHERITS (acme.note)",
        "DROP SCHEMA archive CASCADE",
        "table archive.old_note",
    ),
    (
        "CREATE TABLE globex.part_1 PARTITION OF acme.part FOR VALUES IN (1)",
        "DROP TABLE globex.part_1",
        "table globex.part_1",
    ),
    (
        "CREATE TABLE globex.numbers (n int DEFAULT nextval('acme.nr'))",
        "DROP TABLE globex.numbers",
        "default value for globex.numbers.n",
    ),
    (
        "CREATE TABLE globex.computed (n int, m int GENERATED ALWAYS AS (acme.f(n)) STORED)",
        "DROP TABLE globex.computed",
        "table column globex.computed.m",
    ),
    (
        "CREATE TABLE globex.checked (n int CONSTRAINT is_f CHECK (acme.f(n) > 0))",
        "DROP TABLE globex.checked",
        "table constraint is_f on globex.checked",
    ),
    (
        "CREATE DOMAIN public.small AS int CONSTRAINT is_f CHECK (acme.f(VALUE) > 0)",
        "DROP DOMAIN public.small",
        "domain constraint is_f on public.small",
    ),
    (
        "CREATE INDEX note_f ON globex.note (acme.f(id))",
        "DROP INDEX globex.note_f",
        "index globex.note_f",
    ),
    (
        "CREATE TRIGGER told BEFORE INSERT ON globex.note FOR EACH ROW EXECUTE FUNCTION acme.t()",
        "DROP TRIGGER told ON globex.note",
        "trigger told on globex.note",
    ),
    (
        "CREATE POLICY mine ON globex.note USING (acme.f(id) > 0)",
        "DROP POLICY mine ON globex.note",
        "policy mine on globex.note",
    ),
    (
        "CREATE RULE copied AS ON DELETE TO globex.note DO ALSO DELETE FROM acme.note",
        "DROP RULE copied ON globex.note",
        "rule copied on globex.note",
    ),
    (
        "CREATE FUNCTION public.of_mood(acme.mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION public.of_mood",
        "function public.of_mood(acme.mood)",
    ),
    (
        "CREATE FUNCTION public.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM acme.note; END",
        "DROP FUNCTION public.atomic",
        "function public.atomic()",
    ),
    (
        "CREATE OPERATOR public.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = acme.is_less)",
        "DROP OPERATOR public.<<< (int, int)",
        "operator public.<<<(integer,integer)",
    ),
    (
        "CREATE VIEW public.less AS SELECT 1 OPERATOR(acme.<<<) 2 AS is_less",
        "DROP VIEW public.less",
        "view public.less",
    ),
    (
        "CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION acme.e()",
        "DROP EVENT TRIGGER told",
        "event trigger told",
    ),
    (
        "CREATE PUBLICATION changes FOR TABLE acme.note",
        "DROP PUBLICATION changes",
        "publication relation acme.note in publication changes",
    ),
    (
        "CREATE PUBLICATION changes FOR TABLES IN SCHEMA acme",
        "DROP PUBLICATION changes",
        "publication namespace acme in publication changes",
    ),
    (
        "CREATE TABLE globex.found (a text, words tsvector GENERATED ALWAYS AS (to_tsvector('acme.words'::regconfig, a)) STORED)",
        "DROP TABLE globex.found",
        "table column globex.found.words",
    ),
    (
        "CREATE TYPE globex.moods AS (mood acme.mood)",
        "DROP TYPE globex.moods",
        "composite type column globex.moods.mood",
    ),
    (
        "CREATE STATISTICS globex.pairs ON id, plan FROM acme.note",
        "DROP STATISTICS globex.pairs",
        "statistics object globex.pairs",
    ),
    (
        "CREATE DOMAIN globex.code AS acme.code",
        "DROP DOMAIN globex.code",
        "type globex.code",
    ),
    (
        "CREATE FUNCTION acme.more(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1';
         CREATE AGGREGATE globex.most (int) (SFUNC = acme.more, STYPE = int)",
        "DROP AGGREGATE globex.most (int)",
        "aggregate globex.most(integer)",
    ),
    (
        "CREATE OPERATOR FAMILY globex.fam USING btree;
         ALTER OPERATOR FAMILY globex.fam USING btree ADD OPERATOR 1 acme.<<< (int, int)",
        "DROP OPERATOR FAMILY globex.fam USING btree",
        "operator of access method operator 1 (integer, integer) of globex.fam USING btree",
    ),
    (
        "CREATE TEXT SEARCH CONFIGURATION globex.words (COPY = acme.words);
         ALTER TEXT SEARCH CONFIGURATION globex.words ALTER MAPPING FOR word WITH acme.stem",
        "DROP TEXT SEARCH CONFIGURATION globex.words",
        "text search configuration globex.words",
    ),
    (
        "CREATE TYPE globex.span AS RANGE (SUBTYPE = acme.mood)",
        "DROP TYPE globex.span",
        "type globex.span",
    ),
    (
        "CREATE FUNCTION acme.number_of(globex.note) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE CAST (globex.note AS int) WITH FUNCTION acme.number_of(globex.note)",
        "DROP CAST (globex.note AS int)",
        "cast (globex.note AS integer)",
    ),
    (
        "CREATE FUNCTION globex.later() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION globex.later DEPENDS ON EXTENSION citext",
        "DROP FUNCTION globex.later",
        "function globex.later()",
    ),
];

#[tokio::test]
async fn what_would_be_dropped_of_others_is_named_and_nothing_is_dropped() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    db.execute(OBJECTS).await;
    for (make, remove, named) in DEPENDENTS {
        db.execute(make).await;
        let refused = drop_tenant(&connection, &migrations, &schema("acme"), &at_once()).await;
        let by = needed_by(refused, make);
        assert!(by.contains(&named.to_owned()), "{make}: {by:?}");
        let fresh = act(&db, &migrations, &tenant("acme"), Action::Fresh).await;
        let outcome = outcomes(&fresh).remove(0);
        assert!(
            outcome.contains("outside of its schema") && outcome.contains(named),
            "{make}: {outcome}"
        );
        assert_eq!(
            tables(&connection, "acme").await,
            ["note", "part", "seaql_migrations"],
            "{make}"
        );
        let status = "SELECT status FROM tenants WHERE schema_name = 'acme'";
        assert_eq!(column(&connection, status).await, ["active"], "{make}");
        db.execute(remove).await;
    }
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert_eq!(tables(&connection, "globex").await, ["note", "seaql_migrations"]);
}

#[tokio::test]
async fn a_tenant_whose_row_others_refer_to_stays_in_service() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute(
        "CREATE TABLE public.invoice (tenant bigint REFERENCES public.tenants DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO public.invoice SELECT id FROM public.tenants",
    )
    .await;
    let refused = drop_tenant(&connection, &migrations, &schema("acme"), &at_once()).await;
    let by = needed_by(refused, "a foreign key");
    assert!(by[0].contains("invoice"), "{by:?}");
    assert_eq!(
        column(&connection, "SELECT status FROM tenants").await,
        ["active"]
    );
    db.execute("DELETE FROM public.invoice").await;
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
}

/// Makes each drop whose statement is like `pattern` wait until `release` ends, by an event trigger.
async fn pause_drops(db: &TestDatabase, release: &DatabaseTransaction, pattern: &str) {
    db.execute(&format!(
        "CREATE FUNCTION public.pause() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF current_query() LIKE '{pattern}' THEN PERFORM pg_advisory_xact_lock(7); END IF;
         END $$;
         CREATE EVENT TRIGGER pause ON ddl_command_start EXECUTE FUNCTION public.pause()"
    ))
    .await;
    release
        .execute_unprepared("SELECT pg_advisory_xact_lock(7)")
        .await
        .unwrap();
}

/// A dependent that another session makes after the check, and before the drop that would take it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_make_meanwhile_is_not_dropped() {
    let cases = [
        // CASCADE drops a column, and its rows with it.
        (
            "CREATE COLLATION acme.german (provider = libc, locale = 'C')",
            "DROP SCHEMA%CASCADE",
            "CREATE TABLE globex.names (name text COLLATE acme.german); INSERT INTO globex.names VALUES ('Globex')",
            "table column globex.names.name",
            "SELECT name FROM globex.names",
        ),
        (
            "CREATE FUNCTION acme.f(int) RETURNS text LANGUAGE sql AS $$SELECT 'Globex'$$;
             CREATE TABLE acme.own (id int, name text DEFAULT acme.f(1)); CREATE FUNCTION acme.g(acme.own) RETURNS int LANGUAGE sql AS 'SELECT 1';
             ALTER TABLE acme.own ALTER id SET DEFAULT acme.g(NULL)",
            "DROP TABLE%own CASCADE",
            "CREATE FUNCTION globex.of_own(acme.own) RETURNS text LANGUAGE sql AS $$SELECT 'Globex'$$",
            "function globex.of_own(acme.own)",
            "SELECT globex.of_own(NULL)",
        ),
        // These go without CASCADE.
        (
            "CREATE TABLE acme.part (name text) PARTITION BY LIST (name)",
            "DROP TABLE%part",
            "CREATE TABLE globex.part_1 PARTITION OF acme.part DEFAULT; INSERT INTO globex.part_1 VALUES ('Globex')",
            "table globex.part_1",
            "SELECT name FROM globex.part_1",
        ),
        (
            "CREATE TABLE acme.counted (a int, b int)",
            "DROP TABLE%counted",
            "CREATE STATISTICS globex.\"Globex\" ON a, b FROM acme.counted",
            "statistics object globex.\"Globex\"",
            "SELECT stxname FROM pg_statistic_ext",
        ),
    ];
    let migrations = with([NOTE]);
    for (objects, pattern, make, named, query) in cases {
        let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
        db.execute(objects).await;
        let release = connection.begin().await.unwrap();
        pause_drops(&db, &release, pattern).await;
        let meanwhile = async {
            let waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            while count(&connection, waiting).await == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            db.execute(make).await;
            release.commit().await.unwrap();
        };
        let acme = schema("acme");
        let options = at_once();
        let dropping = drop_tenant(&connection, &migrations, &acme, &options);
        let both = async { tokio::join!(dropping, meanwhile) };
        let (refused, ()) = tokio::time::timeout(Duration::from_secs(60), both)
            .await
            .expect(pattern);
        let by = needed_by(refused, make);
        assert!(by.contains(&named.to_owned()), "{make}: {by:?}");
        assert_eq!(column(&connection, query).await, ["Globex"], "{make}");

        db.execute("DROP EVENT TRIGGER pause; DROP SCHEMA globex CASCADE")
            .await;
        drop_tenant(&connection, &migrations, &acme, &at_once())
            .await
            .unwrap();
        assert_eq!(
            column(&connection, "SELECT schema_name FROM tenants").await,
            ["globex"]
        );
    }
}

/// `DROP OWNED BY` would drop them with the role.
#[tokio::test]
async fn a_tenant_whose_role_owns_objects_elsewhere_is_not_dropped() {
    let migrations = with([NOTE]).with_tenant_roles(TenantRoles::new());
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let role = format!("\"tenant.{}.acme\"", db.name());
    db.execute(&format!(
        "CREATE TABLE public.report (title text); INSERT INTO public.report VALUES ('of all');
         ALTER TABLE public.report OWNER TO {role};
         CREATE FUNCTION globex.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION globex.f OWNER TO {role};
         CREATE TABLE acme.own (); ALTER TABLE acme.own OWNER TO {role}; ALTER SCHEMA acme OWNER TO {role};
         SELECT lo_create(77); ALTER LARGE OBJECT 77 OWNER TO {role}"
    ))
    .await;
    let refused = drop_tenant(&connection, &migrations, &schema("acme"), &at_once()).await;
    let Err(LifecycleError::Schema {
        source: SchemaError::Role(RoleError::Owns { objects, .. }),
        ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(objects, ["function globex.f()", "table public.report"]);
    assert_eq!(
        column(&connection, "SELECT title FROM public.report").await,
        ["of all"]
    );
    let status = "SELECT status FROM tenants WHERE schema_name = 'acme'";
    assert_eq!(column(&connection, status).await, ["active"]);
    // Neither by the function that drops the role alone.
    let refused = drop_tenant_role(&connection, &schema("acme")).await;
    assert!(matches!(refused, Err(RoleError::Owns { .. })), "{refused:?}");

    db.execute(
        "ALTER TABLE public.report OWNER TO CURRENT_USER; ALTER FUNCTION globex.f OWNER TO CURRENT_USER",
    )
    .await;
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert_eq!(
        column(&connection, "SELECT title FROM public.report").await,
        ["of all"]
    );
    let left = format!("SELECT FROM pg_roles WHERE rolname = '{}'", role.replace('"', ""));
    assert_eq!(count(&connection, &left).await, 0);
}

/// Objects of a schema that depend on each other, even in a circle, and on those of the shared schema.
#[tokio::test]
async fn a_tenant_with_everything_that_depends_on_itself_is_dropped() {
    let migrations = with([NOTE, RICH_IN_CIRCLES]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute(OBJECTS).await;
    db.execute("CREATE PUBLICATION everything FOR ALL TABLES; ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT ON TABLES TO PUBLIC")
        .await;
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert!(left(&connection).await.is_empty());
    let extensions = "SELECT FROM pg_extension WHERE extname = 'citext'";
    assert_eq!(count(&connection, extensions).await, 0);
}

const RICH_IN_CIRCLES: Sql = Sql::new(
    "m2_circles",
    "CREATE TABLE item (id int PRIMARY KEY, code text, plan text REFERENCES public.plan (code));
     CREATE FUNCTION code_of(item) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.code';
     CREATE FUNCTION next_code() RETURNS text LANGUAGE sql AS 'SELECT code FROM item LIMIT 1';
     ALTER TABLE item ALTER code SET DEFAULT next_code(), ADD CONSTRAINT has_code CHECK (code_of(item) <> '');
     CREATE INDEX item_code ON item (code_of(item));
     CREATE VIEW items AS SELECT *, code_of(item) AS same FROM item;
     CREATE FUNCTION all_items() RETURNS SETOF items LANGUAGE sql AS 'SELECT * FROM items';
     CREATE VIEW again AS SELECT * FROM all_items();
     CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
     CREATE FUNCTION is_short(short) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
     ALTER DOMAIN short ADD CONSTRAINT is_short CHECK (is_short(VALUE::text::short) IS NOT FALSE);
     CREATE CAST (item AS text) WITH FUNCTION code_of(item);
     CREATE AGGREGATE every_item(float8 ORDER BY float8) (SFUNC = array_append, STYPE = float8[]);
     CREATE PROCEDURE set_code(IN id int, INOUT code text, OUT done bool) LANGUAGE sql AS 'SELECT code, true'",
    "",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_shared_table_wait_for_no_more_than_the_lock_timeout() {
    let migrations = with([NOTE]);
    let (_db, connection) = with_tenants(&migrations, &["acme"]).await;
    let reader = connection.begin().await.unwrap();
    reader
        .execute_unprepared("SELECT FROM public.plan")
        .await
        .unwrap();
    let options = at_once().lock_timeout(Duration::from_millis(100)).attempts(1);
    let refused = drop_tenant(&connection, &migrations, &schema("acme"), &options).await;
    assert!(refused.unwrap_err().to_string().contains("55P03"));
    assert_eq!(left(&connection).await.len(), 3);

    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        reader.commit().await.unwrap();
    };
    let acme = schema("acme");
    let options = options.attempts(50);
    let dropping = drop_tenant(&connection, &migrations, &acme, &options);
    let (dropped, ()) = tokio::join!(dropping, release);
    dropped.unwrap();
    assert!(left(&connection).await.is_empty());
}

#[tokio::test]
async fn a_tenant_is_left_alone_for_as_long_as_its_host_may_be_known() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let options = DropOptions::default().drain(Duration::from_millis(700));
    let begun = Instant::now();
    drop_tenant(&connection, &migrations, &schema("acme"), &options)
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(700));

    // The drain time counts from the suspension, which was an hour ago, so nothing waits.
    suspend_tenant(&connection, &schema("globex")).await.unwrap();
    db.execute("UPDATE public.tenants SET updated_at = now() - interval '1 hour'")
        .await;
    let options = DropOptions::default().drain(Duration::from_secs(3_000));
    tokio::time::timeout(
        Duration::from_secs(60),
        drop_tenant(&connection, &migrations, &schema("globex"), &options),
    )
    .await
    .expect("it does not wait")
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_meanwhile_see_the_tenants_rows_or_an_error() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    db.execute("UPDATE acme.note SET plan = NULL; ALTER TABLE acme.note ADD owner text DEFAULT 'acme'")
        .await;
    let reader = db.connect().await;
    let reading = tokio::spawn(async move {
        let mut rows = 0;
        loop {
            let sql = "SELECT owner FROM acme.note";
            let statement = Statement::from_string(DatabaseBackend::Postgres, sql);
            match reader.query_all_raw(statement).await {
                Ok(found) => {
                    for row in found {
                        assert_eq!(row.try_get::<String>("", "owner").unwrap(), "acme");
                        rows += 1;
                    }
                }
                Err(_) => return rows,
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop_tenant(&connection, &migrations, &schema("acme"), &at_once())
        .await
        .unwrap();
    assert!(reading.await.unwrap() > 0);
}

#[tokio::test]
async fn the_command_line_asks_before_it_drops() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let drop = ["tenant", "drop", "acme", "--drain", "0"];
    let (_, result) = cli(&db, &migrations, &drop).await;
    assert!(matches!(result, Err(CliError::NotConfirmed { .. })), "{result:?}");
    assert_eq!(left(&connection).await.len(), 3);
    let confirmed: Vec<_> = drop.into_iter().chain(["--yes"]).collect();
    let (out, result) = cli(&db, &migrations, &confirmed).await;
    result.unwrap();
    assert!(out.starts_with("tenant acme is dropped"), "{out}");
    assert!(left(&connection).await.is_empty());
    let again = ["tenant", "create", "acme"];
    let (_, result) = cli(&db, &migrations, &again).await;
    assert!(matches!(
        result,
        Err(CliError::Lifecycle(LifecycleError::Name(
            NameError::NameRetired { .. }
        )))
    ));
    let reuse = ["tenant", "create", "acme", "--reuse-name"];
    let refused = cli(&db, &migrations, &reuse).await.1.unwrap_err().to_string();
    assert!(
        refused.contains("cannot be reused before") && refused.contains("Try again in"),
        "{refused}"
    );
    age_drops(&connection).await;
    let (_, result) = cli(&db, &migrations, &reuse).await;
    result.unwrap();
}
