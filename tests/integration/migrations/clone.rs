//! `clone_tenant`: a new tenant that is a copy of another, and refers to nothing of it.

use tenant_core::{
    Registry, TenantStatus,
    audit::{Expected, audit},
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{CloneData, TenantRoles, clone_tenant};

use super::{
    rich::{RICH, assert_same, dump},
    *,
};

const ROWS: &str = "
    INSERT INTO acme.owner (email, name) SELECT 'o' || n || '@b', 'owner ' || n FROM generate_series(1, 3) AS n;
    INSERT INTO acme.note (owner_id, title, moods, place, plan, during, since)
        SELECT 10 + n % 3, 'Note ' || n, '{calm,\"it''s \\\"busy\\\"\"}', ROW(n, 1.5, 'a \"b\", c')::acme.place, 'free',
            tsrange('2020-01-01'::timestamp + n * interval '1 day', '2020-01-01'::timestamp + (n + 1) * interval '1 day'),
            '1999-12-31'
        FROM generate_series(1, 50) AS n;
    DELETE FROM acme.note WHERE id % 7 = 0;
    INSERT INTO acme.\"odd Name\" (\"a\"\"b\") VALUES ('x'), (NULL);
    INSERT INTO acme.scratch (note) VALUES (1);
    REFRESH MATERIALIZED VIEW acme.statistics; REFRESH MATERIALIZED VIEW acme.a_sum";

pub(super) async fn rich(migrations: &Migrations) -> (TestDatabase, DatabaseConnection) {
    let (database, db) = with_tenants(migrations, &["acme"]).await;
    let disable = "ALTER TABLE acme.note DISABLE TRIGGER touch, DISABLE TRIGGER late";
    db.execute_unprepared(disable).await.unwrap();
    db.execute_unprepared(ROWS).await.unwrap();
    (database, db)
}

/// Returns all rows of a schema as text, table by table.
pub(super) async fn rows(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for table in [
        "owner",
        "note",
        "odd Name",
        "scratch",
        "statistics",
        "a_sum",
        "seaql_migrations",
    ] {
        let sql = format!("SELECT '{table} ' || t::text FROM \"{schema}\".\"{table}\" AS t ORDER BY 1");
        rows.extend(column(db, &sql).await);
    }
    for sequence in [
        "owner_id_seq",
        "note_id_seq",
        "odd Name_Id_seq",
        "ticket",
        "scratch_id_seq",
    ] {
        let sql = format!("SELECT '{sequence} ' || last_value || is_called FROM \"{schema}\".\"{sequence}\"");
        rows.extend(column(db, &sql).await);
    }
    rows
}

async fn assert_clean(db: &DatabaseConnection) {
    let found = audit(db, &Expected::new(Registry::default())).await.unwrap();
    assert_eq!(found.errors(), 0, "{:?}", found.findings());
}

#[tokio::test]
async fn a_copy_is_the_same_and_has_nothing_of_its_source() {
    let migrations = with([RICH]).with_tenant_roles(TenantRoles::new());
    let (database, db) = rich(&migrations).await;
    let before = rows(&db, "acme").await;
    assert!(before.len() > 50, "{before:?}");
    for name in ["globex", "my-umbrella", "order"] {
        let copied = clone_tenant(&db, &migrations, &schema("acme"), &new(name), CloneData::Rows)
            .await
            .unwrap();
        let store = SeaOrmStore::new(db.clone());
        let found = store.by_schema(&schema(name)).await.unwrap().unwrap();
        assert!(copied.left_out.is_empty(), "{copied:?}");
        let copied = copied.tenant;
        assert_eq!((copied.id(), copied.version()), (found.id(), found.version()));
        assert_eq!(copied.version(), Some("m1_rich"));
        assert_eq!(copied.domain(), Some(format!("{name}.example.com").as_str()));
        assert_eq!(found.status(), TenantStatus::Active);
        assert_eq!(rows(&db, name).await, before, "{name}");
        assert_same(&dump(&database, name, &[]), &dump(&database, "acme", &[]), name);
    }
    assert_clean(&db).await;
    // Changes to the copy do not affect the source.
    let change = "INSERT INTO globex.owner (email) VALUES ('new@b');
        DROP TABLE globex.scratch; DELETE FROM globex.note; UPDATE globex.\"odd Name\" SET \"a\"\"b\" = 'changed'";
    db.execute_unprepared(change).await.unwrap();
    assert_eq!(rows(&db, "acme").await, before);
    db.execute_unprepared("DROP SCHEMA acme CASCADE").await.unwrap();
    assert_eq!(rows(&db, "my-umbrella").await, before);
    let more = up(&database, &with([RICH, TAG])).await;
    assert!(
        outcomes(&more).contains(&"globex: applied m2_create_tag".to_owned()),
        "{:?}",
        outcomes(&more)
    );
}

#[tokio::test]
async fn without_rows_it_is_as_if_new() {
    let migrations = with([RICH]);
    let (database, db) = rich(&migrations).await;
    db.execute_unprepared("ALTER TABLE acme.note ENABLE TRIGGER touch, ENABLE TRIGGER late")
        .await
        .unwrap();
    clone_tenant(
        &db,
        &migrations,
        &schema("acme"),
        &new("globex"),
        CloneData::Structure,
    )
    .await
    .unwrap();
    create_tenant(&db, &migrations, &new("initech")).await.unwrap();
    let strip = |rows: Vec<String>| {
        rows.into_iter()
            .filter(|row| !row.starts_with("seaql"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        strip(rows(&db, "globex").await),
        strip(rows(&db, "initech").await)
    );
    assert_same(
        &dump(&database, "globex", &[]),
        &dump(&database, "initech", &[]),
        "globex",
    );
    assert_eq!(ledger(&db, "globex").await, ["m1_rich"]);
}

async fn refused(db: &DatabaseConnection, migrations: &Migrations, data: CloneData) -> LifecycleError {
    let refused = clone_tenant(db, migrations, &schema("acme"), &new("globex"), data).await;
    let left = "SELECT FROM pg_namespace WHERE nspname = 'globex' UNION ALL SELECT FROM public.tenants WHERE schema_name = 'globex'
        UNION ALL SELECT FROM public.domains WHERE domain = 'globex.example.com'";
    assert_eq!(count(db, left).await, 0);
    refused.unwrap_err()
}

#[tokio::test]
async fn what_would_reach_the_source_is_refused() {
    let body = "CREATE FUNCTION acme.f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM acme.tag'";
    let path = "CREATE FUNCTION acme.f() RETURNS int LANGUAGE sql SET search_path = acme AS 'SELECT 1'";
    let text = "ALTER TABLE acme.tag ADD n bigint DEFAULT nextval('acme.s'::text)";
    let check = "ALTER TABLE acme.tag ADD CHECK (current_schema() IN ('acme', 'public'))";
    let view =
        "CREATE VIEW acme.v AS SELECT count(*) FROM query_to_xml('SELECT FROM ACME.tag', true, true, '')";
    let policy = "CREATE POLICY p ON acme.tag USING (current_user = 'tenant.app.acme')";
    for sql in [body, path, text, check, view, policy] {
        let (_database, db) = with_tenants(&with([TAG]), &["acme"]).await;
        db.execute_unprepared(sql).await.unwrap();
        let error = refused(&db, &with([TAG]), CloneData::Structure).await;
        assert!(
            matches!(
                error,
                LifecycleError::Schema {
                    source: SchemaError::NamesItself { .. },
                    ..
                }
            ),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_named() {
    let cases = [
        (
            "CREATE TABLE acme.parts (id int) PARTITION BY RANGE (id);
             CREATE TABLE public.parts_1 PARTITION OF acme.parts FOR VALUES FROM (1) TO (2)",
            "table public.parts_1",
        ),
        (
            "CREATE TABLE acme.parts (id int) PARTITION BY RANGE (id);
             CREATE TABLE acme.parts_1 PARTITION OF acme.parts FOR VALUES FROM (1) TO (2); CREATE INDEX i ON ONLY acme.parts (id)",
            "index acme.i is not valid",
        ),
        ("GRANT SELECT ON acme.tag TO PUBLIC", "table acme.tag has rights"),
        ("GRANT USAGE ON SCHEMA acme TO PUBLIC", "schema acme has rights"),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT ON TABLES TO PUBLIC",
            "has rights that everybody, or another tenant, was given",
        ),
        (
            "CREATE TABLE public.child () INHERITS (acme.tag)",
            "table public.child depends on the schema from outside",
        ),
        (
            "CREATE TABLE public.parent (id int); CREATE TABLE acme.child () INHERITS (public.parent)",
            "table acme.child inherits from a table of another schema",
        ),
        (
            "CREATE TABLE acme.l (a int, b int); CREATE TABLE acme.r (b int, a int);
             CREATE TABLE acme.lr () INHERITS (acme.l, acme.r); CREATE TABLE acme.rl () INHERITS (acme.r, acme.l)",
            "needs something that needs it in turn",
        ),
        (
            "CREATE RULE r AS ON DELETE TO acme.tag DO INSTEAD NOTHING",
            "rule r on table acme.tag is a rule",
        ),
        (
            "CREATE TEXT SEARCH CONFIGURATION acme.own (COPY = simple);
             ALTER TABLE acme.tag ADD config regconfig DEFAULT 'acme.own'",
            "column tag.config has numbers of text search configurations",
        ),
        ("CREATE TYPE acme.r AS RANGE (subtype = float8)", "acme.r"),
        (
            "ALTER TABLE acme.tag OWNER TO pg_monitor",
            "table acme.tag belongs to somebody else",
        ),
        (
            "CREATE TABLE public.t (id int REFERENCES acme.k)",
            "constraint t_id_fkey on table public.t depends on the schema",
        ),
        (
            "ALTER TABLE acme.tag ADD number regclass",
            "column tag.number has the numbers of objects",
        ),
        (
            "ALTER TABLE acme.tag ADD numbers oid[]",
            "column tag.numbers has the numbers of objects",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON acme.tag ((1 / id))",
            "index acme.i is not valid",
        ),
    ];
    for (sql, reason) in cases {
        let (_database, db) = with_tenants(&with([TAG]), &["acme"]).await;
        db.execute_unprepared("CREATE TABLE acme.k (id int PRIMARY KEY); INSERT INTO acme.tag VALUES (0)")
            .await
            .unwrap();
        let done = db.execute_unprepared(sql).await;
        assert!(done.is_ok() || sql.contains("CONCURRENTLY"), "{sql}: {done:?}");
        let error = refused(&db, &with([TAG]), CloneData::Rows).await;
        assert!(
            matches!(error, LifecycleError::Unsupported { .. }),
            "{sql}: {error}"
        );
        assert!(error.to_string().contains(reason), "{sql}: {error}");
    }
}

/// Objects beside tables are copied: aggregates, statistics, text search, rights and comments.
const MORE: &str = "
    CREATE FUNCTION acme.longer(text, text) RETURNS text LANGUAGE sql SET search_path = acme, pg_temp
        AS 'SELECT CASE WHEN length($1) > length($2) THEN $1 ELSE $2 END';
    CREATE AGGREGATE acme.longest (text) (SFUNC = acme.longer, STYPE = text, INITCOND = '', PARALLEL = SAFE);
    CREATE FUNCTION acme.longer(int, int) RETURNS int LANGUAGE sql SET search_path = acme, pg_temp
        AS 'SELECT greatest($1, $2)';
    CREATE AGGREGATE acme.how_many (*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', MSFUNC = int8inc, MINVFUNC = int8dec,
        MSTYPE = int8, MINITCOND = '0');
    CREATE AGGREGATE acme.my_max (int) (SFUNC = acme.longer, STYPE = int, COMBINEFUNC = acme.longer, SORTOP = >);
    CREATE AGGREGATE acme.middle (float8 ORDER BY \"any\") (SFUNC = ordered_set_transition, STYPE = internal,
        FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA, FINALFUNC_MODIFY = SHAREABLE);
    COMMENT ON AGGREGATE acme.longest (text) IS 'The longest of them';
    COMMENT ON AGGREGATE acme.how_many (*) IS 'All';
    CREATE VIEW acme.summary AS SELECT acme.longest(name) AS longest FROM acme.member;
    CREATE STATISTICS acme.tag_id (ndistinct) ON id, (id % 10) FROM acme.tag;
    CREATE STATISTICS acme.one ON (id + 1) FROM acme.tag;
    ALTER STATISTICS acme.tag_id SET STATISTICS 50;
    COMMENT ON STATISTICS acme.tag_id IS 'ten of each';
    CREATE TEXT SEARCH DICTIONARY acme.stem (TEMPLATE = snowball, LANGUAGE = english, STOPWORDS = english);
    CREATE TEXT SEARCH CONFIGURATION acme.words (PARSER = default);
    ALTER TEXT SEARCH CONFIGURATION acme.words ADD MAPPING FOR asciiword, word WITH acme.stem, simple;
    COMMENT ON TEXT SEARCH CONFIGURATION acme.words IS 'English words';
    COMMENT ON TEXT SEARCH DICTIONARY acme.stem IS 'Stems';
    ALTER TABLE acme.member ADD vector tsvector GENERATED ALWAYS AS (to_tsvector('acme.words', name)) STORED,
        ADD config regconfig DEFAULT 'english', ADD configs regconfig[] DEFAULT '{german}';
    CREATE INDEX ON acme.member USING gin (to_tsvector('acme.words'::regconfig, name));
    COMMENT ON SCHEMA acme IS 'Acme''s \"own\"';
    GRANT USAGE ON SCHEMA acme TO {reader} WITH GRANT OPTION;
    GRANT SELECT ON acme.tag, acme.summary TO {reader};
    GRANT SELECT (name), UPDATE (id, name) ON acme.member TO {reader};
    GRANT USAGE ON acme.member_id_seq TO {reader};
    GRANT ALL ON acme.note TO {reader} WITH GRANT OPTION;
    REVOKE EXECUTE ON FUNCTION acme.longer(int, int) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION acme.longer(int, int) TO {reader};
    REVOKE ALL ON FUNCTION acme.longest(text) FROM PUBLIC;
    REVOKE TRUNCATE ON acme.note FROM CURRENT_USER;
    REVOKE USAGE ON TYPE acme.mood FROM PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT SELECT ON TABLES TO {reader};
    ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT EXECUTE ON FUNCTIONS TO {reader};
    ALTER DEFAULT PRIVILEGES IN SCHEMA acme GRANT USAGE ON TYPES TO {reader}";

#[tokio::test]
async fn rights_comments_aggregates_statistics_and_text_search_are_copied() {
    let tables = Sql::new(
        "m2_tables",
        "CREATE TABLE tag (id int); INSERT INTO tag SELECT generate_series(1, 100); CREATE TYPE mood AS ENUM ('calm');
         CREATE TABLE member (id serial, name text); INSERT INTO member (name) VALUES ('Acme'), ('running')",
        "",
    );
    let migrations = with([NOTE, tables]).with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    let reader = format!("\"reader.{}\"", database.name());
    db.execute_unprepared(&format!("CREATE ROLE {reader}"))
        .await
        .unwrap();
    db.execute_unprepared(&MORE.replace("{reader}", &reader))
        .await
        .unwrap();
    for name in ["globex", "my-umbrella"] {
        let copied = clone_tenant(&db, &migrations, &schema("acme"), &new(name), CloneData::Rows).await;
        assert!(copied.unwrap().left_out.is_empty());
        let content = |name: &str| dump(&database, name, &["--no-privileges"]);
        assert_same(&content(name), &content("acme"), name);
        let rights = async |name: &str| {
            let sql = format!(
                "SELECT concat_ws(' ', name, grantee::regrole, privilege_type, is_grantable) FROM (
                    SELECT relname, relacl FROM pg_class WHERE relnamespace = '{0}'::regnamespace
                    UNION ALL SELECT proname, proacl FROM pg_proc WHERE pronamespace = '{0}'::regnamespace
                    UNION ALL SELECT typname, typacl FROM pg_type WHERE typnamespace = '{0}'::regnamespace
                    UNION ALL SELECT attname, attacl FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                        WHERE relnamespace = '{0}'::regnamespace
                    UNION ALL SELECT 'the schema', nspacl FROM pg_namespace WHERE oid = '{0}'::regnamespace
                    UNION ALL SELECT 'new ' || defaclobjtype::text, defaclacl FROM pg_default_acl
                        WHERE defaclnamespace = '{0}'::regnamespace
                ) AS objects (name, acl) CROSS JOIN aclexplode(acl)
                WHERE grantee::regrole::text NOT LIKE '%tenant.%' ORDER BY 1",
                format!("\"{name}\"")
            );
            column(&db, &sql).await
        };
        let of_source = rights("acme").await;
        assert!(
            of_source.len() > 40 && of_source == rights(name).await,
            "{of_source:?}"
        );
        let run = format!(
            "SELECT concat_ws(' ', \"{name}\".longest(name), \"{name}\".how_many(*), \"{name}\".my_max(id), count(vector),
                string_agg(vector::text, ' '), min(config::text), min(configs::text)) FROM \"{name}\".member"
        );
        assert_eq!(
            column(&db, &run).await,
            ["running 2 2 2 'acm':1 'run':1 english {german}"]
        );
        let comment = format!("SELECT obj_description('\"{name}\"'::regnamespace)");
        assert_eq!(column(&db, &comment).await, ["Acme's \"own\""]);
    }
    // A copy of a copy is the same again, and no rights come from the source's role.
    clone_tenant(
        &db,
        &migrations,
        &schema("globex"),
        &new("third"),
        CloneData::Structure,
    )
    .await
    .unwrap();
    let role = format!("tenant.{}.acme", database.name());
    let reads = format!("SELECT has_table_privilege('{role}', 'globex.tag', 'SELECT')");
    assert_eq!(column(&db, &reads).await, ["false"]);
    let reads = |table: &str| {
        format!(
            "SELECT has_table_privilege('{}', '{table}', 'SELECT')",
            reader.replace('"', "")
        )
    };
    db.execute_unprepared("CREATE TABLE globex.later ()")
        .await
        .unwrap();
    for table in ["globex.tag", "third.tag", "globex.later"] {
        assert_eq!(column(&db, &reads(table)).await, ["true"], "{table}");
    }
    for name in ["acme", "globex", "my-umbrella", "third"] {
        db.execute_unprepared(&format!("DROP SCHEMA \"{name}\" CASCADE"))
            .await
            .unwrap();
        tenant_migration::drop_tenant_role(&db, &schema(name))
            .await
            .unwrap();
    }
    db.execute_unprepared(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"))
        .await
        .unwrap();
}

/// Tables that inherit in all ways: from several parents, with columns and checks of their own that merge with a parent's, and
/// with columns that a parent got later.
const INHERITANCE: Sql = Sql::new(
    "m2_inheritance",
    "CREATE TYPE mood AS ENUM ('calm');
    CREATE DOMAIN title AS text CHECK (VALUE <> '');
    CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
    CREATE TABLE animal (id serial PRIMARY KEY, name title COLLATE \"C\" NOT NULL DEFAULT 'x', mood mood,
        legs int DEFAULT 4 CONSTRAINT legged CHECK (legs > 0), double int GENERATED ALWAYS AS (twice(legs)) STORED) WITH (fillfactor = 90);
    CREATE TABLE dog (race text, CONSTRAINT legged CHECK (legs > 0), CONSTRAINT own CHECK (race <> 'cat') NO INHERIT) INHERITS (animal);
    CREATE TABLE bird (legs int DEFAULT 2, wings int) INHERITS (animal);
    CREATE TABLE puppy (age int) INHERITS (dog);
    ALTER TABLE animal ADD born date, ADD CONSTRAINT young CHECK (born > '1900-01-01'), ADD gone int;
    ALTER TABLE animal DROP COLUMN gone;
    ALTER TABLE dog ALTER race SET NOT NULL, ALTER born SET DEFAULT '2020-01-01';
    ALTER TABLE puppy ADD weight int, ADD owner text, ADD since date;
    CREATE TABLE owned (owner text, since date);
    ALTER TABLE puppy INHERIT owned;
    ALTER TABLE ONLY bird ALTER name DROP DEFAULT;
    ALTER TABLE dog ALTER name SET STORAGE EXTERNAL, ALTER name SET STATISTICS 7, ALTER race SET COMPRESSION pglz;
    CREATE TABLE keyed (id int GENERATED BY DEFAULT AS IDENTITY (START 10), v text);
    CREATE TABLE keyed_child (id int) INHERITS (keyed);
    CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY) INHERITS (keyed_child);
    CREATE TABLE l (a int, b int); CREATE TABLE r (b int, a int);
    CREATE TABLE lr () INHERITS (l, r); CREATE TABLE deep (c int) INHERITS (lr); CREATE TABLE merged (d int) INHERITS (deep, l);
    ALTER TABLE l ADD z mood[], ADD CONSTRAINT lz CHECK (a > 0);
    CREATE TABLE alone () INHERITS (l); ALTER TABLE alone NO INHERIT l;
    CREATE TABLE late (a int, z mood[], b int, CONSTRAINT lz CHECK (a > 0)); ALTER TABLE late INHERIT l;
    CREATE UNLOGGED TABLE quick () INHERITS (l);
    CREATE INDEX ON dog (race); ALTER TABLE puppy ADD PRIMARY KEY (id);
    CREATE TABLE ref (dog int REFERENCES animal, puppy int REFERENCES puppy);
    CREATE VIEW animals AS SELECT animal.*, tableoid::regclass::text AS kind FROM animal;
    CREATE VIEW quickly AS SELECT * FROM quick; CREATE VIEW grouped AS SELECT id, name FROM animal GROUP BY id;
    CREATE FUNCTION name_of(animal) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT ($1).name; END;
    CREATE TRIGGER t BEFORE UPDATE ON dog FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
    COMMENT ON TABLE dog IS 'dogs'; COMMENT ON COLUMN dog.born IS 'b'; COMMENT ON CONSTRAINT legged ON puppy IS 'inherited';
    ALTER TABLE animal ADD CONSTRAINT later CHECK (name <> 'bad') NOT VALID;
    ALTER TABLE dog ENABLE ROW LEVEL SECURITY;
    CREATE TABLE nothing (); CREATE TABLE no_more () INHERITS (nothing);
    CREATE TABLE \"odd Name\" (\"a b\" int); CREATE TABLE \"Odd\" () INHERITS (\"odd Name\"); ALTER TABLE \"odd Name\" ADD \"C\" text;
    INSERT INTO animal (name) VALUES ('snake'); INSERT INTO dog (name, race) VALUES ('rex', 'collie');
    INSERT INTO puppy (name, race, age) VALUES ('pup', 'x', 1); INSERT INTO bird (name) VALUES ('tit');
    INSERT INTO l VALUES (1, 2); INSERT INTO merged VALUES (3, 4); INSERT INTO deep VALUES (5, 6);
    INSERT INTO keyed (v) VALUES ('a'), ('b'); INSERT INTO keyed_child VALUES (1, 'c')",
    "",
);

/// The structure that PostgreSQL 18 adds.
const INHERITANCE_18: &str = "
    SET search_path = acme;
    CREATE TABLE p (a int CONSTRAINT a_there NOT NULL, b int CONSTRAINT b_there NOT NULL NO INHERIT, c int,
        v int GENERATED ALWAYS AS (a * 2) VIRTUAL, s int GENERATED ALWAYS AS (a * 3) STORED);
    CREATE TABLE c (a int CONSTRAINT mine NOT NULL, x int) INHERITS (p);
    CREATE TABLE d (v int GENERATED ALWAYS AS (a * 5) VIRTUAL, s int GENERATED ALWAYS AS (a * 7) STORED) INHERITS (p);
    CREATE TABLE e (s int GENERATED ALWAYS AS (a * 11) STORED, v int GENERATED ALWAYS AS (a * 12) VIRTUAL) INHERITS (c, d);
    ALTER TABLE p ADD CONSTRAINT soft NOT NULL c NOT VALID, ADD CONSTRAINT off CHECK (c > 0) NOT ENFORCED;
    CREATE TABLE f (a int, c int NOT NULL, q int); CREATE TABLE g () INHERITS (f);
    CREATE TABLE h (LIKE f INCLUDING ALL); ALTER TABLE h INHERIT f; ALTER TABLE f ADD PRIMARY KEY (a);
    ALTER TABLE ONLY f DROP COLUMN q; ALTER TABLE f ADD fk int REFERENCES f (a);
    INSERT INTO p (a, b, c) VALUES (1, 2, 3); INSERT INTO e (a, b, c) VALUES (1, NULL, 3);
    RESET search_path";

/// Returns what the catalogs say of inheritance in a schema: parents, columns and constraints.
async fn inheritance(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!(
        "SELECT concat_ws(' ', child.relname, 'inherits', parent.relname, row_number() OVER (PARTITION BY inhrelid ORDER BY inhseqno))
        FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
        WHERE child.relnamespace = '\"{schema}\"'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', relname, attname, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attislocal, attinhcount,
            attnotnull, attidentity, attgenerated, attcompression, attstorage)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = '\"{schema}\"'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT concat_ws(' ', relname, conname, contype, conislocal, coninhcount, connoinherit, convalidated)
        FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE relnamespace = '\"{schema}\"'::regnamespace
        ORDER BY 1"
    );
    column(db, &sql).await
}

#[tokio::test]
async fn inheritance_is_copied() {
    let migrations = with([TAG, INHERITANCE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    let version = column(&db, "SELECT current_setting('server_version_num')").await;
    let is_18 = version[0].parse::<u32>().unwrap() >= 180_000;
    if is_18 {
        database.execute(INHERITANCE_18).await;
    }
    let of_source = inheritance(&db, "acme").await;
    for expected in [
        "puppy inherits owned 2",
        // An inherited column after one of its own, and one that is both.
        "puppy born 8 f 1 f",
        "bird legs 4 t 1 f",
        "dog legged c t 1 f t",
    ] {
        let is_there = of_source.iter().any(|line| line.starts_with(expected));
        assert!(is_there, "{expected}: {of_source:#?}");
    }
    let sources = [("acme", "globex"), ("acme", "my-umbrella"), ("globex", "third")];
    for (source, name) in sources {
        clone_tenant(&db, &migrations, &schema(source), &new(name), CloneData::Rows)
            .await
            .unwrap();
        assert_eq!(inheritance(&db, name).await, of_source, "{name}");
        assert_same(&dump(&database, name, &[]), &dump(&database, "acme", &[]), name);
        for table in ["animal", "l", "keyed"].into_iter().chain(is_18.then_some("p")) {
            let of_source = rows_of_parts(&db, "acme", table).await;
            assert!(of_source.len() > 1, "{table}");
            assert_eq!(rows_of_parts(&db, name, table).await, of_source, "{name}.{table}");
        }
    }
    // The copy's tables inherit from each other, and not from the source's.
    db.execute_unprepared(
        "ALTER TABLE globex.animal DROP COLUMN born CASCADE, DROP COLUMN legs CASCADE; DROP SCHEMA acme CASCADE",
    )
    .await
    .unwrap();
    let columns = "SELECT attrelid::regclass || '.' || attname FROM pg_attribute
        WHERE attname IN ('born', 'legs') AND attrelid = ANY ('{globex.dog,globex.puppy,globex.bird}'::regclass[])";
    assert_eq!(column(&db, columns).await, ["globex.bird.legs"]);
    assert_eq!(count(&db, "SELECT FROM globex.animal").await, 4);
}

/// Partitions of all kinds, with keys, indexes, triggers and checks that are their parent's and that are their own.
const PARTITIONS: Sql = Sql::new(
    "m2_partitions",
    "CREATE TABLE place (id int PRIMARY KEY);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY, at date NOT NULL, place int REFERENCES place, body text DEFAULT 'x',
      double bigint GENERATED ALWAYS AS (place * 2) STORED,
      PRIMARY KEY (id, at), CHECK (place > 0)) PARTITION BY RANGE (at);
    CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (at);
    CREATE TABLE event_2026_1 PARTITION OF event_2026 FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE event_rest PARTITION OF event DEFAULT;
    CREATE INDEX event_body ON event (body);
    CREATE INDEX event_2025_own ON event_2025 (place);
    CREATE UNIQUE INDEX event_place ON event (at, place);
    CREATE TRIGGER touch BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TABLE by_hash (id serial, tenant text) PARTITION BY HASH (lower(tenant));
    CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE by_hash_1 (tenant text, id int NOT NULL);
    ALTER TABLE by_hash ATTACH PARTITION by_hash_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    COMMENT ON TABLE event IS 'events'; COMMENT ON INDEX event_body IS 'i';
    ALTER TABLE event_2025 ENABLE ROW LEVEL SECURITY; ALTER TABLE event ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON event USING (true);
    INSERT INTO place VALUES (1),(2),(3);
    INSERT INTO event (at, place) VALUES ('2025-03-01',1),('2026-03-01',2),('2030-01-01',3);
    INSERT INTO by_hash (tenant) SELECT 't'||n FROM generate_series(1,10) n;
    CREATE TABLE log (id int, at date, FOREIGN KEY (id, at) REFERENCES event);
    CREATE TYPE mood AS ENUM ('calm','busy'); CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TABLE by_mood (mood mood, name text COLLATE \"C\" CONSTRAINT named CHECK (name <> ''), n int) PARTITION BY LIST (mood);
    CREATE TABLE by_mood_calm PARTITION OF by_mood (n DEFAULT 5, CONSTRAINT own CHECK (n > 1)) FOR VALUES IN ('calm') PARTITION BY RANGE (name COLLATE \"C\", (n + 1));
    CREATE TABLE by_mood_calm_a PARTITION OF by_mood_calm FOR VALUES FROM ('a', MINVALUE) TO ('b', MAXVALUE) WITH (fillfactor = 70);
    CREATE TABLE by_mood_none PARTITION OF by_mood FOR VALUES IN (NULL);
    CREATE UNLOGGED TABLE x_unlogged (mood mood, name text, n int);
    CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON by_mood DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.n > 2) EXECUTE FUNCTION seen();
    CREATE TRIGGER statement AFTER UPDATE ON by_mood FOR EACH STATEMENT EXECUTE FUNCTION seen();
    CREATE TRIGGER own AFTER INSERT ON by_mood_calm_a FOR EACH ROW EXECUTE FUNCTION seen();
    ALTER TABLE by_mood_calm_a DISABLE TRIGGER seen;
    CREATE INDEX names ON by_mood USING btree (name text_pattern_ops) INCLUDE (n) WHERE n > 0;
    ALTER INDEX by_mood_calm_a_name_n_idx RENAME TO another; COMMENT ON INDEX another IS 'renamed';
    ALTER TABLE by_mood_calm_a ALTER name SET STATISTICS 7; ALTER TABLE by_mood ADD late int DEFAULT 3; ALTER TABLE by_mood DROP COLUMN late; ALTER TABLE by_mood ADD later int NOT NULL DEFAULT 4;
    ALTER TABLE by_mood ADD CONSTRAINT soft CHECK (n < 1000) NOT VALID;
    INSERT INTO by_mood VALUES ('calm','abc',7),(NULL,'x',3);
    CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree) PARTITION BY RANGE (id);
    CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (1) TO (10); INSERT INTO tree VALUES (1,NULL),(2,1);
    CREATE STATISTICS st ON n, later FROM by_mood; CREATE VIEW vi AS SELECT * FROM by_mood_calm",
    "",
);

#[tokio::test]
async fn partitions_are_copied() {
    let migrations = with([TAG, PARTITIONS]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    for name in ["globex", "my-umbrella"] {
        clone_tenant(&db, &migrations, &schema("acme"), &new(name), CloneData::Rows)
            .await
            .unwrap();
        assert_same(&dump(&database, name, &[]), &dump(&database, "acme", &[]), name);
        for table in ["event", "by_hash", "by_mood", "tree"] {
            let of_source = rows_of_parts(&db, "acme", table).await;
            assert!(!of_source.is_empty(), "{table}");
            assert_eq!(rows_of_parts(&db, name, table).await, of_source, "{name}.{table}");
        }
    }
    let insert = "INSERT INTO globex.event (at, place) VALUES ('2026-02-01', 2) RETURNING tableoid::regclass";
    let part = db.query_one_raw(Statement::from_string(
        DatabaseBackend::Postgres,
        format!("WITH x AS ({insert}) SELECT tableoid::text AS x FROM x"),
    ));
    assert_eq!(
        part.await.unwrap().unwrap().try_get::<String>("", "x").unwrap(),
        "globex.event_2026_1"
    );
    let more = "INSERT INTO globex.event (at, place) VALUES ('2026-02-01', 9)";
    assert!(
        db.execute_unprepared(more)
            .await
            .unwrap_err()
            .to_string()
            .contains("event_place_fkey")
    );
    db.execute_unprepared("DROP SCHEMA acme CASCADE").await.unwrap();
    assert_eq!(count(&db, "SELECT FROM globex.event").await, 4);
    clone_tenant(
        &db,
        &migrations,
        &schema("globex"),
        &new("third"),
        CloneData::Structure,
    )
    .await
    .unwrap();
    assert_eq!(count(&db, "SELECT FROM third.event").await, 0);
}

#[tokio::test]
async fn rights_of_other_tenants_are_not_copied() {
    let migrations = with([TAG]).with_tenant_roles(TenantRoles::new());
    let (database, db) = with_tenants(&migrations, &["acme", "initech"]).await;
    for role in [
        format!("tenant.{}.initech", database.name()),
        format!("tenants.{}", database.name()),
    ] {
        for right in [
            "SELECT ON acme.tag",
            "USAGE ON SCHEMA acme",
            "SELECT (id) ON acme.tag",
        ] {
            db.execute_unprepared(&format!("GRANT {right} TO \"{role}\""))
                .await
                .unwrap();
            let error = refused(&db, &migrations, CloneData::Rows).await;
            assert!(
                error
                    .to_string()
                    .contains("has rights that everybody, or another tenant"),
                "{error}"
            );
            db.execute_unprepared(&format!("REVOKE {right} FROM \"{role}\""))
                .await
                .unwrap();
        }
    }
    clone_tenant(&db, &migrations, &schema("acme"), &new("globex"), CloneData::Rows)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_about_the_source_from_outside_is_left_out_and_reported() {
    let migrations = with([TAG]);
    let (database, db) = with_tenants(&migrations, &["acme", "initech"]).await;
    db.execute_unprepared(
        "CREATE VIEW public.tags AS SELECT id FROM acme.tag UNION ALL SELECT id FROM initech.tag;
         CREATE VIEW public.more AS SELECT * FROM public.tags; CREATE PUBLICATION p FOR TABLE acme.tag",
    )
    .await
    .unwrap();
    let expected = [
        "publication of table acme.tag in publication p",
        "view public.tags",
    ];
    let copied = clone_tenant(&db, &migrations, &schema("acme"), &new("globex"), CloneData::Rows)
        .await
        .unwrap();
    assert_eq!(copied.left_out, expected);
    assert_eq!(tables(&db, "globex").await, ["seaql_migrations", "tag"]);
    let members = "SELECT schemaname FROM pg_publication_tables";
    assert_eq!(column(&db, members).await, ["acme"]);
    let (out, result) = cli(&database, &migrations, &["tenant", "clone", "acme", "other"]).await;
    result.unwrap();
    assert!(
        out.contains("\nleft out: view public.tags, which is outside of the schema\n"),
        "{out}"
    );
    let (out, result) = cli(
        &database,
        &migrations,
        &["tenant", "create", "third", "--from", "acme"],
    )
    .await;
    result.unwrap();
    assert!(out.contains("\nleft out: view public.tags"), "{out}");
}

#[tokio::test]
async fn tenants_that_cannot_be_copied_say_why() {
    let trial = Set(vec![TAG]);
    let migrations = with([TAG]).for_kind("trial", trial);
    let (_database, db) = with_tenants(&migrations, &["acme", "taken"]).await;
    let copy = async |source: &str, new: NewTenant| {
        let result = clone_tenant(&db, &migrations, &schema(source), &new, CloneData::Rows).await;
        result.unwrap_err()
    };
    let error = copy("nobody", new("globex")).await;
    assert!(
        matches!(error, LifecycleError::Lookup(LookupError::NoSuchTenant { .. })),
        "{error}"
    );
    let error = copy("acme", new("TAKEN")).await;
    assert!(
        matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. })),
        "{error}"
    );
    let domain = Host::parse("taken.example.com").unwrap();
    let error = copy("acme", new("globex").domain(domain)).await;
    assert!(
        matches!(error, LifecycleError::Name(NameError::DomainTaken { .. })),
        "{error}"
    );
    let error = copy("acme", new("globex").kind("trial")).await;
    assert!(matches!(error, LifecycleError::OtherMigrations { .. }), "{error}");
    let error = copy("acme", NewTenant::new(SchemaName::shared(), "Main")).await;
    assert!(matches!(error, LifecycleError::PublicTenant { .. }), "{error}");
    let error = copy("acme", new("acme")).await;
    assert!(
        matches!(error, LifecycleError::Name(NameError::SchemaTaken { .. })),
        "{error}"
    );
    let begun = "COMMENT ON TABLE acme.seaql_migrations IS 'tenant-migration: began up m2_create_tag'";
    db.execute_unprepared(begun).await.unwrap();
    let error = copy("acme", new("globex")).await;
    assert!(
        matches!(
            error,
            LifecycleError::Schema {
                source: SchemaError::Unfinished { .. },
                ..
            }
        ),
        "{error}"
    );
    db.execute_unprepared("DROP TABLE acme.seaql_migrations")
        .await
        .unwrap();
    let error = copy("acme", new("globex")).await;
    assert!(
        matches!(
            error,
            LifecycleError::Schema {
                source: SchemaError::NoLedger,
                ..
            }
        ),
        "{error}"
    );
    db.execute_unprepared("UPDATE public.tenants SET status = 'dropping' WHERE schema_name = 'acme'")
        .await
        .unwrap();
    let error = copy("acme", new("globex")).await;
    assert!(matches!(error, LifecycleError::WrongStatus { .. }), "{error}");
    assert_eq!(count(&db, "SELECT FROM public.tenants").await, 2);
}

#[tokio::test]
async fn a_large_tenant_is_not_copied_in_one_transaction() {
    let (_database, db) = with_tenants(&with([TAG]), &["acme"]).await;
    let locks = column(
        &db,
        "SELECT current_setting('max_locks_per_transaction')::int
         * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)",
    )
    .await;
    let tables = locks[0].parse::<u32>().unwrap() / 4 / 2 + 1;
    // In batches, since creating all tables in one transaction would need too many locks, too.
    for start in (0..tables).step_by(500) {
        let end = Ord::min(start + 500, tables) - 1;
        let make = format!(
            "DO 'BEGIN FOR i IN {start}..{end} LOOP EXECUTE format(''CREATE TABLE acme.t%s ()'', i); END LOOP; END'"
        );
        db.execute_unprepared(&make).await.unwrap();
    }
    let error = refused(&db, &with([TAG]), CloneData::Structure).await;
    assert!(
        matches!(
            error,
            LifecycleError::Schema {
                source: SchemaError::TooLarge { .. },
                ..
            }
        ),
        "{error}"
    );
}

/// The copy has the source's rows of one moment, while the application continues to write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_source_is_copied_as_it_was_at_one_moment() {
    let pair = Sql::new(
        "m1_pair",
        "CREATE TABLE one (n int); CREATE TABLE other (n int); INSERT INTO one VALUES (0); INSERT INTO other VALUES (0)",
        "",
    );
    let migrations = with([pair]);
    let (_database, db) = with_tenants(&migrations, &["acme"]).await;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let write = async {
        let mut writes = 0;
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            let both = "UPDATE acme.one SET n = n + 1; UPDATE acme.other SET n = n + 1";
            db.execute_unprepared(both).await.unwrap();
            writes += 1;
        }
        writes
    };
    let copy = async {
        let mut copied = Vec::new();
        for n in 0..10 {
            let name = format!("copy{n}");
            clone_tenant(&db, &migrations, &schema("acme"), &new(&name), CloneData::Rows)
                .await
                .unwrap();
            let sql = format!("SELECT one.n || ' ' || other.n FROM {name}.one, {name}.other");
            copied.extend(column(&db, &sql).await);
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        copied
    };
    let (writes, copied) = tokio::join!(write, copy);
    assert!(writes > 10);
    let mut seen = std::collections::BTreeSet::new();
    for copy in copied {
        let (one, other) = copy.split_once(' ').unwrap();
        assert_eq!(one, other);
        seen.insert(one.to_owned());
    }
    assert!(seen.len() > 1, "{seen:?}");
}

/// Cloning waits for a run that has the source's lock, and copies what the run created.
#[tokio::test]
async fn migrations_of_the_source_are_waited_for() {
    let migrations = with([NOTE]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    let slow = with([
        NOTE,
        Sql::new(
            "m2_slow",
            "CREATE TABLE late (id int); INSERT INTO late VALUES (1); SELECT pg_sleep(1)",
            "",
        ),
    ]);
    let migrate = act(&database, &slow, &Target::All, Action::UP);
    let copy = async {
        let began = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)%' AND pid <> pg_backend_pid() AND state = 'active'";
        while count(&db, began).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        clone_tenant(&db, &slow, &schema("acme"), &new("globex"), CloneData::Rows)
            .await
            .unwrap()
    };
    let (report, copied) = tokio::join!(migrate, copy);
    assert!(report.is_success(), "{:?}", outcomes(&report));
    assert_eq!(copied.tenant.version(), Some("m2_slow"));
    assert_eq!(column(&db, "SELECT id FROM globex.late").await, ["1"]);
    assert_eq!(ledger(&db, "globex").await, ["m1_create_note", "m2_slow"]);
}

#[tokio::test]
async fn rows_that_are_hidden_are_not_left_out() {
    let hidden = Sql::new(
        "m1_hidden",
        "CREATE TABLE note (id int); INSERT INTO note VALUES (1), (2);
         ALTER TABLE note ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         CREATE POLICY p ON note USING (id = 1)",
        "",
    );
    let migrations = with([hidden]);
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    let role = format!("owner.{}", database.name());
    let own = format!(
        "CREATE ROLE \"{role}\" LOGIN; ALTER DATABASE \"{0}\" OWNER TO \"{role}\"; ALTER SCHEMA acme OWNER TO \"{role}\";
         ALTER TABLE acme.note OWNER TO \"{role}\"; ALTER TABLE acme.seaql_migrations OWNER TO \"{role}\";
         GRANT ALL ON ALL TABLES IN SCHEMA public TO \"{role}\"; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO \"{role}\"",
        database.name()
    );
    db.execute_unprepared(&own).await.unwrap();
    let owner = sea_orm::Database::connect(super::roles::as_user(&database, &role))
        .await
        .unwrap();
    let error = refused(&owner, &migrations, CloneData::Rows).await;
    assert!(error.to_string().contains("row-level security"), "{error}");
    owner.close().await.unwrap();
    clone_tenant(
        &db,
        &migrations,
        &schema("acme"),
        &new("initech"),
        CloneData::Structure,
    )
    .await
    .unwrap_err();
    let back = format!(
        "ALTER DATABASE \"{}\" OWNER TO CURRENT_USER; REASSIGN OWNED BY \"{role}\" TO CURRENT_USER; DROP OWNED BY \"{role}\"",
        database.name()
    );
    db.execute_unprepared(&back).await.unwrap();
    clone_tenant(
        &db,
        &migrations,
        &schema("acme"),
        &new("initech"),
        CloneData::Rows,
    )
    .await
    .unwrap();
    assert_eq!(
        column(&db, "SELECT id FROM initech.note ORDER BY 1").await,
        ["1", "2"]
    );
}

#[tokio::test]
async fn the_command_line_copies() {
    let migrations = with([NOTE]).for_kind("trial", Set(vec![TAG]));
    let (database, db) = with_tenants(&migrations, &["acme"]).await;
    create_tenant(&db, &migrations, &new("globex").kind("trial"))
        .await
        .unwrap();
    let words = [
        "tenant",
        "clone",
        "acme",
        "acme-2",
        "--name",
        "Two",
        "--domain",
        "two.example.com",
    ];
    let (out, result) = cli(&database, &migrations, &words).await;
    result.unwrap();
    assert_eq!(out, "copied tenant acme to acme-2 at two.example.com\n");
    assert_eq!(column(&db, "SELECT id FROM \"acme-2\".note").await, ["1"]);
    let (out, result) = cli(
        &database,
        &migrations,
        &["tenant", "clone", "acme", "empty", "--structure-only"],
    )
    .await;
    result.unwrap();
    assert_eq!(out, "copied tenant acme to empty\n");
    assert_eq!(count(&db, "SELECT FROM empty.note").await, 0);
    let (_, result) = cli(&database, &migrations, &["tenant", "clone", "globex", "globex-2"]).await;
    result.unwrap();
    let kinds = "SELECT kind || ' ' || name FROM public.tenants ORDER BY schema_name";
    assert_eq!(
        column(&db, kinds).await,
        [
            "default ACME",
            "default Two",
            "default empty",
            "trial GLOBEX",
            "trial globex-2"
        ]
    );
    let (_, result) = cli(&database, &migrations, &["tenant", "clone", "nobody", "x"]).await;
    assert!(result.unwrap_err().to_string().contains("tenant list"));
    let (_, result) = cli(&database, &migrations, &["tenant", "clone", "acme", "globex"]).await;
    assert!(result.unwrap_err().to_string().contains("is taken"));
}

#[tokio::test]
async fn a_tenant_is_created_from_a_template_that_is_not_behind() {
    let trial = Set(vec![TAG]);
    let migrations = with([NOTE]).for_kind("trial", trial.clone());
    let (database, db) = with_tenants(&migrations, &["template"]).await;
    database.execute("INSERT INTO template.note DEFAULT VALUES").await;
    let (_, archived) = cli(&database, &migrations, &["tenant", "archive", "template"]).await;
    archived.unwrap();

    let mut words = vec!["tenant", "create", "acme", "--from", "template"];
    words.extend(["--name", "Acme Inc.", "--domain", "acme.example.com"]);
    let (out, created) = cli(&database, &migrations, &words).await;
    created.unwrap();
    assert_eq!(out, "created tenant acme from template at acme.example.com\n");
    assert_eq!(
        column(&db, "SELECT id FROM acme.note ORDER BY 1").await,
        ["1", "2"]
    );
    let row =
        "SELECT concat_ws(' ', name, kind, status, version) FROM public.tenants WHERE schema_name = 'acme'";
    assert_eq!(
        column(&db, row).await,
        ["Acme Inc. default active m1_create_note"]
    );

    let words = [
        "tenant", "create", "other", "--from", "template", "--kind", "trial",
    ];
    let refused = cli(&database, &migrations, &words)
        .await
        .1
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("is of kind default, and trial has other migrations"),
        "{refused}"
    );
    let words = ["tenant", "create", "other", "--from", "nobody"];
    let refused = cli(&database, &migrations, &words)
        .await
        .1
        .unwrap_err()
        .to_string();
    assert!(refused.contains("there is no tenant nobody"), "{refused}");

    // Also if the missing migration is not the last one.
    const EARLIER: Sql = Sql::new("m0_create_first", "CREATE TABLE first ()", "DROP TABLE first");
    let words = ["tenant", "create", "other", "--from", "template"];
    for (set, lacks) in [
        (vec![NOTE, TAG], "it lacks m2_create_tag"),
        (vec![EARLIER, NOTE], "it lacks m0_create_first"),
        (
            vec![EARLIER, NOTE, TAG],
            "it lacks 2 migrations, the first of which is m0_create_first",
        ),
    ] {
        let migrations = with(set).for_kind("trial", trial.clone());
        let refused = cli(&database, &migrations, &words)
            .await
            .1
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains(lacks) && refused.contains("`up --tenant template` first"),
            "{refused}"
        );
        assert_eq!(
            count(&db, "SELECT FROM pg_namespace WHERE nspname = 'other'").await,
            0
        );
    }
    let migrations = with([NOTE, TAG]).for_kind("trial", trial);
    cli(&database, &migrations, &["up", "--tenant", "template"])
        .await
        .1
        .unwrap();
    cli(&database, &migrations, &words).await.1.unwrap();
    assert_eq!(tables(&db, "other").await, ["note", "seaql_migrations", "tag"]);
}

/// Returns the rows of a table, each with the partition or child that it is in.
async fn rows_of_parts(db: &DatabaseConnection, schema: &str, table: &str) -> Vec<String> {
    let sql = format!(
        "SELECT relname || ' ' || t::text FROM \"{schema}\".{table} AS t JOIN pg_class ON pg_class.oid = t.tableoid
        ORDER BY 1"
    );
    column(db, &sql).await
}
