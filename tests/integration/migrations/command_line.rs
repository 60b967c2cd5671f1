//! The command line, run in this process.

use tenant_migration::PlanError;

use super::*;

#[tokio::test]
async fn from_an_empty_database_to_two_tenants() {
    let db = TestDatabase::create().await;
    let migrations = example_migration::migrations();
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, words).await;
        result.unwrap();
        out
    };
    // Without a subcommand, the command is `up`.
    assert!(
        run(&[])
            .await
            .starts_with("public  applied 8 migrations, m20000101_000001_create_tenants to ")
    );
    let words = [
        "tenant",
        "create",
        "public",
        "--name",
        "Notes",
        "--domain",
        "localhost",
    ];
    assert_eq!(run(&words).await, "created the public tenant at localhost\n");
    let words = [
        "tenant",
        "create",
        "acme",
        "--name",
        "Acme Inc.",
        "--domain",
        "ACME.localhost",
        "--kind",
        "trial",
    ];
    assert_eq!(run(&words).await, "created tenant acme at acme.localhost\n");
    assert_eq!(
        run(&["tenant", "create", "globex"]).await,
        "created tenant globex\n"
    );

    let rows: Vec<_> = run(&["tenant", "list"]).await.lines().map(words_of).collect();
    assert_eq!(
        rows,
        [
            "schema name domain kind status version",
            "acme Acme Inc. acme.localhost trial active m20260101_000001_create_note",
            "globex globex - default active m20260101_000001_create_note",
            "public Notes localhost default active -",
        ]
    );
    let json: serde_json::Value = serde_json::from_str(&run(&["tenant", "list", "--json"]).await).unwrap();
    assert_eq!(json[0]["schema"], "acme");
    assert_eq!(json[1]["domain"], serde_json::Value::Null);
    assert_eq!(json[2]["status"], "active");

    assert_eq!(run(&["-s", "acme", "down"]).await.lines().count(), 1);
    let rows: Vec<_> = run(&["status"]).await.lines().map(words_of).collect();
    assert_eq!(
        rows,
        [
            "schema applied pending",
            "public 8 0",
            "acme 0 1 m20260101_000001_create_note",
            "globex 1 0",
        ]
    );
    let details = "acme\n  pending  m20260101_000001_create_note\n";
    assert_eq!(run(&["-s", "acme", "status"]).await, details);
    assert!(run(&["-v", "status"]).await.contains(details));
    let out = run(&["up"]).await;
    assert!(out.contains("\n3 schemas: 1 done, 2 nothing to do in "), "{out}");
    let out = run(&["down", "-n", "5"]).await;
    assert!(
        out.starts_with("Tenants only: the shared schema stays as it is."),
        "{out}"
    );
    assert!(
        run(&["fresh", "--tenants", "--yes"])
            .await
            .contains("globex  dropped everything, then applied m2026")
    );
    let refreshed = run(&["refresh", "--tenant", "acme,globex", "-y"]).await;
    assert!(refreshed.contains("acme    rolled back m2026"), "{refreshed}");
    let reset = run(&["-s", "acme", "reset", "--yes"]).await;
    assert!(reset.contains("then dropped the ledger"), "{reset}");
    assert!(
        run(&["-s", "public", "status"])
            .await
            .contains("  applied  m20260101_000001_create_plan")
    );
}

/// Collects the commands and visible arguments whose help is missing or a single word.
fn without_help(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let is_told = |text: Option<&clap::builder::StyledStr>| {
        text.is_some_and(|text| text.to_string().split_whitespace().count() > 1)
    };
    if !is_told(command.get_about()) {
        found.push(path.to_owned());
    }
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let help = argument.get_help().or_else(|| argument.get_long_help());
        if !is_told(help) {
            found.push(format!("{path} {}", argument.get_id()));
        }
    }
    for subcommand in command.get_subcommands() {
        without_help(subcommand, &format!("{path} {}", subcommand.get_name()), found);
    }
}

#[test]
fn every_command_and_argument_has_a_help_text() {
    use clap::CommandFactory as _;

    let mut found = vec![];
    without_help(&tenant_migration::cli::Args::command(), "migration", &mut found);
    assert!(found.is_empty(), "without help: {found:#?}");

    let bare = clap::Command::new("bare").arg(clap::Arg::new("argument"));
    let root = clap::Command::new("root")
        .about("The root of it")
        .subcommand(bare);
    without_help(&root, "root", &mut found);
    assert_eq!(found, ["root bare", "root bare argument"]);

    let help = tenant_migration::cli::Args::command()
        .render_long_help()
        .to_string();
    for word in [
        "Exit codes:",
        "Environment variables",
        "TENANT_MIGRATION_YES",
        "RUST_LOG",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

fn words_of(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_unknown_schema_is_an_error_and_nothing_is_created() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    for command in ["up", "down", "status", "fresh", "refresh", "reset"] {
        let (out, result) = cli(&db, &migrations, &["-s", "nobody", command]).await;
        let error = result.unwrap_err();
        assert!(
            matches!(&error, CliError::Plan(PlanError::Lookup(LookupError::NoSuchTenant { schema })) if schema.as_str() == "nobody")
        );
        assert!(
            error.to_string().contains("no tenant nobody") && out.is_empty(),
            "{error}"
        );
    }
    for name in ["Public", "a b", "pg_temp", "a\"b"] {
        let (_, result) = cli(&db, &migrations, &["-s", name, "up"]).await;
        assert!(matches!(result, Err(CliError::Schema(_))), "{name}: {result:?}");
    }
    let schemas = "SELECT FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'";
    assert_eq!(count(&connection, schemas).await, 2);

    let empty = TestDatabase::create().await;
    let (_, result) = cli(&empty, &migrations, &["-s", "acme", "up"]).await;
    assert!(
        matches!(
            result,
            Err(CliError::Plan(PlanError::Lookup(LookupError::NoCatalog)))
        ),
        "{result:?}"
    );
    assert!(tables(&empty.connect().await, "public").await.is_empty());
}

#[tokio::test]
async fn a_failure_is_told_and_the_exit_is_not_success() {
    let (db, _) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute("CREATE TABLE globex.tag (id int)").await;
    let (out, result) = cli(&db, &with([NOTE, TAG]), &["up"]).await;
    assert!(
        matches!(result, Err(CliError::Failed { failed: 1, all: 3 })),
        "{result:?}"
    );
    let failed =
        "globex  FAILED: m2_create_tag could not be applied: relation \"tag\" already exists (42P07)\n";
    assert!(out.contains(failed), "{out}");
    assert!(
        out.contains("\n3 schemas: 1 done, 1 nothing to do, 1 failed in "),
        "{out}"
    );

    let (out, result) = cli(&db, &with([]), &["status"]).await;
    assert!(
        matches!(result, Err(CliError::Obstacles { count: 2, all: 3 })),
        "{result:?}"
    );
    assert!(out.contains("unknown to this program: m1_create_note"), "{out}");
}

#[tokio::test]
async fn what_drops_data_is_told_of_what_and_confirmed() {
    let migrations = with([NOTE]);
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    for action in ["fresh", "refresh", "reset"] {
        let (_, result) = cli(&db, &migrations, &[action, "--yes"]).await;
        assert!(matches!(result, Err(CliError::NoTarget { .. })), "{result:?}");
        let (_, result) = cli(&db, &migrations, &["-s", "acme", action]).await;
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("on acme drops data") && error.contains("--yes"),
            "{error}"
        );
    }
    assert_eq!(count(&connection, "SELECT FROM acme.note").await, 1);
    let (_, result) = cli(&db, &migrations, &["-s", "acme", "fresh", "--tenants", "--yes"]).await;
    assert!(matches!(result, Err(CliError::TwoTargets { .. })), "{result:?}");
    let (_, result) = cli(&db, &migrations, &["fresh", "--shared", "--yes"]).await;
    assert!(
        matches!(result, Err(CliError::Plan(PlanError::TenantsExist { .. }))),
        "{result:?}"
    );
    assert!(Args::try_parse_from(["migration", "up", "--shared", "--kind", "trial"]).is_err());
}

#[tokio::test]
async fn schemas_are_chosen_by_flags() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    let trial = with([NOTE]);
    create_tenant(&connection, &trial, &new("initech").kind("trial"))
        .await
        .unwrap();
    let migrations = with([NOTE, TAG]);
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, words).await;
        result.unwrap();
        let lines = out.lines().take_while(|line| !line.is_empty());
        lines
            .map(|line| words_of(line.split(" (").next().unwrap()))
            .collect::<Vec<_>>()
    };
    let (done, nothing) = ("applied m2_create_tag", "nothing to do");
    assert_eq!(run(&["up", "--shared"]).await, [format!("public {nothing}")]);
    assert_eq!(run(&["up", "--kind", "trial"]).await, [format!("initech {done}")]);
    assert_eq!(
        run(&["up", "--tenant", "globex"]).await,
        [format!("globex {done}")]
    );
    let mut lines = run(&["up", "--tenants"]).await;
    lines.sort_unstable();
    let expected = [
        format!("acme {done}"),
        format!("globex {nothing}"),
        format!("initech {nothing}"),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_dry_run_shows_the_steps_or_the_sql_and_does_nothing() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute("CREATE TABLE globex.tag ()").await;
    let migrations = with([NOTE, TAG]);
    let (out, result) = cli(&db, &migrations, &["up", "--dry-run"]).await;
    result.unwrap();
    let lines: Vec<_> = out.lines().map(words_of).collect();
    assert_eq!(
        lines,
        [
            "schema would be done",
            "public nothing",
            "acme applied m2_create_tag",
            "globex applied m2_create_tag",
        ]
    );
    let (out, result) = cli(&db, &migrations, &["up", "--dry-run", "--sql"]).await;
    assert!(matches!(result, Err(CliError::Obstacles { count: 1, all: 3 })));
    assert!(out.contains("-- acme\nCREATE TABLE tag (id int);\n"), "{out}");
    assert!(
        out.contains("-- globex\n-- CANNOT: m2_create_tag could not be applied"),
        "{out}"
    );
    assert!(
        !out.contains("seaql_migrations"),
        "the bookkeeping is not the migration's: {out}"
    );
    assert_eq!(tables(&connection, "acme").await, ["note", "seaql_migrations"]);
    assert_eq!(ledger(&connection, "acme").await, ["m1_create_note"]);

    let (out, _) = cli(&db, &migrations, &["up", "--dry-run", "--sql", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[1]["steps"][0]["migration"], "m2_create_tag");
    assert_eq!(json[1]["sql"][0], "CREATE TABLE tag (id int)");
    assert!(json[2]["error"].as_str().unwrap().contains("already exists"));
}

#[tokio::test]
async fn results_are_there_for_programs() {
    let (db, connection) = with_tenants(&with([NOTE]), &["acme", "globex"]).await;
    db.execute("CREATE TABLE globex.tag ()").await;
    let migrations = with([NOTE, TAG]);
    let (out, result) = cli(&db, &migrations, &["up", "--json"]).await;
    assert!(matches!(result, Err(CliError::Failed { failed: 1, all: 3 })));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["success"], false);
    let outcomes: Vec<_> = json["schemas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["outcome"])
        .collect();
    assert_eq!(outcomes, ["nothing to do", "done", "failed"]);
    assert!(
        json["schemas"][2]["error"]
            .as_str()
            .unwrap()
            .contains("already exists")
    );
    assert_eq!(json["schemas"][1]["steps"][0]["migration"], "m2_create_tag");

    let (out, result) = cli(&db, &migrations, &["status", "--json", "--tenants"]).await;
    result.unwrap();
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[1]["schema"], "globex");
    assert_eq!(json[1]["pending"][0], "m2_create_tag");

    let (out, result) = cli(&db, &migrations, &["up", "--fake", "--tenant", "globex"]).await;
    result.unwrap();
    assert!(out.contains("recorded m2_create_tag (not run)"), "{out}");
    assert_eq!(ledger(&connection, "globex").await.len(), 2);
}

#[tokio::test]
async fn a_password_is_in_no_error() {
    for url in [
        "postgres://me:s3cret@127.0.0.1:9/app",
        "mysql://me:s3cret@host/app",
        "me:s3cret",
        "postgres:/s3cret@",
    ] {
        let args = Args::try_parse_from(["migration", "-u", url, "-s", "", "status"]).unwrap();
        let error = tenant_migration::cli::run(&with([]), args, &mut Vec::new())
            .await
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        assert_eq!(
            error.to_string().contains("127.0.0.1:9/app"),
            url.contains("127.0.0.1"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_run_goes_as_the_arguments_say() {
    let (db, _connection) = with_tenants(&with([NOTE]), &["acme", "globex", "initech"]).await;
    db.execute("CREATE TABLE globex.tag ()").await;
    let migrations = with([NOTE, TAG]);
    let (out, result) = cli(&db, &migrations, &["up", "--canary", "globex,", "--jobs", "2"]).await;
    let reason = "not begun, because a tenant that goes first failed";
    assert!(out.contains(&format!("acme     {reason}")), "{out}");
    assert!(out.contains(&format!("initech  {reason}")), "{out}");
    assert!(matches!(result, Err(CliError::Failed { failed: 3, all: 4 })));
    let words = [
        "up",
        "--max-failures",
        "1",
        "--jobs",
        "1",
        "--canary",
        "1",
        "--lock-timeout",
        "100",
    ];
    let (out, _) = cli(&db, &migrations, &words).await;
    assert!(out.contains("acme     applied m2_create_tag"), "{out}");
    assert!(
        out.contains("initech  not begun, because too many failed"),
        "{out}"
    );
    let (_, result) = cli(&db, &migrations, &["up", "--canary", "public"]).await;
    assert!(matches!(result, Err(CliError::Schema(_))), "{result:?}");
}
