//! Tenants with many kinds of PostgreSQL's objects: all ways to create a tenant create the same objects.

use std::process::Command;

use tenant_migration::TenantRoles;
use tests::pg_programs;

use super::*;

/// Migration that creates many kinds of objects.
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

/// Returns `pg_dump`'s output for a schema, with its name replaced by `TENANT`.
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
    // Newer versions of pg_dump add lines with a random key.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace(&format!("\"{schema}\""), "TENANT")
        .replace(schema, "TENANT")
}

/// Checks that two texts are equal, and reports the first line that differs.
#[track_caller]
pub(super) fn assert_same(found: &str, expected: &str, name: &str) {
    let lines = found.lines().zip(expected.lines());
    let differs = lines.into_iter().find(|(found, expected)| found != expected);
    assert_eq!(differs, None, "{name}");
    assert_eq!(found.len(), expected.len(), "{name}");
}

const NAMES: [&str; 5] = ["acme", "globex", "Initech", "my-umbrella", "order"];

#[tokio::test]
async fn all_tenants_are_the_same() {
    let (database, db) = with_tenants(&with([RICH]), &NAMES).await;
    let expected = dump(&database, "acme", &[]);
    assert!(expected.contains("CREATE UNIQUE INDEX note_calm"), "{expected}");
    for name in NAMES {
        assert_same(&dump(&database, name, &[]), &expected, name);
        assert_eq!(ledger(&db, name).await, ["m1_rich"]);
    }
    // No schema refers to another tenant's.
    let nothing = tenant_core::audit::Expected::new(tenant_core::Registry::default());
    let audit = tenant_core::audit::audit(&db, &nothing).await.unwrap();
    assert_eq!(audit.errors(), 0, "{:?}", audit.findings());
}

#[tokio::test]
async fn what_is_made_works_in_its_own_schema() {
    let (_database, db) = with_tenants(&with([RICH]), &NAMES).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tenants_that_are_made_at_the_same_time_are_all_complete() {
    let migrations = with([RICH]);
    let (database, db) = with_tenants(&migrations, &[]).await;
    let names: Vec<_> = (0..16).map(|n| format!("tenant{n}")).collect();
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
    let expected = dump(&database, "tenant0", &[]).replace("TENANT", "");
    for name in &names[1..] {
        let found = dump(&database, name, &[]).replace("TENANT", "");
        assert!(found == expected, "{name}");
    }
}

#[tokio::test]
async fn tenants_with_roles_are_the_same_too() {
    let migrations = with([RICH]).with_tenant_roles(TenantRoles::new());
    let (database, _db) = with_tenants(&migrations, &NAMES).await;
    let expected = dump(&database, "acme", &[]);
    assert!(expected.contains("GRANT SELECT"), "{expected}");
    for name in NAMES {
        assert_same(&dump(&database, name, &[]), &expected, name);
    }
}
