//! The table of decisions, row by row.

use super::{Rules, compile::compile, refusal::Refusal};
use crate::{
    registry::{Registry, Scope},
    schema_name::SchemaName,
};

pub(super) fn rules() -> Rules {
    let mut registry = Registry::default();
    for (scope, table) in [
        (Scope::Tenant, "note"),
        (Scope::Tenant, "tag"),
        (Scope::Tenant, "Odd Name"),
        (Scope::Tenant, "both"),
        (Scope::Shared, "both"),
        (Scope::Shared, "plan"),
    ] {
        registry.add_table(scope, table).unwrap();
    }
    registry.add_type(Scope::Tenant, "mood").unwrap();
    registry.add_type(Scope::Shared, "level").unwrap();
    let mut rules = Rules::new(registry);
    rules.registry_mut().add_function(Scope::Tenant, "total").unwrap();
    rules.registry_mut().add_function(Scope::Shared, "slug").unwrap();
    rules.allow_schema(&SchemaName::new("reference").unwrap());
    let extensions = rules.extensions_mut();
    extensions.add_type("citext", "extensions", "citext");
    extensions.add_function("pg_trgm", "extensions", "similarity");
    extensions.add_function("pg_trgm", "extensions", "set_limit");
    extensions.add_function("unaccent", "extensions", "unaccent");
    extensions.add_operator("extensions", "<<->");
    rules
}

fn render(sql: &str) -> Result<String, Refusal> {
    let acme = SchemaName::new("acme").unwrap();
    compile(sql, &rules())?.render(&acme)
}

#[track_caller]
fn becomes(sql: &str, expected: &str) {
    let result = render(sql).unwrap_or_else(|refusal| panic!("{}: {refusal}", head(sql)));
    let differs = result.bytes().zip(expected.bytes()).position(|(a, b)| a != b);
    if let Some(at) = differs {
        panic!(
            "{}\nbecame\n{}\ninstead of\n{}",
            head(sql),
            head(&result[at..]),
            head(&expected[at..])
        );
    }
    assert_eq!(result.len(), expected.len(), "{}", head(sql));
}

/// Enough of a text to recognise it.
fn head(sql: &str) -> String {
    sql.chars().take(400).collect()
}

#[track_caller]
fn stays(sql: &str) {
    becomes(sql, sql);
}

#[track_caller]
fn refused(sql: &str) -> Refusal {
    match render(sql) {
        Ok(text) => panic!("{sql}\nbecame\n{text}"),
        Err(refusal) => refusal,
    }
}

fn unknown_table(name: &str) -> Refusal {
    Refusal::UnknownTable {
        name: name.to_owned(),
        similar: None,
    }
}

#[test]
fn the_marker_becomes_the_schema() {
    becomes(
        r#"SELECT "note"."id" FROM "$tenant"."note" WHERE "note"."id" = $1 LIMIT $2"#,
        r#"SELECT "note"."id" FROM "acme"."note" WHERE "note"."id" = $1 LIMIT $2"#,
    );
    becomes(
        r#"INSERT INTO "$tenant"."note" ("title") VALUES ($1) RETURNING "id""#,
        r#"INSERT INTO "acme"."note" ("title") VALUES ($1) RETURNING "id""#,
    );
    becomes(
        r#"SELECT "$tenant"."note"."id" FROM "$tenant"."note""#,
        r#"SELECT "acme"."note"."id" FROM "acme"."note""#,
    );
    becomes(r#"SELECT "$tenant".total(1)"#, r#"SELECT "acme".total(1)"#);
    becomes(
        r#"SELECT * FROM "$tenant".totals(1) AS t"#,
        r#"SELECT * FROM "acme".totals(1) AS t"#,
    );
}

#[test]
fn shared_and_allowed_schemas_stay() {
    stays(r#"SELECT * FROM "public"."plan""#);
    stays("SELECT * FROM public.plan");
    stays("SELECT * FROM PUBLIC.plan");
    stays("SELECT * FROM reference.country");
    stays("SELECT * FROM public.note");
}

#[test]
fn registered_tables_get_their_schema() {
    becomes(
        "SELECT p.name, count(*) FROM note n JOIN plan AS p ON p.code = n.plan GROUP BY 1",
        "SELECT p.name, count(*) FROM \"acme\".note n JOIN \"public\".plan AS p ON p.code = n.plan GROUP BY 1",
    );
    becomes("SELECT * FROM NOTE", "SELECT * FROM \"acme\".NOTE");
    becomes(
        "SELECT * FROM \"Odd Name\", note",
        "SELECT * FROM \"acme\".\"Odd Name\", \"acme\".note",
    );
    becomes(
        "UPDATE note SET title = tag.name FROM tag WHERE tag.id = note.id RETURNING note.id",
        "UPDATE \"acme\".note SET title = tag.name FROM \"acme\".tag WHERE tag.id = note.id RETURNING note.id",
    );
    becomes(
        "DELETE FROM note USING tag WHERE tag.id = note.id",
        "DELETE FROM \"acme\".note USING \"acme\".tag WHERE tag.id = note.id",
    );
    becomes(
        "MERGE INTO note USING tag ON note.id = tag.id WHEN MATCHED THEN DO NOTHING",
        "MERGE INTO \"acme\".note USING \"acme\".tag ON note.id = tag.id WHEN MATCHED THEN DO NOTHING",
    );
    becomes(
        "INSERT INTO note AS n (id) SELECT id FROM tag ON CONFLICT (id) DO UPDATE SET id = \
         (SELECT max(id) FROM tag) WHERE EXISTS (SELECT 1 FROM plan)",
        "INSERT INTO \"acme\".note AS n (id) SELECT id FROM \"acme\".tag ON CONFLICT (id) DO UPDATE SET id = \
         (SELECT max(id) FROM \"acme\".tag) WHERE EXISTS (SELECT 1 FROM \"public\".plan)",
    );
    becomes(
        "EXPLAIN (ANALYZE) SELECT * FROM note",
        "EXPLAIN (ANALYZE) SELECT * FROM \"acme\".note",
    );
    becomes(
        "SELECT * FROM note FOR UPDATE OF note SKIP LOCKED",
        "SELECT * FROM \"acme\".note FOR UPDATE OF note SKIP LOCKED",
    );
    becomes(
        "SELECT (SELECT title FROM note LIMIT 1), ARRAY(SELECT id FROM tag), CASE WHEN EXISTS \
         (SELECT 1 FROM note) THEN 1 END FROM (note CROSS JOIN LATERAL (SELECT * FROM plan) x) ORDER BY \
         (SELECT 1 FROM tag)",
        "SELECT (SELECT title FROM \"acme\".note LIMIT 1), ARRAY(SELECT id FROM \"acme\".tag), CASE WHEN EXISTS \
         (SELECT 1 FROM \"acme\".note) THEN 1 END FROM (\"acme\".note CROSS JOIN LATERAL (SELECT * FROM \
         \"public\".plan) x) ORDER BY (SELECT 1 FROM \"acme\".tag)",
    );
}

#[test]
fn common_table_expressions_and_table_functions_stay() {
    becomes(
        "WITH note AS (SELECT * FROM note) SELECT * FROM note",
        "WITH note AS (SELECT * FROM \"acme\".note) SELECT * FROM note",
    );
    becomes(
        "WITH a AS (SELECT * FROM note), note AS (SELECT * FROM a), b AS (SELECT * FROM note) SELECT * FROM b",
        "WITH a AS (SELECT * FROM \"acme\".note), note AS (SELECT * FROM a), b AS (SELECT * FROM note) \
         SELECT * FROM b",
    );
    stays("WITH RECURSIVE note AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM note) SELECT * FROM note");
    becomes(
        "SELECT * FROM (WITH note AS (SELECT 1) SELECT * FROM note) x, note",
        "SELECT * FROM (WITH note AS (SELECT 1) SELECT * FROM note) x, \"acme\".note",
    );
    becomes(
        "WITH x AS (WITH note AS (SELECT 1) SELECT * FROM note) SELECT * FROM x, note",
        "WITH x AS (WITH note AS (SELECT 1) SELECT * FROM note) SELECT * FROM x, \"acme\".note",
    );
    becomes(
        "WITH gone AS (DELETE FROM note RETURNING *) INSERT INTO tag SELECT * FROM gone",
        "WITH gone AS (DELETE FROM \"acme\".note RETURNING *) INSERT INTO \"acme\".tag SELECT * FROM gone",
    );
    becomes(
        "WITH \"Note\" AS (SELECT 1) SELECT * FROM note",
        "WITH \"Note\" AS (SELECT 1) SELECT * FROM \"acme\".note",
    );
    stays("SELECT * FROM generate_series(1, 3) AS n, unnest($1::int[]) AS u");
    stays("SELECT * FROM pg_catalog.generate_series(1, 3)");
}

/// PostgreSQL never takes the target of a change for a common table expression.
#[test]
fn a_target_is_no_common_table_expression() {
    for (sql, expected) in [
        (
            "WITH note AS (SELECT 1 AS id) DELETE FROM note USING tag",
            "WITH note AS (SELECT 1 AS id) DELETE FROM \"acme\".note USING \"acme\".tag",
        ),
        (
            "WITH note AS (SELECT 1 AS id) UPDATE note SET id = 2",
            "WITH note AS (SELECT 1 AS id) UPDATE \"acme\".note SET id = 2",
        ),
        (
            "WITH note AS (SELECT 1 AS id) INSERT INTO note SELECT * FROM note",
            "WITH note AS (SELECT 1 AS id) INSERT INTO \"acme\".note SELECT * FROM note",
        ),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn what_has_no_scope_is_refused_by_name() {
    assert_eq!(refused("SELECT * FROM secret"), unknown_table("secret"));
    assert_eq!(
        refused("SELECT * FROM \"Note\""),
        Refusal::UnknownTable {
            name: "Note".to_owned(),
            similar: Some("note".to_owned())
        }
    );
    assert_eq!(
        refused("SELECT * FROM \"both\""),
        Refusal::AmbiguousTable("both".to_owned())
    );
    assert!(matches!(
        refused(&format!("SELECT * FROM {}", "n".repeat(64))),
        Refusal::TooLong { .. }
    ));
}

#[test]
fn other_schemas_are_refused() {
    for sql in [
        "SELECT * FROM globex.note",
        "SELECT * FROM \"globex\".\"note\"",
        "SELECT * FROM note, (SELECT * FROM globex.note) x",
        "SELECT * FROM note WHERE id IN (SELECT id FROM globex.note)",
        "INSERT INTO globex.note DEFAULT VALUES",
        "UPDATE globex.note SET id = 1",
        "UPDATE note SET id = (SELECT 1 FROM globex.note)",
        "DELETE FROM globex.note",
        "DELETE FROM note WHERE EXISTS (TABLE globex.note)",
        "INSERT INTO note SELECT * FROM globex.note",
        "INSERT INTO note VALUES (1) RETURNING (SELECT 1 FROM globex.note)",
        "MERGE INTO note USING globex.note g ON true WHEN MATCHED THEN DELETE",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM \"PUBLIC\".plan",
        "SELECT globex.total(1)",
        "SELECT * FROM globex.totals(1)",
        "SELECT * FROM LATERAL globex.totals(1)",
        "SELECT globex.note.id FROM note",
        "SELECT $1::globex.mood",
        "SELECT 'a' COLLATE globex.x",
        "SELECT 1 OPERATOR(globex.+) 2",
        "SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM globex.note)) FROM note",
        "SELECT rank() OVER (ORDER BY (SELECT 1 FROM globex.note)) FROM note",
        "SELECT 1 FROM note WINDOW w AS (PARTITION BY (SELECT 1 FROM globex.note))",
        "SELECT 1 LIMIT (SELECT 1 FROM globex.note)",
        "SELECT 1 OFFSET (SELECT 1 FROM globex.note)",
        "SELECT 1 FROM note GROUP BY GROUPING SETS ((id), ((SELECT 1 FROM globex.note)))",
        "SELECT 1 FROM note TABLESAMPLE system ((SELECT 1 FROM globex.note))",
        "VALUES ((SELECT 1 FROM globex.note))",
        "SELECT DISTINCT ON ((SELECT 1 FROM globex.note)) 1",
        "SELECT 1 UNION SELECT 1 FROM globex.note",
        "SELECT * FROM note JOIN tag ON EXISTS (SELECT 1 FROM globex.note)",
        "WITH x AS (SELECT * FROM globex.note) SELECT * FROM x",
        "EXPLAIN SELECT * FROM globex.note",
        "SELECT * FROM app.globex.note",
        "SELECT 1 -- \r FROM globex.note",
        "SELECT 1 +-- '\n 1 FROM globex.note -- '",
        "SELECT 1 <>/* ' */ 2 FROM globex.note -- '",
        "SELECT $1$ , body FROM globex.note $1$",
        "SELECT xmlelement(name a, (SELECT body FROM globex.note))",
    ] {
        refused(sql);
    }
}

#[test]
fn other_statements_are_refused() {
    for sql in [
        "SET search_path = globex",
        "RESET ALL",
        "BEGIN",
        "COMMIT",
        "SELECT 1; COMMIT",
        "SAVEPOINT a",
        "COPY note TO STDOUT",
        "TRUNCATE note",
        "LOCK TABLE note",
        "DO $$ BEGIN END $$",
        "CALL p()",
        "CREATE TEMPORARY TABLE note (id int)",
        "CREATE TABLE \"$tenant\".x AS SELECT * FROM note",
        "CREATE TABLE \"$tenant\".x (LIKE globex.note)",
        "CREATE TABLE \"$tenant\".x () INHERITS (globex.note)",
        "CREATE SCHEMA x",
        "DROP SCHEMA globex CASCADE",
        "GRANT ALL ON note TO public",
        "LISTEN x",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "SELECT * INTO copy FROM note",
        "CREATE VIEW v AS SELECT 1",
        "REFRESH MATERIALIZED VIEW v",
        "ALTER TABLE \"$tenant\".note SET SCHEMA globex",
        "ALTER TABLE plan ADD COLUMN x int",
        "DROP TABLE plan",
        "DROP TYPE level",
        "EXPLAIN note",
        "DECLARE c CURSOR FOR SELECT * FROM note",
        "this is not SQL",
        "SELECT * FROM",
    ] {
        refused(sql);
    }
}

#[test]
fn only_and_table_are_read() {
    for (sql, expected) in [
        ("SELECT * FROM ONLY note", "SELECT * FROM ONLY \"acme\".note"),
        (
            "SELECT * FROM ONLY (note) AS n",
            "SELECT * FROM ONLY (\"acme\".note) AS n",
        ),
        ("SELECT * FROM note *", "SELECT * FROM \"acme\".note *"),
        (
            "UPDATE ONLY note SET id = 1",
            "UPDATE ONLY \"acme\".note SET id = 1",
        ),
        ("DELETE FROM ONLY (note)", "DELETE FROM ONLY (\"acme\".note)"),
        ("TABLE note", "TABLE \"acme\".note"),
        (
            "SELECT 1 UNION TABLE plan",
            "SELECT 1 UNION TABLE \"public\".plan",
        ),
        (
            "WITH note AS (SELECT 1) TABLE note",
            "WITH note AS (SELECT 1) TABLE note",
        ),
    ] {
        becomes(sql, expected);
    }
    refused("SELECT * FROM ONLY globex.note");
    refused("TABLE globex.note");
    refused("SELECT * FROM (TABLE globex.note) x");
}

/// Another parser read these in another way than PostgreSQL, which finds another table in them or none.
#[test]
fn text_is_read_as_postgresql_reads_it() {
    for sql in [
        "SELECT 1 END; SET search_path = globex",
        "INSERT INTO note (id) SELECT 1 END FROM globex.note",
        "SELECT CASE WHEN true THEN 1 END END FROM globex.note",
        "SELECT interval FROM plan, globex.note",
        "SELECT id COLLATE FROM plan, globex.note",
        "SELECT id AND FROM plan, globex.note",
        "SELECT id LIKE FROM plan, globex.note",
        "SELECT id REGEXP FROM plan, globex.note",
        "SELECT id XOR FROM plan, globex.note",
        "SELECT id REGEXP INTO zz FROM plan",
        "SELECT E'a'\n'\\'', (SELECT title FROM globex.note) --'",
        "SELECT E'a' -- c\n'\\'', (SELECT title FROM globex.note) --'",
        "SELECT E'a'\n'\\'' FROM note",
        "SELECT $1FROM plan, globex.note",
        "SELECT U&\"set\\005fconfig\"('a.b', 'c', false)",
        "\u{feff}SELECT 1",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT min(id) start, max(id) end FROM note",
        "SELECT min(id) start, max(id) end FROM \"acme\".note",
    );
    becomes(
        "SELECT name, interval FROM plan ORDER BY 1",
        "SELECT name, interval FROM \"public\".plan ORDER BY 1",
    );
    // Reserved words have their places.
    becomes(
        "SELECT id AS end, note.from, left(title, 1), \"interval\", current_date, user FROM note",
        "SELECT id AS end, note.from, left(title, 1), \"interval\", current_date, user FROM \"acme\".note",
    );
    becomes(
        "INSERT INTO note (id) VALUES (DEFAULT) ON CONFLICT (id) DO UPDATE SET id = excluded.id",
        "INSERT INTO \"acme\".note (id) VALUES (DEFAULT) ON CONFLICT (id) DO UPDATE SET id = excluded.id",
    );
    becomes(
        "SELECT id FROM note WHERE id = ANY($1) AND id > ALL(ARRAY[1]) AND title LIKE 'a' AND id BETWEEN 1 AND 2",
        "SELECT id FROM \"acme\".note WHERE id = ANY($1) AND id > ALL(ARRAY[1]) AND title LIKE 'a' AND id BETWEEN 1 AND 2",
    );
    becomes(
        "SELECT trim(both 'x' from title), substring(title from 1 for 2), extract(year from now()), \
         overlay(title placing 'x' from 1), position('a' in title), E'\\'' FROM note",
        "SELECT trim(both 'x' from title), substring(title from 1 for 2), extract(year from now()), \
         overlay(title placing 'x' from 1), position('a' in title), E'\\'' FROM \"acme\".note",
    );
}

#[test]
fn operators_and_operator_classes_of_other_schemas_are_refused() {
    for sql in [
        "SELECT id FROM note ORDER BY id USING OPERATOR(globex.<)",
        "SELECT array_agg(id ORDER BY id USING OPERATOR(globex.<)) FROM note",
        "CREATE INDEX i ON note (id globex.ops)",
    ] {
        refused(sql);
    }
    becomes(
        "CREATE INDEX i ON note (title text_pattern_ops)",
        "CREATE INDEX i ON \"acme\".note (title text_pattern_ops)",
    );
}

#[test]
fn types_of_other_databases_are_refused() {
    for name in [
        "string",
        "datetime",
        "tinyint",
        "blob",
        "enum('a')",
        "longtext",
        "int128",
        "double",
    ] {
        refused(&format!("SELECT CAST($1 AS {name})"));
    }
}

#[test]
fn functions_that_leave_the_tenant_are_refused() {
    for sql in [
        "SELECT set_config('search_path', 'globex', false)",
        "SELECT pg_catalog.SET_CONFIG('search_path', 'globex', false)",
        "SELECT \"set_config\"('search_path', 'globex', false)",
        "SELECT * FROM set_config('search_path', 'globex', false)",
        "SELECT nextval('globex.note_id_seq')",
        "SELECT query_to_xml('SELECT * FROM globex.note', true, true, '')",
        "SELECT pg_advisory_lock(1)",
        "UPDATE note SET title = set_config('role', 'x', false)",
        "SELECT setseed(0)",
        "SELECT lo_create(1)",
        "SELECT dblink_connect('x')",
        "SELECT * FROM pg_stat_get_activity(NULL)",
        "SELECT pg_relation_size('globex.note')",
        "SELECT to_regclass('globex.note')",
        "SELECT regclass('globex.note')",
        "SELECT pg_get_serial_sequence('globex.note', 'id')",
        "SELECT has_table_privilege('globex.note', 'SELECT')",
        "SELECT table_to_xml('globex.note', true, true, '')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT currval('globex.note_id_seq'), setval('globex.note_id_seq', 1)",
        // A call may be written like a column, or like a cast.
        "SELECT ('globex.note_id_seq').nextval",
        "SELECT t.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS t",
        "SELECT (array_agg(title))[1].pg_relation_size FROM note",
    ] {
        assert!(
            matches!(refused(sql), Refusal::Function(..) | Refusal::UnknownFunction(_)),
            "{sql}"
        );
    }
    stays("SELECT pg_advisory_xact_lock(1), lower($1), now()");
}

#[test]
fn a_call_that_looks_like_a_cast_is_refused() {
    refused("SELECT treat('globex.note_id_seq' AS nextval)");
    refused("SELECT treat(1 AS pg_advisory_lock)");
}

#[test]
fn types_that_find_things_by_text_are_refused() {
    for sql in [
        "SELECT 'globex.note'::regclass",
        "SELECT CAST('globex.note' AS \"regclass\")",
        "SELECT $1::pg_catalog.regclass[]",
        "SELECT regclass 'globex.note'",
        "SELECT 'globex.mood'::regtype",
        "SELECT * FROM json_to_recordset($1) AS x(id regclass)",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT to_tsvector('english'::regconfig, title) @@ plainto_tsquery('english', $1) FROM note",
        "SELECT to_tsvector('english'::regconfig, title) @@ plainto_tsquery('english', $1) FROM \"acme\".note",
    );
}

/// A name in front of a literal is a type.
#[test]
fn a_type_in_front_of_a_literal_is_decided_on() {
    for sql in [
        "SELECT globex.mood 'happy'",
        "SELECT weather 'happy'",
        "SELECT id AS 'happy' FROM note",
        "SELECT globex.mood(1) 'happy'",
        "SELECT _mood '{happy}'",
        "SELECT __E'a'",
    ] {
        refused(sql);
    }
    becomes("SELECT mood 'happy'", "SELECT \"acme\".mood 'happy'");
    stays("SELECT date '2026-01-01', timestamp '2026-01-01', interval '1' day, json '{}'");
}

#[test]
fn schemas_in_places_that_are_seldom_seen_are_decided_on() {
    for sql in [
        "SELECT json_object('a': 1 RETURNING globex.mood)",
        "SELECT json_object('a': 1 RETURNING weather)",
        "SELECT * FROM note FOR UPDATE OF globex.note",
        "SELECT globex.note.* FROM note",
        "SELECT count(globex.note.*) FROM note",
        "SELECT public.globex.note.* FROM note",
        "SELECT public.globex.note.*x FROM note",
        "SELECT * FROM f(public.globex.note.*)",
        "DELETE FROM note RETURNING public.globex.note.*",
        "CREATE INDEX globex.i ON note (id)",
        "INSERT INTO note VALUES (1) ON CONFLICT ON CONSTRAINT globex.c DO NOTHING",
        "SELECT 1 OPERATOR(globex.=) ANY (ARRAY[1])",
        "SELECT OPERATOR(globex.-) 1",
        "SELECT * FROM note TABLESAMPLE globex.system (1)",
        "SELECT globex.note.id[1] FROM note",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT json_object('a': 1 RETURNING mood), count(n.*), n.tags[1].name, (n).title FROM note AS n FOR UPDATE OF n",
        "SELECT json_object('a': 1 RETURNING \"acme\".mood), count(n.*), n.tags[1].name, (n).title \
         FROM \"acme\".note AS n FOR UPDATE OF n",
    );
    becomes(
        "SELECT \"$tenant\".note.*, count(\"$tenant\".note.*), note.* FROM note",
        "SELECT \"acme\".note.*, count(\"acme\".note.*), note.* FROM \"acme\".note",
    );
    becomes(
        "INSERT INTO note DEFAULT VALUES RETURNING \"$tenant\".note.*",
        "INSERT INTO \"acme\".note DEFAULT VALUES RETURNING \"acme\".note.*",
    );
    becomes(
        "UPDATE note SET size.width = 1, (size.height, title) = (2, 'a')",
        "UPDATE \"acme\".note SET size.width = 1, (size.height, title) = (2, 'a')",
    );
    becomes(
        "INSERT INTO note (size.width) VALUES (1) ON CONFLICT (id) DO UPDATE SET size.width = 2",
        "INSERT INTO \"acme\".note (size.width) VALUES (1) ON CONFLICT (id) DO UPDATE SET size.width = 2",
    );
}

#[test]
fn a_zero_byte_is_refused() {
    refused("SELECT '\0' FROM note");
    refused("SELECT 1 -- \0\n FROM note");
}

#[test]
fn types_are_decided_on_like_tables() {
    becomes(
        r#"SELECT CAST($1 AS "mood"), $2::mood[], CAST("note"."mood" AS "text") FROM note"#,
        r#"SELECT CAST($1 AS "acme"."mood"), $2::"acme".mood[], CAST("note"."mood" AS "text") FROM "acme".note"#,
    );
    becomes(
        r#"SELECT CAST($1 AS "level"), CAST($1 AS "mood"[])"#,
        r#"SELECT CAST($1 AS "public"."level"), CAST($1 AS "acme"."mood"[])"#,
    );
    becomes(
        "SELECT * FROM json_to_recordset($1) AS x(id int, mood mood)",
        "SELECT * FROM json_to_recordset($1) AS x(id int, mood \"acme\".mood)",
    );
    becomes("SELECT $1::citext", "SELECT $1::\"extensions\".citext");
    stays("SELECT $2::uuid, $3::timestamptz, $4::inet, $5::numeric(10, 2), $6::pg_catalog.int4");
    assert_eq!(
        refused("SELECT $1::weather"),
        Refusal::UnknownType("weather".to_owned())
    );
}

#[test]
fn the_public_tenant_has_no_tenant_tables() {
    let public = SchemaName::shared();
    let template = compile("SELECT * FROM plan, note", &rules()).unwrap();
    assert_eq!(
        template.render(&public),
        Err(Refusal::TenantTableOnPublic("note".to_owned()))
    );
    let template = compile("SELECT * FROM plan", &rules()).unwrap();
    assert_eq!(template.render(&public).unwrap(), "SELECT * FROM \"public\".plan");
}

#[test]
fn literals_comments_and_column_names_stay() {
    becomes(
        "SELECT 'note', $$FROM note$$, note.note /* FROM note */ FROM note -- note",
        "SELECT 'note', $$FROM note$$, note.note /* FROM note */ FROM \"acme\".note -- note",
    );
    becomes(
        "SELECT 'ünïcödé ''note''' AS \"ö\"\nFROM\tnote",
        "SELECT 'ünïcödé ''note''' AS \"ö\"\nFROM\t\"acme\".note",
    );
}

#[test]
fn a_marker_where_no_schema_goes_is_refused() {
    refused(r#"SELECT "$tenant""#);
    refused(r#"SELECT 1 AS "$tenant""#);
    refused(r#"WITH "$tenant" AS (SELECT 1) SELECT 1"#);
}

#[test]
fn schema_changes_of_the_schema_builder_are_the_tenants() {
    becomes(
        r#"CREATE TABLE IF NOT EXISTS "$tenant"."note" ( "id" serial NOT NULL PRIMARY KEY, "mood" mood, "plan" integer NOT NULL DEFAULT 1, CONSTRAINT "fk" FOREIGN KEY ("plan") REFERENCES "public"."plan" ("id") ON DELETE CASCADE )"#,
        r#"CREATE TABLE IF NOT EXISTS "acme"."note" ( "id" serial NOT NULL PRIMARY KEY, "mood" "acme".mood, "plan" integer NOT NULL DEFAULT 1, CONSTRAINT "fk" FOREIGN KEY ("plan") REFERENCES "public"."plan" ("id") ON DELETE CASCADE )"#,
    );
    becomes(
        r#"CREATE UNIQUE INDEX "i" ON "$tenant"."note" ("id")"#,
        r#"CREATE UNIQUE INDEX "i" ON "acme"."note" ("id")"#,
    );
    becomes(
        r#"ALTER TABLE "$tenant"."note" ADD COLUMN "tag" integer REFERENCES tag (id)"#,
        r#"ALTER TABLE "acme"."note" ADD COLUMN "tag" integer REFERENCES "acme".tag (id)"#,
    );
    becomes(
        r#"CREATE TYPE "mood" AS ENUM ('happy', 'sad')"#,
        r#"CREATE TYPE "acme"."mood" AS ENUM ('happy', 'sad')"#,
    );
    becomes(
        r#"DROP TABLE IF EXISTS "$tenant"."note" CASCADE"#,
        r#"DROP TABLE IF EXISTS "acme"."note" CASCADE"#,
    );
    becomes(r#"DROP TYPE "mood""#, r#"DROP TYPE "acme"."mood""#);
    for sql in [
        r#"CREATE TABLE "globex"."note" ("id" int)"#,
        r#"CREATE TABLE "$tenant"."x" ("id" int REFERENCES globex.note (id))"#,
        r#"CREATE TABLE "$tenant"."x" ("id" int, FOREIGN KEY (id) REFERENCES globex.note (id))"#,
        r#"CREATE TABLE "$tenant"."x" ("id" globex.mood)"#,
        r#"CREATE TABLE "$tenant"."x" ("id" int DEFAULT nextval('globex.note_id_seq'))"#,
        r#"ALTER TABLE "$tenant"."note" ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES globex.note (id)"#,
        r#"DROP TABLE "$tenant"."note", globex.note"#,
        r#"CREATE TYPE globex.mood AS ENUM ('x')"#,
        r#"DROP TYPE globex.mood"#,
        "DROP TYPE citext",
        "CREATE TYPE text AS ENUM ('a')",
        "ALTER TYPE citext ADD VALUE 'a'",
    ] {
        refused(sql);
    }
}

#[test]
fn long_lists_are_cut_in_every_part() {
    let rows = |cast: &str| {
        let row = |n: usize| {
            format!(
                "(${}, CAST(${} AS {cast}), ARRAY[${}::{cast}, $9::{cast}])",
                n,
                n + 1,
                n + 2
            )
        };
        (0..300).map(row).collect::<Vec<_>>().join(", ")
    };
    becomes(
        &format!("INSERT INTO note VALUES {} RETURNING id", rows("\"mood\"")),
        &format!(
            "INSERT INTO \"acme\".note VALUES {} RETURNING id",
            rows("\"acme\".\"mood\"")
        ),
    );
    let terms = |table: &str| vec![format!("id = $1 AND EXISTS (SELECT 1 FROM {table})"); 300].join(" OR ");
    becomes(
        &format!("SELECT 1 FROM note WHERE {}", terms("tag")),
        &format!("SELECT 1 FROM \"acme\".note WHERE {}", terms("\"acme\".tag")),
    );
    refused(&format!("SELECT 1 FROM note WHERE {}", terms("globex.tag")));
    let tables = |table: &str| vec![table; 400].join(", ");
    becomes(
        &format!("SELECT 1 FROM {}", tables("note")),
        &format!("SELECT 1 FROM {}", tables("\"acme\".note")),
    );
}

/// A text of 2 KiB and more is read in another way than a shorter one, and must mean the same.
#[test]
fn padding_changes_nothing() {
    for padding in [
        format!("/*{}*/", " ".repeat(2048)),
        " ".repeat(4096),
        format!("--{}\n", "x".repeat(3000)),
    ] {
        for sql in [
            "UPDATE note AS globex SET title = title RETURNING 1, globex.mood CASCADE; \
             DROP TYPE IF EXISTS mood, globex.mood CASCADE; DROP TYPE IF EXISTS mood, mood",
            "SELECT 1, a.b FROM note a, globex.note, globex.note, globex.note",
            "SELECT globex.id OR globex.id OR globex.id FROM note globex WHERE true OR globex.id",
            "SELECT * FROM note WHERE id IN (1, 2, 3, 4) AND title IN ('a', 'b', 'c', note.title)",
            "INSERT INTO note VALUES (1, $1), (2, $2), (3, $3), (4, $4), (5, DEFAULT) RETURNING note.id",
            "INSERT INTO note VALUES (1, $1::mood, 2), (3, $2::mood, 4), (5, $3::mood, 6), (7, $4::mood, 8)",
            "SELECT (1, globex.f(2), 3), (1, globex.f(2), 3), (1, globex.f(2), 3), (1, globex.f(2), 3) FROM note",
            "SELECT note, note, note, note FROM note, tag, note, tag, note, tag",
        ] {
            let padded = render(&format!("{padding}{sql}"));
            assert_eq!(
                padded.ok(),
                render(sql).ok().map(|text| format!("{padding}{text}")),
                "{sql}"
            );
        }
    }
}

/// A part that is left out says the same as the one that stays, with the same spaces.
#[test]
fn a_part_of_a_long_list_is_no_other_for_its_spaces() {
    let padding = "1, ".repeat(1000);
    refused(&format!(
        "SELECT {padding} u & \"set_config\", u & \"set_config\", U&\"set_config\"('a.b', 'c', false) FROM note"
    ));
    refused(&format!(
        "SELECT {padding} u & \"a\", u & \"a\", u&\"a\" FROM note"
    ));
}

/// Sizes that overflowed a stack of 2 MiB, which a test's thread has.
#[test]
fn the_largest_statements_compile() {
    let parameters = (1..=65_535)
        .map(|n| format!("${n}"))
        .collect::<Vec<_>>()
        .join(", ");
    assert!(render(&format!("SELECT * FROM note WHERE id IN ({parameters})")).is_ok());
    let rows = vec!["($1, $2)"; 32_767].join(", ");
    assert!(render(&format!("INSERT INTO note (a, b) VALUES {rows}")).is_ok());
    let literal = "x".repeat(1024 * 1024);
    assert!(render(&format!("SELECT '{literal}' FROM note")).is_ok());
    // Nothing repeats here.
    let chain = (1..=60_000)
        .map(|n| format!("a{n} = {n}"))
        .collect::<Vec<_>>()
        .join(" OR ");
    assert!(matches!(
        render(&format!("SELECT * FROM note WHERE {chain}")),
        Ok(_) | Err(Refusal::TooLong { .. })
    ));
    let nested = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    refused(&nested);
    refused(&format!("SELECT {}1", "- ".repeat(50_000)));
    refused(&format!("SELECT {}true", "NOT ".repeat(50_000)));
}

/// Depths that overflowed the stack without optimisation, although the parser looks after it: it is aborted then, and
/// the process with it.
#[test]
fn the_deepest_statements_compile_or_are_refused() {
    for (start, open, middle, close) in [
        ("SELECT * FROM ", "(note JOIN ", "tag", " ON true)"),
        ("SELECT * FROM ", "note JOIN ", "tag", " ON true"),
        ("SELECT * FROM ", "(SELECT * FROM ", "note", ") x"),
        ("SELECT ", "(SELECT ", "1", ")"),
        ("SELECT ", "EXISTS (SELECT ", "1", ")"),
        ("SELECT ", "CASE WHEN ", "true", " THEN true END"),
        ("SELECT ", "NOT ", "true", ""),
        ("SELECT ", "f(", "1", ")"),
        ("SELECT ", "ARRAY[", "1", "]"),
        ("SELECT ", "- ", "1", ""),
        ("", "WITH a AS (", "SELECT 1", ") SELECT 1"),
        ("SELECT 1 ", "UNION (SELECT 1 ", "", ")"),
    ] {
        for depth in [1, 10, 14, 18, 24, 40, 100, 1000] {
            let _ = render(&format!(
                "{start}{}{middle}{}",
                open.repeat(depth),
                close.repeat(depth)
            ));
        }
    }
}

/// The parser goes on after an error, and may be deeper in it for each word.
#[test]
fn texts_that_are_no_sql_do_not_overflow_the_stack() {
    for (start, word) in [
        ("SELECT 1 ", "WITH "),
        ("", "WITH a AS "),
        ("CREATE ", "PREPARE "),
        ("SELECT * FROM ", "a CROSS "),
        ("SELECT * FROM ", "a RIGHT JOIN "),
        ("SELECT ", "| a AS "),
        ("SELECT ", "( ] "),
        ("SELECT ", "NOT AND "),
        ("SELECT 1 ", "+ NOT set "),
        ("SELECT 1 ", "::set"),
    ] {
        refused(&format!("{start}{}", word.repeat(30_000)));
    }
}

/// Each took the parser seconds.
#[test]
fn texts_that_the_parser_reads_again_and_again_are_refused() {
    let is_too_far = |sql: &str| {
        let unit = "tokens to look ahead at";
        matches!(render(sql), Err(Refusal::TooLong { unit: found, .. }) if found == unit)
    };
    let columns = |count: usize| vec!["a"; count].join(", ");
    let calls = |depth: usize, count: usize| {
        let columns = columns(count);
        format!(
            "SELECT {}{columns}{} FROM note",
            "abs(".repeat(depth),
            ")".repeat(depth)
        )
    };
    assert!(is_too_far(&calls(499, 150_000)));
    let signs = vec![format!("{}1", "+".repeat(490)); 500].join(", ");
    assert!(is_too_far(&format!("SELECT {signs}")));
    assert!(render(&calls(10, 10_000)).is_ok());
    assert!(render(&calls(499, 1_000)).is_ok());
}

/// The time grew with the square of their number.
#[test]
fn many_selects_in_brackets_are_compiled() {
    let sql = vec!["(SELECT id FROM note)"; 2_000].join(" UNION ");
    becomes(&sql, &sql.replace("note", "\"acme\".note"));
}

#[test]
fn functions_have_a_scope() {
    becomes(
        "SELECT total(1), slug($1)",
        "SELECT \"acme\".total(1), \"public\".slug($1)",
    );
    becomes(
        "SELECT * FROM total(1) AS t",
        "SELECT * FROM \"acme\".total(1) AS t",
    );
    becomes(
        "SELECT * FROM ROWS FROM (total(1), generate_series(1, 2)) AS t",
        "SELECT * FROM ROWS FROM (\"acme\".total(1), generate_series(1, 2)) AS t",
    );
    stays("SELECT public.slug(title) FROM public.plan");
    stays("SELECT pg_catalog.lower($1), coalesce($1, $2), greatest(1, 2), current_user, now()");
    for function in ["forgotten", "public.forgotten", "reference.forgotten"] {
        assert_eq!(
            refused(&format!("SELECT {function}(1)")),
            Refusal::UnknownFunction("forgotten".to_owned())
        );
    }
    for sql in [
        "SELECT globex.total(1)",
        "SELECT public.total(1)",
        "SELECT \"Total\"(1)",
        "SELECT pg_catalog.forgotten(1)",
        "SELECT dblink_exec('x')",
        "SELECT public.dblink_exec('x')",
        "SELECT (note.f)(1) FROM note",
    ] {
        refused(sql);
    }
}

#[test]
fn types_functions_and_operators_of_extensions_are_found() {
    becomes(
        "SELECT similarity(title, $1), title <<-> $1, $1::citext[] FROM note",
        "SELECT \"extensions\".similarity(title, $1), title <<-> $1, $1::\"extensions\".citext[] FROM \"acme\".note",
    );
    stays(
        "SELECT extensions.similarity('a', 'b'), 'a' OPERATOR(extensions.<<->) 'b', 'a'::extensions.citext",
    );
    for sql in [
        "SELECT set_limit(1)",
        "SELECT extensions.set_limit(1)",
        "SELECT extensions.forgotten(1)",
        "SELECT * FROM extensions.forgotten",
        "SELECT 1 <<<-> 2",
        "SELECT 1 OPERATOR(extensions.+) 2",
    ] {
        refused(sql);
    }
}

#[test]
fn operators_are_postgresqls_own_or_allowed() {
    stays(
        "SELECT 1 <> 2, 1 != 2, $1 @> $2, $1 -> 'a' ->> 'b', $1 #>> '{a}', a ~* b, - 1, @ 1, |/ 4, $1 ?| $2, $1 ^@ $2, \
         1 OPERATOR(pg_catalog.+) 2, a <-> b, a && b, a || b, 5 % 2, a IS DISTINCT FROM b, a ISNULL, a NOTNULL",
    );
    stays("SELECT 1 OPERATOR(reference.+) 2");
    becomes(
        "SELECT 1 OPERATOR(\"$tenant\".+) 2",
        "SELECT 1 OPERATOR(\"acme\".+) 2",
    );
    assert_eq!(
        refused("SELECT 1 <+> 2"),
        Refusal::UnknownOperator("<+>".to_owned())
    );
    refused("SELECT 1 FROM note ORDER BY 1 USING <+>");
    refused("SELECT 1 OPERATOR(pg_catalog.<+>) 2");
    refused("SELECT 1 OPERATOR(app.public.+) 2");
}

/// A table has a type of the same name.
#[test]
fn row_types_are_those_of_tables() {
    becomes(
        "SELECT * FROM jsonb_populate_recordset(NULL::note, $1), json_populate_record(NULL::\"plan\", $2)",
        "SELECT * FROM jsonb_populate_recordset(NULL::\"acme\".note, $1), json_populate_record(NULL::\"public\".\"plan\", $2)",
    );
    for sql in [
        "SELECT NULL::pg_catalog.pg_type",
        "SELECT NULL::pg_type",
        "SELECT NULL::pg_sequences",
        "SELECT NULL::information_schema.tables",
        "SELECT json_populate_record(NULL::globex.note, '{}')",
    ] {
        refused(sql);
    }
}

/// Each of these gave the name of another tenant's table or schema.
#[test]
fn names_of_others_are_not_told() {
    for sql in [
        "SELECT regnamespaceout(16385)",
        "SELECT regclassout('globex.note')",
        "SELECT (n).regtypeout FROM generate_series(1, 9) AS n",
        "SELECT (n).regclass FROM generate_series(1, 9) AS n",
        "SELECT n._regclass FROM generate_series(1, 9) AS n",
        "SELECT regclasssend('globex.note')",
        "SELECT coalesce(n, pg_typeof(1)) FROM generate_series(1, 9) AS n",
        "SELECT (ARRAY[pg_typeof(1), 'globex.note'])[2]",
        "SELECT pg_typeof(1) UNION SELECT 'globex.note'",
        "VALUES (pg_typeof(1)), ('globex.note')",
        "SELECT CASE WHEN true THEN 'globex.note' ELSE pg_typeof(1) END",
        "SELECT (pg_typeof(1)).regtypeout",
        "SELECT n.pg_typeof FROM generate_series(1, 9) AS n",
        "SELECT isn_weak(true)",
        "SELECT setseed(0.5)",
        "SELECT to_tsvector('globex.config', title) FROM note",
        "SELECT to_tsvector(('globex.config'), title) FROM note",
        "SELECT to_tsvector('globex.config'::regconfig, title) FROM note",
        "SELECT to_tsvector(E'globex.config', title) FROM note",
        "SELECT to_tsvector($$globex.config$$, title) FROM note",
        "SELECT to_tsvector(16384, title) FROM note",
        "SELECT to_tsvector(n, 'a') FROM generate_series(16384, 20000) AS n",
        "SELECT to_tsvector(config => 'globex.config', document => title) FROM note",
        "SELECT ts_headline(id, title, $1) FROM note",
        "SELECT ts_headline('globex.config', title, $1) FROM note",
        "SELECT coalesce('english'::regconfig, 'globex.config')",
        "SELECT 'english'::regconfig",
        "SELECT CASE WHEN true THEN 'english'::regconfig ELSE 'globex.config' END",
        "SELECT to_tsvector(coalesce('english'::regconfig, 'globex.config'), title) FROM note",
        "SELECT to_tsvector('english', title, 'german'::regconfig) FROM note",
        "SELECT 'globex.config'::unknown",
        "SELECT ts_lexize('globex.dictionary', $1)",
        "SELECT 'globex.config'::regconfig",
        "SELECT title::regconfig FROM note",
        "SELECT $1::regconfig",
        "SELECT 'globex.dictionary'::regdictionary",
        "SELECT 'globex=r/acme'::aclitem",
        "SELECT pg_input_is_valid('globex.note', 'regclass')",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT pg_typeof(title)::text, CAST(pg_typeof(1) AS text), to_tsvector('english', title), to_tsvector(title), \
         to_tsquery('a & b'), to_tsvector('pg_catalog.german'::regconfig, title), ts_headline('simple', title, $1), \
         ts_headline(title::text, $1, 'MaxWords=1') FROM note",
        "SELECT pg_typeof(title)::text, CAST(pg_typeof(1) AS text), to_tsvector('english', title), to_tsvector(title), \
         to_tsquery('a & b'), to_tsvector('pg_catalog.german'::regconfig, title), ts_headline('simple', title, $1), \
         ts_headline(title::text, $1, 'MaxWords=1') FROM \"acme\".note",
    );
}

#[test]
fn a_text_is_one_statement() {
    for sql in [
        "SELECT 1; SELECT 2",
        "SELECT 1; DELETE FROM note",
        "SELECT 1 SELECT 2",
        "",
        " -- nothing\n",
        ";",
    ] {
        refused(sql);
    }
    becomes("SELECT 1 FROM note;", "SELECT 1 FROM \"acme\".note;");
    becomes("SELECT 1 FROM note; ;\n", "SELECT 1 FROM \"acme\".note; ;\n");
}

/// For PostgreSQL the WITH in front of a UNION belongs to all of it.
#[test]
fn the_names_of_a_with_reach_as_far_as_postgresql_says() {
    for (sql, expected) in [
        (
            "WITH note AS (SELECT 1) SELECT * FROM note UNION SELECT * FROM note UNION SELECT * FROM note",
            "WITH note AS (SELECT 1) SELECT * FROM note UNION SELECT * FROM note UNION SELECT * FROM note",
        ),
        (
            "(WITH note AS (SELECT 1) SELECT * FROM note) UNION SELECT * FROM note",
            "(WITH note AS (SELECT 1) SELECT * FROM note) UNION SELECT * FROM \"acme\".note",
        ),
        (
            "WITH note AS (SELECT 1) (SELECT * FROM note) UNION (SELECT * FROM note) ORDER BY (SELECT 1 FROM note)",
            "WITH note AS (SELECT 1) (SELECT * FROM note) UNION (SELECT * FROM note) ORDER BY (SELECT 1 FROM note)",
        ),
        (
            "SELECT (WITH note AS (SELECT 1) SELECT 1 FROM note UNION SELECT 1 FROM note), * FROM note",
            "SELECT (WITH note AS (SELECT 1) SELECT 1 FROM note UNION SELECT 1 FROM note), * FROM \"acme\".note",
        ),
        (
            "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM note",
            "",
        ),
        (
            "WITH note AS (SELECT 1) INSERT INTO tag WITH tag AS (SELECT * FROM note) SELECT * FROM tag, note",
            "WITH note AS (SELECT 1) INSERT INTO \"acme\".tag WITH tag AS (SELECT * FROM note) SELECT * FROM tag, note",
        ),
        (
            "WITH note AS (SELECT 1) MERGE INTO note USING note AS n ON true WHEN MATCHED THEN DELETE",
            "WITH note AS (SELECT 1) MERGE INTO \"acme\".note USING note AS n ON true WHEN MATCHED THEN DELETE",
        ),
        (
            "WITH RECURSIVE note AS (SELECT 1 AS n), tag(n) AS NOT MATERIALIZED (SELECT n FROM note UNION ALL SELECT n FROM \
             tag) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT * FROM tag, ONLY note",
            "WITH RECURSIVE note AS (SELECT 1 AS n), tag(n) AS NOT MATERIALIZED (SELECT n FROM note UNION ALL SELECT n FROM \
             tag) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT * FROM tag, ONLY note",
        ),
    ] {
        match expected {
            "" => assert_eq!(refused(sql), unknown_table("b")),
            expected => becomes(sql, expected),
        }
    }
}

/// SQL that another parser did not take.
#[test]
fn what_postgresql_takes_is_understood() {
    for (sql, expected) in [
        (
            "INSERT INTO note (id) OVERRIDING SYSTEM VALUE SELECT $1 ON CONFLICT (lower(x) COLLATE \"C\" text_ops) WHERE a > 1 \
             DO UPDATE SET meta['a']['b'] = excluded.x WHERE note.id = 1",
            "INSERT INTO \"acme\".note (id) OVERRIDING SYSTEM VALUE SELECT $1 ON CONFLICT (lower(x) COLLATE \"C\" text_ops) WHERE \
             a > 1 DO UPDATE SET meta['a']['b'] = excluded.x WHERE note.id = 1",
        ),
        (
            "UPDATE note SET id = 1 RETURNING WITH (OLD AS o, NEW AS n) o.id, n.id",
            "UPDATE \"acme\".note SET id = 1 RETURNING WITH (OLD AS o, NEW AS n) o.id, n.id",
        ),
        (
            "SELECT * FROM note FOR NO KEY UPDATE OF note NOWAIT",
            "SELECT * FROM \"acme\".note FOR NO KEY UPDATE OF note NOWAIT",
        ),
        (
            "SELECT * FROM note JOIN plan USING (id) AS j FOR KEY SHARE",
            "SELECT * FROM \"acme\".note JOIN \"public\".plan USING (id) AS j FOR KEY SHARE",
        ),
        (
            "SELECT count(*) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM note GROUP BY \
             DISTINCT ROLLUP (a), CUBE (b)",
            "SELECT count(*) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM \"acme\".note GROUP BY \
             DISTINCT ROLLUP (a), CUBE (b)",
        ),
        (
            "SELECT (n).*, trim(LEADING FROM t), a BETWEEN SYMMETRIC 2 AND 1, 1_000, x AT LOCAL, inet '10.0.0.1' << i, \
             concat(VARIADIC $1), a = ANY (VALUES (1), (2)), JSON_VALUE(j, '$' RETURNING mood) FROM note AS n",
            "SELECT (n).*, trim(LEADING FROM t), a BETWEEN SYMMETRIC 2 AND 1, 1_000, x AT LOCAL, inet '10.0.0.1' << i, \
             concat(VARIADIC $1), a = ANY (VALUES (1), (2)), JSON_VALUE(j, '$' RETURNING \"acme\".mood) FROM \"acme\".note AS n",
        ),
        (
            "SELECT * FROM note TABLESAMPLE bernoulli (10) REPEATABLE (1), json_to_recordset($1) AS j(a text, b mood[])",
            "SELECT * FROM \"acme\".note TABLESAMPLE bernoulli (10) REPEATABLE (1), json_to_recordset($1) AS j(a text, b \
             \"acme\".mood[])",
        ),
        (
            "INSERT INTO note VALUES (1) ON CONFLICT ON CONSTRAINT note_pkey DO NOTHING",
            "INSERT INTO \"acme\".note VALUES (1) ON CONFLICT ON CONSTRAINT note_pkey DO NOTHING",
        ),
    ] {
        becomes(sql, expected);
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    for (sql, text) in [
        ("SELECT * FROM nota", "did you mean \"note\"?"),
        ("this is no SQL", "at byte 0"),
        ("SELECT * FROM note WHERE", "at byte"),
        ("COPY note FROM STDIN", "copy_in_raw"),
        (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "begin_with_config",
        ),
        ("SELECT * FROM pg_catalog.pg_class", "Tenants::shared_connection"),
        ("SELECT set_config('a.b', 'c', true)", "begin_unguarded"),
        ("SELECT 1; SELECT 2", "one by one"),
        ("SELECT forgotten(1)", "TenantsBuilder::function"),
        ("SELECT 1 <+> 2", "allow_extension"),
        ("DELETE FROM note WHERE CURRENT OF c", "where current of"),
    ] {
        let refusal = refused(sql).to_string();
        assert!(refusal.contains(text), "{sql}\n{refusal}");
    }
    for sql in ["this is no SQL", "SELECT * FROM", "SELECT * FROM note WHERE"] {
        let refusal = refused(sql).to_string();
        assert!(
            !refusal.contains("begin_unguarded") && !refusal.contains("_KW"),
            "{refusal}"
        );
    }
}

#[test]
fn schema_changes_are_marked() {
    let changes = |sql: &str| compile(sql, &rules()).unwrap().changes_schema();
    assert!(changes("DROP TABLE note") && changes("CREATE INDEX i ON note (id)"));
    assert!(!changes("DELETE FROM note") && !changes("EXPLAIN SELECT * FROM note"));
    becomes("DROP INDEX i", "DROP INDEX \"acme\".i");
    becomes("DROP INDEX \"$tenant\".i", "DROP INDEX \"acme\".i");
    becomes(
        "ALTER TABLE note RENAME TO tag",
        "ALTER TABLE \"acme\".note RENAME TO tag",
    );
    becomes(
        "ALTER TABLE note DROP CONSTRAINT c",
        "ALTER TABLE \"acme\".note DROP CONSTRAINT c",
    );
    becomes(
        "CREATE TYPE mood AS ENUM ('it''s', 'a\"b')",
        "CREATE TYPE \"acme\".mood AS ENUM ('it''s', 'a\"b')",
    );
    becomes(
        "CREATE TABLE note (title text COLLATE \"C\")",
        "CREATE TABLE \"acme\".note (title text COLLATE \"C\")",
    );
    for sql in [
        "DROP INDEX globex.i",
        "DROP INDEX public.i",
        "ALTER INDEX i RENAME TO j",
        "DROP TYPE IF EXISTS mood, globex.mood CASCADE",
        "EXPLAIN CREATE TABLE note AS SELECT 1",
        "CREATE TABLE note (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE note PARTITION OF tag DEFAULT",
        "ALTER TABLE note OWNER TO globex",
        "ALTER TABLE note INHERIT globex.note",
        "CREATE TYPE mood AS (a int)",
        "CREATE VIEW note AS SELECT 1",
    ] {
        refused(sql);
    }
}

/// PostgreSQL calls `crosstab2` for `('SELECT ...'::text).crosstab2`, whether the extension is allowed or not.
#[test]
fn fields_that_call_functions_of_extensions_are_refused() {
    for sql in [
        "SELECT ('SELECT title FROM globex.note'::text).crosstab2",
        "SELECT sql.crosstab3 FROM unnest(ARRAY['SELECT title FROM globex.note']) AS sql",
        "SELECT ('dbname=app'::text).dblink_connect",
        "SELECT (0.1::real).set_limit",
        "SELECT (true).isn_weak",
        "SELECT ('globex.note'::text).pgstattuple",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT note.page_header, note.schedule, (note).has_children FROM note",
        "SELECT note.page_header, note.schedule, (note).has_children FROM \"acme\".note",
    );
}

#[test]
fn a_dictionary_of_unaccent_is_postgresqls_own() {
    for sql in [
        "SELECT unaccent('globex.words', title) FROM note",
        "SELECT extensions.unaccent('globex.words', title) FROM note",
        "SELECT unaccent(16384, title) FROM note",
        "SELECT unaccent($1, title) FROM note",
    ] {
        refused(sql);
    }
    becomes(
        "SELECT unaccent(title), extensions.unaccent('simple', title) FROM note",
        "SELECT \"extensions\".unaccent(title), extensions.unaccent('simple', title) FROM \"acme\".note",
    );
}

/// The time grew with the square of their number: 30,000 took over 25 s without optimisation.
#[test]
fn many_common_table_expressions_are_compiled() {
    let more: String = (0..10_000).map(|n| format!(", t{n} AS (TABLE note)")).collect();
    let sql = format!("WITH a AS (TABLE note){more} SELECT * FROM a, t9999");
    becomes(&sql, &sql.replace("TABLE note", "TABLE \"acme\".note"));
}

#[test]
fn attacks_in_odd_places_are_refused() {
    for sql in [
        "(WITH pg_class AS (SELECT 1) SELECT 1) UNION SELECT relnamespace::int FROM pg_class",
        "((WITH pg_class AS (SELECT 1) SELECT 1)) LIMIT (SELECT count(*) FROM pg_class)",
        "INSERT INTO note WITH pg_class AS (SELECT 1) SELECT 'x' RETURNING (SELECT count(*) FROM pg_class)",
        "WITH a AS (SELECT * FROM pg_class), pg_class AS (SELECT 1) SELECT * FROM a",
        "SELECT * FROM (VALUES (1)) pg_class, LATERAL (SELECT * FROM pg_class) x",
        "SELECT (CASE WHEN true THEN 'globex.note'::text END).regclass",
        "SELECT ('globex.note'::text COLLATE \"C\").regclass",
        "SELECT to_tsvector(CASE WHEN true THEN 'english'::regconfig ELSE 'globex.words' END, 'x')",
        "SELECT to_tsvector('english' 'x', 'x')",
        "SELECT ts_headline(config => 'globex.words', document => 'a', query => 'b'::tsquery)",
        "SELECT * FROM ROWS FROM (json_to_record('{}') AS (a globex.mood)) t",
        "SELECT * FROM json_table('{}', '$' COLUMNS (NESTED PATH '$.a' COLUMNS (b regtype))) t",
        "SELECT * FROM json_table('{}', '$' COLUMNS (a text DEFAULT (SELECT title FROM globex.note) ON EMPTY)) t",
        "SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS b regclass PATH '@b' DEFAULT 'globex.note')",
        "SELECT xmlserialize(content '<a/>' AS globex.d)",
        "SELECT json_value('{}', '$' RETURNING regclass DEFAULT 'globex.note' ON EMPTY)",
        "SELECT 'x'::varchar(globex.f())",
        "SELECT NULL::globex.note.title%TYPE",
        "UPDATE note SET title[globex.f()] = 'x'",
        "INSERT INTO note (title) VALUES ('x') ON CONFLICT (title COLLATE globex.c) DO NOTHING",
        "SELECT - OPERATOR(globex.-) 2",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY title COLLATE globex.c) FROM note",
        "EXPLAIN (ANALYZE) CREATE TABLE public.x AS SELECT 1",
        "EXPLAIN EXECUTE sqlx_s_1",
        "CREATE TEMP TABLE \"$tenant\".x (id int)",
        "CREATE TABLE \"$tenant\".x (id int GENERATED ALWAYS AS IDENTITY (OWNED BY globex.note.id))",
        "CREATE TABLE \"$tenant\".x (id int, CHECK ((id).regclass IS NULL))",
        "ALTER TABLE note ADD CONSTRAINT c UNIQUE USING INDEX globex.i",
        "DROP INDEX i, globex.i",
        "DROP TYPE mood, globex.mood",
    ] {
        refused(sql);
    }
}

/// The session's schema is `public` for every tenant.
#[test]
fn the_current_schema_is_the_tenants() {
    let name = "pg_catalog.name('acme')";
    becomes(
        "SELECT current_schema, CURRENT_SCHEMA(), pg_catalog.current_schema ( ) AS s FROM note",
        &format!("SELECT {name}, {name}, {name} AS s FROM \"acme\".note"),
    );
    becomes(
        "SELECT * FROM current_schema() AS s WHERE s = current_schema",
        &format!("SELECT * FROM {name} AS s WHERE s = {name}"),
    );
    stays("SELECT note.current_schema FROM public.note");
    let template = compile("SELECT current_schema()", &rules()).unwrap();
    assert_eq!(
        template.render(&SchemaName::shared()).unwrap(),
        "SELECT pg_catalog.name('public')"
    );
}

#[cfg(feature = "rbac")]
#[test]
fn the_tables_of_a_statement_are_found_wherever_they_stand() {
    let found = |sql: &str| {
        let template = compile(sql, &rules()).unwrap();
        let uses = template.uses().iter();
        let name = |schema: &Option<String>| schema.clone().unwrap_or_else(|| "tenant".to_owned());
        uses.map(|found| format!("{} {}.{}", found.action, name(&found.schema), found.table))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (sql, tables) in [
        ("SELECT 1", ""),
        ("TABLE note", "select tenant.note"),
        (
            "SELECT id FROM note ORDER BY (SELECT max(id) FROM \"$tenant\".tag)",
            "select tenant.note, select tenant.tag",
        ),
        (
            "SELECT 1 FROM note JOIN plan ON EXISTS (SELECT FROM reference.x)",
            "select tenant.note, select public.plan, select reference.x",
        ),
        (
            "SELECT count(*) FROM note GROUP BY id HAVING id > (SELECT 1 FROM tag)",
            "select tenant.note, select tenant.tag",
        ),
        (
            "UPDATE note SET id = (SELECT 1 FROM tag) FROM plan WHERE id IN (SELECT id FROM note)",
            "update tenant.note, select tenant.tag, select public.plan, select tenant.note",
        ),
        (
            "WITH note AS (SELECT 1 FROM tag) SELECT 1 FROM note",
            "select tenant.tag",
        ),
        (
            "WITH d AS (DELETE FROM tag RETURNING id) INSERT INTO note SELECT id FROM d",
            "delete tenant.tag, insert tenant.note",
        ),
        (
            "MERGE INTO note USING tag ON true WHEN MATCHED THEN DELETE",
            "insert tenant.note, update tenant.note, delete tenant.note, select tenant.tag",
        ),
    ] {
        assert_eq!(found(sql), tables, "{sql}");
    }
}
