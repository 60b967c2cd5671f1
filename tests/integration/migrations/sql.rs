//! `tenant sql`: a statement in the schemas of many tenants.

use serde_json::{Value, json};
use tenant_core::{Refusal, Tenants};

use super::*;

const NOTES: Sql = Sql::new(
    "m1_create_notes",
    "CREATE TABLE note (id int PRIMARY KEY, title text);
     INSERT INTO note VALUES (1, current_schema()), (2, NULL)",
    "DROP TABLE note",
);

/// Runs a command, and returns the lines of its output with single spaces.
async fn lines(db: &TestDatabase, migrations: &Migrations, words: &[&str]) -> Vec<String> {
    let (out, result) = cli(db, migrations, words).await;
    result.unwrap_or_else(|error| panic!("{words:?}: {error}\n{out}"));
    compact(&out)
}

fn compact(out: &str) -> Vec<String> {
    let lines = out.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

async fn notes(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = format!("SELECT coalesce(title, '-') FROM {schema}.note ORDER BY id");
    column(db, &sql).await
}

#[tokio::test]
async fn the_rows_of_all_tenants_are_one_table() {
    let migrations = with([NOTES]);
    let (db, _) = with_tenants(&migrations, &["globex", "acme"]).await;
    for statement in [
        "SELECT id, title FROM note ORDER BY id",
        "SELECT id, title FROM \"$tenant\".note ORDER BY id ; ",
        "SELECT id, title FROM note ORDER BY id -- these )",
        "WITH note AS (SELECT * FROM note) (SELECT id, title FROM note) ORDER BY id",
    ] {
        assert_eq!(
            lines(
                &db,
                &migrations,
                &["tenant", "sql", statement, "--tenants", "-j", "1"]
            )
            .await,
            [
                "schema id title",
                "acme 1 acme",
                "acme 2 NULL",
                "globex 1 globex",
                "globex 2 NULL",
                "2 tenants: 4 rows",
            ],
            "{statement}"
        );
    }
    let one = lines(
        &db,
        &migrations,
        &[
            "-s",
            "globex",
            "tenant",
            "sql",
            "SELECT * FROM note ORDER BY id LIMIT 1",
        ],
    )
    .await;
    assert_eq!(one, ["schema id title", "globex 1 globex", "1 tenant: 1 row"]);
    let none = lines(
        &db,
        &migrations,
        &["tenant", "sql", "SELECT * FROM note WHERE false", "--tenants"],
    )
    .await;
    assert_eq!(none, ["2 tenants: 0 rows"]);
}

#[tokio::test]
async fn rows_may_be_of_any_type_and_keep_what_they_are() {
    let migrations = with([]);
    let (db, _) = with_tenants(&migrations, &["acme"]).await;
    // Columns keep their order and duplicates, and numbers keep all digits.
    let statement = "SELECT 12345678901234567890.1230 AS z, 1 AS a, 2 AS a, '{1,NULL}'::int[] AS list,
        '\\x00ff'::bytea AS bytes, 'infinity'::timestamptz AS time, '{\"b\": [1]}'::jsonb AS doc, '1 day'::interval AS span,
        'NaN'::float8 AS nan, true AS yes, '10.0.0.0/8'::inet AS net, ROW(1, 'x') AS pair, numrange(1, 2) AS range,
        NULL AS nothing, 'b7c4fdcc-6d3f-4c1b-8c39-9d7d4c5ed0e8'::uuid AS id, 1 AS \"the answer\", 'v' AS value";
    assert_eq!(
        lines(&db, &migrations, &["tenant", "sql", statement, "--tenants"]).await,
        [
            "schema z a a list bytes time doc span nan yes net pair range nothing id the answer value",
            "acme 12345678901234567890.1230 1 2 [1,null] \\x00ff infinity {\"b\": [1]} 1 day NaN true 10.0.0.0/8 \
             {\"f1\":1,\"f2\":\"x\"} [1,2) NULL b7c4fdcc-6d3f-4c1b-8c39-9d7d4c5ed0e8 1 v",
            "1 tenant: 1 row",
        ]
    );
    let (out, result) = cli(
        &db,
        &migrations,
        &["tenant", "sql", statement, "--tenants", "--json"],
    )
    .await;
    result.unwrap();
    assert!(
        out.contains(
            r#""rows":[
{"z":12345678901234567890.1230,"a":1,"a":2,"list":[1,null],"#
        ),
        "{out}"
    );
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer[0]["rows"][0]["doc"], json!({ "b": [1] }));
    assert_eq!(answer[0]["rows"][0]["nothing"], Value::Null);
    // Rows without columns are counted.
    let out = lines(
        &db,
        &migrations,
        &["tenant", "sql", "SELECT FROM (VALUES (1)) AS one", "--tenants"],
    )
    .await;
    assert_eq!(out, ["schema", "acme", "1 tenant: 1 row"]);
}

#[tokio::test]
async fn a_plan_is_shown() {
    let migrations = with([NOTES]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let out = lines(
        &db,
        &migrations,
        &["tenant", "sql", "EXPLAIN SELECT * FROM note", "--tenants"],
    )
    .await;
    assert_eq!(out[0], "schema QUERY PLAN");
    assert!(out[1].starts_with("acme Seq Scan on note (cost="), "{out:?}");
    let statement = "EXPLAIN (FORMAT JSON) SELECT * FROM note";
    let (out, result) = cli(
        &db,
        &migrations,
        &["tenant", "sql", statement, "--tenants", "--json"],
    )
    .await;
    result.unwrap();
    let answer: Value = serde_json::from_str(&out).unwrap();
    let plan: Value = serde_json::from_str(answer[0]["rows"][0]["QUERY PLAN"].as_str().unwrap()).unwrap();
    assert_eq!(plan[0]["Plan"]["Node Type"], "Seq Scan");
    // EXPLAIN ANALYZE executes the statement, so a change fails without `--write`.
    let (out, result) = cli(
        &db,
        &migrations,
        &["tenant", "sql", "EXPLAIN ANALYZE DELETE FROM note", "--tenants"],
    )
    .await;
    assert!(result.is_err(), "{out}");
    assert_eq!(notes(&connection, "acme").await, ["acme", "-"]);
}

#[tokio::test]
async fn rows_are_changed_where_that_is_asked_for() {
    let migrations = with([NOTES]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let update = "UPDATE note SET title = title || '!' WHERE id = 1";
    for statement in [
        update,
        "DELETE FROM note RETURNING id",
        "INSERT INTO note VALUES (3, '3')",
        "SELECT * FROM note FOR UPDATE",
    ] {
        let (out, result) = cli(&db, &migrations, &["tenant", "sql", statement, "--tenants"]).await;
        assert!(
            matches!(result, Err(CliError::TenantsFailed { failed: 2, all: 2 })),
            "{result:?}"
        );
        assert!(
            out.contains("read-only transaction (25006): add --write"),
            "{out}"
        );
        assert!(out.ends_with("2 tenants: 0 rows, 2 failed\n"), "{out}");
    }
    assert_eq!(notes(&connection, "acme").await, ["acme", "-"]);

    let out = lines(
        &db,
        &migrations,
        &["tenant", "sql", update, "--tenants", "--write"],
    )
    .await;
    assert_eq!(
        out,
        [
            "schema rows changed",
            "acme 1",
            "globex 1",
            "2 tenants: 2 rows changed"
        ]
    );
    let statement = "INSERT INTO note (id, title) SELECT 3, title FROM note WHERE id = 1 RETURNING title, id";
    let out = lines(
        &db,
        &migrations,
        &["tenant", "sql", statement, "--tenant", "globex", "--write"],
    )
    .await;
    assert_eq!(out, ["schema title id", "globex globex! 3", "1 tenant: 1 row"]);
    assert_eq!(notes(&connection, "acme").await, ["acme!", "-"]);
    assert_eq!(notes(&connection, "globex").await, ["globex!", "-", "globex!"]);
    let words = [
        "tenant",
        "sql",
        "DELETE FROM note",
        "--tenants",
        "--write",
        "--json",
    ];
    let (out, result) = cli(&db, &migrations, &words).await;
    result.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        json!([
            { "schema": "acme", "error": null, "changed": 2, "rows": null },
            { "schema": "globex", "error": null, "changed": 3, "rows": null },
        ])
    );
}

#[tokio::test]
async fn what_leaves_the_tenant_is_refused_before_anything_is_run() {
    let migrations = with([NOTES]);
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    for statement in [
        // Other schemas, and PostgreSQL's catalog.
        "SELECT * FROM globex.note",
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT (SELECT title FROM globex.note LIMIT 1)",
        "WITH x AS (DELETE FROM globex.note RETURNING *) SELECT * FROM x",
        "INSERT INTO globex.note VALUES (9, 'x')",
        // Settings of the session, and functions that take a query or a name.
        "SET search_path = globex",
        "SELECT set_config('search_path', 'globex', false)",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT query_to_xml('SELECT * FROM globex.note', true, true, '')",
        "COMMIT",
        "COPY note TO STDOUT",
        "DO $$ BEGIN DELETE FROM globex.note; END $$",
        // More than one statement, or none.
        "DELETE FROM note; DELETE FROM note",
        "SELECT 1; COMMIT; DELETE FROM globex.note",
        "",
        "/* nothing */",
        // Attempts to close the query that wraps the statement.
        "SELECT 1) SELECT '[]' FROM globex.note --",
        "SELECT 1) SELECT '[]'::text FROM note; DELETE FROM globex.note --",
        "SELECT 1), x AS (DELETE FROM note RETURNING 1) SELECT '[]'::text --",
        "SELECT 1) AS x (SELECT 2",
        "SELECT 1 /*",
        "SELECT ')",
        "SELECT $x$",
        "SELECT 1 \0 ) SELECT 2",
        // Schema changes, which the ledger would not record.
        "DROP TABLE \"$tenant\".note",
        "ALTER TABLE \"$tenant\".note ADD COLUMN x int",
        "SELECT * INTO \"$tenant\".copy FROM note",
    ] {
        for more in [&[][..], &["--json"]] {
            let words = ["tenant", "sql", statement, "--tenants", "--write"];
            let words: Vec<_> = words.iter().chain(more).copied().collect();
            let (out, result) = cli(&db, &migrations, &words).await;
            assert!(
                matches!(result, Err(CliError::Refused(_) | CliError::ChangesSchema)),
                "{statement}: {result:?}"
            );
            assert_eq!(out, "", "{statement}");
        }
    }
    for name in ["acme", "globex"] {
        assert_eq!(notes(&connection, name).await, [name, "-"]);
        assert_eq!(tables(&connection, name).await, ["note", "seaql_migrations"]);
    }
    let (_, result) = cli(
        &db,
        &migrations,
        &["tenant", "sql", "SELECT * FROM nothing", "--tenants"],
    )
    .await;
    assert!(
        matches!(&result, Err(CliError::Refused(Refusal::UnknownTable { name, .. })) if name == "nothing"),
        "{result:?}"
    );
}

/// A statement with a change in WITH runs completely or not at all.
#[tokio::test]
async fn a_change_in_a_with_is_not_done_in_part() {
    let migrations = with([NOTES]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let statement = "WITH gone AS (DELETE FROM note RETURNING id) SELECT count(*) FROM gone";
    let (out, result) = cli(
        &db,
        &migrations,
        &["tenant", "sql", statement, "--tenants", "--write"],
    )
    .await;
    assert!(
        matches!(result, Err(CliError::TenantsFailed { failed: 1, all: 1 })),
        "{result:?}"
    );
    assert!(out.contains("must be at the top level"), "{out}");
    assert_eq!(notes(&connection, "acme").await, ["acme", "-"]);
    let statement =
        "WITH gone AS (DELETE FROM note RETURNING id) INSERT INTO note SELECT id + 5, 'x' FROM gone";
    let out = lines(
        &db,
        &migrations,
        &["tenant", "sql", statement, "--tenants", "--write"],
    )
    .await;
    assert_eq!(out[1..], ["acme 2", "1 tenant: 2 rows changed"]);
    assert_eq!(notes(&connection, "acme").await, ["x", "x"]);
}

#[tokio::test]
async fn a_tenant_that_fails_does_not_stop_the_others() {
    let migrations = with([NOTES]);
    let (db, _) = with_tenants(&migrations, &["acme", "globex", "initech"]).await;
    db.execute("DROP TABLE globex.note; ALTER TABLE acme.note ADD COLUMN more int")
        .await;
    let words = ["tenant", "sql", "SELECT * FROM note WHERE id = 1", "--tenants"];
    let (out, result) = cli(&db, &migrations, &words).await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "1 of 3 tenants failed: see above");
    assert_eq!(
        compact(&out),
        [
            "schema id title more error",
            "acme 1 acme NULL",
            "globex relation \"globex.note\" does not exist (42P01)",
            "initech 1 initech",
            "3 tenants: 2 rows, 1 failed",
        ]
    );
    let (out, result) = cli(&db, &migrations, &[&words[..], &["--json"]].concat()).await;
    assert!(matches!(
        result,
        Err(CliError::TenantsFailed { failed: 1, all: 3 })
    ));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer[1]["rows"], Value::Null);
    assert!(answer[1]["error"].as_str().unwrap().contains("does not exist"));
    assert_eq!(answer[2]["rows"], json!([{ "id": 1, "title": "initech" }]));
}

/// Control characters in a customer's data are escaped before an operator's terminal shows them.
#[tokio::test]
async fn a_customers_text_does_not_reach_the_terminal_as_it_is() {
    let migrations = with([NOTES]);
    let (db, _) = with_tenants(&migrations, &["acme"]).await;
    db.execute("UPDATE acme.note SET title = E'a\\x1b[2J\\u009b2J\\nb' WHERE id = 1")
        .await;
    let statement = "SELECT title FROM note WHERE id = 1";
    let (out, result) = cli(&db, &migrations, &["tenant", "sql", statement, "--tenants"]).await;
    result.unwrap();
    assert!(out.contains(r"a\u{1b}[2J\u{9b}2J\nb"), "{out}");
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
}

#[tokio::test]
async fn tenants_are_chosen_and_never_all_by_accident() {
    let migrations = with([NOTES]);
    let names = [
        "active",
        "archived",
        "dropping",
        "maintenance",
        "pending",
        "provisioning",
        "suspended",
    ];
    let (db, _) = with_tenants(&migrations, &names).await;
    db.execute("UPDATE public.tenants SET status = schema_name; UPDATE public.tenants SET kind = 'trial' WHERE id <= 2")
        .await;
    let chosen = async |choice: &[&str]| {
        let (out, result) = cli(
            &db,
            &migrations,
            &[choice, &["tenant", "sql", "SELECT 1 AS x"]].concat(),
        )
        .await;
        result.map(|()| {
            let lines = compact(&out).into_iter().filter(|line| line.ends_with(" 1"));
            lines
                .map(|line| line.trim_end_matches(" 1").to_owned())
                .collect::<Vec<_>>()
        })
    };
    let error = chosen(&[]).await.unwrap_err();
    assert!(matches!(error, CliError::NoTenants), "{error}");
    let with_flags = async |flags: &[&str]| {
        let words = [&["tenant", "sql", "SELECT 1 AS x"], flags].concat();
        let (out, result) = cli(&db, &migrations, &words).await;
        result.unwrap();
        let lines = compact(&out).into_iter().filter(|line| line.ends_with(" 1"));
        lines
            .map(|line| line.trim_end_matches(" 1").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        with_flags(&["--tenants"]).await,
        ["active", "maintenance", "suspended"]
    );
    assert_eq!(with_flags(&["--kind", "trial"]).await, ["active"]);
    assert_eq!(with_flags(&["--kind", "other"]).await, [""; 0]);
    // Named tenants run in the order of the names, each once, with any status.
    let named = "suspended,archived,DROPPING,pending,provisioning,archived";
    assert_eq!(
        with_flags(&["--tenant", named]).await,
        ["suspended", "archived", "dropping", "pending", "provisioning"]
    );
    assert_eq!(chosen(&["-s", "archived"]).await.unwrap(), ["archived"]);
    for (choice, missing) in [("nobody", "nobody"), ("public", "public")] {
        let error = chosen(&["-s", choice]).await.unwrap_err();
        assert!(
            matches!(&error, CliError::Lookup(LookupError::NoSuchTenant { schema }) if schema.as_str() == missing),
            "{error}"
        );
    }
    // `--tenants` does not include the public tenant.
    db.execute("INSERT INTO public.tenants (schema_name, name, status) VALUES ('public', 'Main', 'active')")
        .await;
    assert_eq!(
        with_flags(&["--tenants"]).await,
        ["active", "maintenance", "suspended"]
    );
    assert_eq!(with_flags(&["--shared"]).await, ["public"]);

    let empty = TestDatabase::create().await;
    for choice in [&["--tenants"][..], &["--tenant", "acme"]] {
        let words = [&["tenant", "sql", "SELECT 1"], choice].concat();
        let (_, result) = cli(&empty, &migrations, &words).await;
        assert!(
            matches!(result, Err(CliError::Lookup(LookupError::NoCatalog))),
            "{result:?}"
        );
    }
}

/// The command line accepts exactly the schemas and names that the application's configuration accepts.
#[tokio::test]
async fn statements_are_checked_as_the_application_says() {
    let migrations = with([NOTES]);
    let (db, _) = with_tenants(&migrations, &["acme"]).await;
    db.execute("CREATE SCHEMA reference; CREATE TABLE reference.country (code text)")
        .await;
    let words = [
        "tenant",
        "sql",
        "SELECT count(*) AS n FROM reference.country",
        "--tenants",
    ];
    let (_, result) = cli(&db, &migrations, &words).await;
    assert!(
        matches!(result, Err(CliError::Refused(Refusal::ForeignSchema { .. }))),
        "{result:?}"
    );
    let allowing = migrations
        .clone()
        .with_tenants(|| Tenants::builder().allow_schema("reference"));
    assert_eq!(lines(&db, &allowing, &words).await[1], "acme 0");
    // A configuration that opens one tenant's schema to all others is refused.
    let opening = migrations.with_tenants(|| Tenants::builder().allow_schema("acme"));
    let (_, result) = cli(&db, &opening, &words).await;
    assert!(matches!(result, Err(CliError::Tenants(_))), "{result:?}");
}
