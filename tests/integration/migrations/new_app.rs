//! `init`, and the application that it writes.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use actix_web::{App, test as harness, web};
use tenant_core::actix::TenantMiddleware;

use super::*;

/// The web application on actix-web, compiled with the entities and migrations of the examples.
#[path = "../../../tenant-migration/src/cli/template/actix/src/main.rs"]
#[expect(
    clippy::print_stdout,
    clippy::needless_pass_by_value,
    reason = "it is as applications have it"
)]
mod actix_app;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The target folder of these tests. A new application finds its dependencies there.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

/// Returns `cargo` for the application in a folder, with the profile and the locked versions of this workspace.
fn cargo(app: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command
        .current_dir(app)
        .env("CARGO_TARGET_DIR", target())
        .env_remove("DATABASE_SCHEMA")
        .args(["--config", "profile.dev.debug=\"line-tables-only\""])
        .args(["--config", "profile.dev.package.\"*\".debug=false"]);
    command
}

/// Runs `cargo run` in an application, and returns the output.
fn run(app: &Path, db: &TestDatabase, words: &[&str]) -> String {
    let mut command = cargo(app);
    let output = command
        .args(["run", "--quiet", "--bin"])
        .args(words)
        .env("DATABASE_URL", db.url())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{words:?}: {out}{err}");
    out.into_owned()
}

/// Runs `init`, and returns its output.
async fn init(folder: &Path, words: &[&str]) -> String {
    let first = ["migration", "init", folder.to_str().unwrap()];
    let args = Args::try_parse_from(first.iter().chain(words)).unwrap();
    let mut out = Vec::new();
    tenant_migration::cli::run(&with([]), args, &mut out)
        .await
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// A web application that runs until this value is dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(app: &Path, db: &TestDatabase) -> Self {
        let mut process = cargo(app)
            .args(["run", "--quiet", "--bin", "web"])
            .env("DATABASE_URL", db.url())
            .env("ADDRESS", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, address }
    }

    async fn get(&self, host: &str) -> (u16, String) {
        let request = reqwest::Client::new().get(format!("http://{}/", self.address));
        let answer = request.header("host", host).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Builds and runs the application as a new user does, by the commands that `init` shows.
#[tokio::test]
async fn a_new_application_serves_its_first_tenant_within_three_commands() {
    let (folder, db) = (TempDir::create("new-app"), TestDatabase::create().await);
    let app = &folder.0;
    let out = init(app, &["--axum", "--library", ROOT]).await;
    let shown: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("  cargo run --bin "))
        .collect();
    fs::copy(Path::new(ROOT).join("Cargo.lock"), app.join("Cargo.lock")).unwrap();

    let words = |line: &'static str| line.split(' ').collect::<Vec<_>>();
    let commands = [
        "migration -- up",
        "migration -- tenant create acme --name Acme --domain acme.localhost",
        "web",
    ];
    assert_eq!(shown[..3], commands);
    run(app, &db, &words(commands[0]));
    run(app, &db, &words(commands[1]));
    let server = Server::start(app, &db);
    let (status, page) = server.get("acme.localhost:8000").await;
    assert_eq!((status, page.as_str()), (200, "Acme has 0 notes\n"));
    assert_eq!(server.get("globex.localhost").await.0, 404);

    // The program has its entities, so raw SQL needs no schema, and tables are compared.
    let insert = "INSERT INTO note (title) VALUES ('Hello')";
    run(
        app,
        &db,
        &["migration", "--", "tenant", "sql", insert, "--tenants", "--write"],
    );
    let (_, page) = server.get("acme.localhost").await;
    assert_eq!(page, "Acme has 1 notes\n- Hello\n");
    let audit = run(app, &db, &["migration", "--", "audit", "--strict"]);
    assert_eq!(audit, "1 tenant: 0 errors and 0 warnings\n");
    let served_by_name = run(app, &db, &["migration", "--", "tenant", "list"]);
    assert!(served_by_name.contains("acme.localhost"), "{served_by_name}");
}

#[actix_web::test]
async fn the_application_on_actix_serves_a_tenant() {
    let db = TestDatabase::create().await;
    let migrations = example_migration::migrations();
    assert!(up(&db, &migrations).await.is_success());
    create_tenant(&db.connect().await, &migrations, &new("acme"))
        .await
        .unwrap();
    db.execute("INSERT INTO acme.note (title) VALUES ('Hello')").await;
    let tenants = db.tenants().await;
    let app = App::new()
        .wrap(TenantMiddleware::new(tenants))
        .route("/", web::get().to(actix_app::notes));
    let app = harness::init_service(app).await;
    let request = harness::TestRequest::get()
        .uri("/")
        .append_header(("host", "acme.example.com"));
    let page = harness::call_and_read_body(&app, request.to_request()).await;
    assert_eq!(page, "ACME has 1 notes\n- Hello\n");
}

#[tokio::test]
async fn files_that_exist_are_kept() {
    let folder = TempDir::create("init");
    let app = folder.0.join("app");
    let wrote = init(&app, &["--actix"]).await;
    assert_eq!(wrote.matches("wrote ").count(), 14, "{wrote}");
    let manifest = fs::read_to_string(app.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(r#"members = ["entity", "migration", "web"]"#),
        "{manifest}"
    );
    assert!(
        manifest.contains(r#"tenant-core = { version = "0.1.0", features = ["actix"] }"#),
        "{manifest}"
    );

    let note = app.join("entity/src/note.rs");
    fs::write(&note, "// mine").unwrap();
    let out = init(&app, &[]).await;
    assert_eq!(out.matches("kept ").count(), 12, "{out}");
    assert!(out.contains("It needs these members"), "{out}");
    assert!(!out.contains("--bin web"), "{out}");
    assert_eq!(fs::read_to_string(note).unwrap(), "// mine");

    let args = [
        "migration",
        "init",
        app.to_str().unwrap(),
        "--library",
        "/nowhere",
    ];
    let error =
        tenant_migration::cli::run(&with([]), Args::try_parse_from(args).unwrap(), &mut Vec::new()).await;
    assert!(matches!(error, Err(CliError::Library { .. })), "{error:?}");
}

#[tokio::test]
async fn generated_migrations_are_listed() {
    let folder = TempDir::create("generated");
    init(&folder.0, &[]).await;
    let generate = async |folder: &Path| {
        let args = [
            "migration",
            "generate",
            "create_task",
            "-d",
            folder.to_str().unwrap(),
        ];
        tenant_migration::cli::run(&with([]), Args::try_parse_from(args).unwrap(), &mut Vec::new()).await
    };
    for (set, others) in [("shared", 0), ("tenant", 1)] {
        let migrations = folder.0.join("migration/src").join(set);
        generate(&migrations).await.unwrap();
        let list = fs::read_to_string(migrations.join("mod.rs")).unwrap();
        assert!(list.contains("_create_task::Migration),"), "{list}");
        assert_eq!(list.matches("::Migration),").count(), others + 1, "{list}");
    }
    let error = generate(&folder.0.join("entity")).await;
    assert!(matches!(error, Err(CliError::NoMigrator { .. })), "{error:?}");
}

/// The program `migrate_fixture` has no entities.
#[tokio::test]
async fn a_program_without_entities_says_so() {
    let db = TestDatabase::create().await;
    let run = |words: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_migrate_fixture"))
            .args(["-u", db.url(), "-s", ""])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&program.stdout).into_owned() + &String::from_utf8_lossy(&program.stderr)
    };
    run(&["up"]);
    run(&["tenant", "create", "acme"]);
    let hint = "This program has no entities: add the entity crate";
    let audit = run(&["audit"]);
    assert!(audit.contains(hint), "{audit}");
    let refused = run(&["tenant", "sql", "SELECT * FROM one", "--tenants"]);
    assert!(refused.contains(hint), "{refused}");
    let allowed = run(&["tenant", "sql", "SELECT 1", "--tenants"]);
    assert!(!allowed.contains(hint), "{allowed}");
}
