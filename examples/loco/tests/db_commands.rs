//! Loco's own commands for the database. None of them may touch the rows of tenants.

use std::path::Path;

use example_loco::{app::App, migrator::Migrator};
use loco_rs::{
    boot::{StartMode, create_app},
    config::{Config, WorkerMode},
    environment::Environment,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::program::Program;

/// Creates a database with a note of each of two tenants.
async fn program_with_notes() -> Program {
    let program = Program::with_tenants().await;
    for tenant in ["acme", "globex"] {
        let sql = format!("INSERT INTO {tenant}.note (title) VALUES ('{tenant}')");
        program.database.execute(&sql).await;
    }
    program
}

/// Asserts that the rows of the tenants, the shared tables and the catalog are there.
async fn assert_untouched(program: &Program) {
    let db = program.connect().await;
    let sql = "SELECT (SELECT string_agg(title, ',') FROM acme.note) || ' '
        || (SELECT string_agg(title, ',') FROM globex.note) || ' '
        || (SELECT count(*) FROM public.tenants) || ' ' || (SELECT count(*) FROM public.plan)";
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await;
    let found: String = row.unwrap().unwrap().try_get_by_index(0).unwrap();
    assert_eq!(found, "acme globex 3 3");
}

#[tokio::test]
async fn commands_for_migrations_are_refused() {
    let program = program_with_notes().await;
    for command in ["db migrate", "db down 1", "db reset", "db status"] {
        let said = program.fails(command).await;
        assert!(
            said.contains("cargo loco task tenants:migrate"),
            "{command}: {said}"
        );
    }
    assert_untouched(&program).await;
}

#[tokio::test]
async fn truncate_and_seed_are_refused() {
    let program = program_with_notes().await;
    for (command, answer) in [
        ("db truncate", "truncate names no tenant"),
        ("db seed", "seed names no tenant"),
        ("db seed --reset", "cargo loco task tenants:migrate"),
    ] {
        let said = program.fails(command).await;
        assert!(said.contains(answer), "{command}: {said}");
    }
    assert_untouched(&program).await;
}

#[tokio::test]
async fn a_dump_has_the_shared_tables_alone() {
    let program = program_with_notes().await;
    let folder = std::env::temp_dir().join(program.database.name());
    std::fs::create_dir(&folder).unwrap();
    let command = format!("db seed --dump --from {}", folder.display());
    program.run(&command).await;
    let files = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(files.contains(&"plan.yaml".to_owned()), "{files:?}");
    assert!(files.contains(&"tenants.yaml".to_owned()), "{files:?}");
    assert!(!files.contains(&"note.yaml".to_owned()), "{files:?}");
}

#[tokio::test]
async fn dangerous_settings_are_refused_at_the_start() {
    let program = program_with_notes().await;
    let recreate: fn(&mut Config) = |config| config.database.dangerously_recreate = true;
    let truncate: fn(&mut Config) = |config| config.database.dangerously_truncate = true;
    let migrate: fn(&mut Config) = |config| config.database.auto_migrate = true;
    for (dangerous, answer) in [
        (recreate, "cargo loco task tenants:migrate"),
        (truncate, "truncate names no tenant"),
        (migrate, "cargo loco task tenants:migrate"),
    ] {
        let environment = Environment::Development;
        let mut config = environment.load_from_folder(Path::new("config")).unwrap();
        program.database.url().clone_into(&mut config.database.uri);
        config.workers.mode = WorkerMode::BackgroundAsync;
        dangerous(&mut config);
        let started = create_app::<App, Migrator>(StartMode::ServerOnly, &environment, config).await;
        let said = started.err().unwrap().to_string();
        assert!(said.contains(answer), "{said}");
    }
    assert_untouched(&program).await;
}
