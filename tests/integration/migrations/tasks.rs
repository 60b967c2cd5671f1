//! Tasks for many tenants, in a program and on the command line, and shell completions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::TransactionTrait;
use serde_json::json;
use tenant_core::{TenantConnection, context};
use tenant_migration::{TaskError, for_each_tenant};

use super::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

async fn count_notes(db: TenantConnection) -> Result<i64, DbErr> {
    let statement = Statement::from_string(DatabaseBackend::Postgres, "SELECT count(*) AS n FROM note");
    db.query_one_raw(statement).await?.unwrap().try_get("", "n")
}

#[tokio::test]
async fn results_come_in_order_and_each_task_has_its_tenant() {
    let (db, _) = with_tenants(&with([NOTE]), &NAMES).await;
    db.execute("DELETE FROM c.note").await;
    let tenants = db.tenants().await;
    let task = |db: TenantConnection| async move {
        assert_eq!(context::current().as_ref(), Some(db.tenant()));
        // Later tenants end first.
        let place = u64::from(db.tenant().schema().as_str().as_bytes()[0] - b'a');
        tokio::time::sleep(Duration::from_millis(100 - 20 * place)).await;
        count_notes(db).await
    };
    for jobs in [0, 1, 3, 100] {
        let results = for_each_tenant(&tenants, &Target::AllTenants, jobs, task)
            .await
            .unwrap();
        let results: Vec<_> = results
            .into_iter()
            .map(|(tenant, result)| (tenant.schema().to_string(), result.unwrap()))
            .collect();
        let expected = [("a", 1), ("b", 1), ("c", 0), ("d", 1), ("e", 1)];
        assert_eq!(results, expected.map(|(name, count)| (name.to_owned(), count)));
    }
    let nobody = Target::Tenants(vec![schema("a"), schema("nobody")]);
    let error = for_each_tenant(&tenants, &nobody, 4, count_notes)
        .await
        .unwrap_err();
    assert!(matches!(error, LookupError::NoSuchTenant { .. }), "{error}");
}

#[tokio::test]
async fn as_many_tasks_as_asked_for_run_at_once() {
    let (db, _) = with_tenants(&with([]), &NAMES).await;
    let tenants = db.tenants().await;
    for jobs in [1, 2, 3] {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let task = {
            let most = Arc::clone(&most);
            move |_| {
                let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, DbErr>(())
                }
            }
        };
        let results = for_each_tenant(&tenants, &Target::AllTenants, jobs, task)
            .await
            .unwrap();
        assert_eq!(results.len(), NAMES.len());
        assert_eq!(most.load(Ordering::SeqCst), jobs);
    }
}

#[tokio::test]
async fn an_error_or_a_panic_does_not_lose_the_others() {
    let (db, connection) = with_tenants(&with([NOTE]), &NAMES).await;
    let tenants = db.tenants().await;
    let task = |db: TenantConnection| {
        let name = db.tenant().schema().to_string();
        assert_ne!(name, "a", "before it is a future");
        async move {
            let transaction = db.begin().await.map_err(|error| error.to_string())?;
            let delete = "DELETE FROM note";
            transaction.execute_unprepared(delete).await.unwrap();
            match &*name {
                "b" => panic!("{name} went wrong"),
                "c" => return Err("not this one".to_owned()),
                _ => transaction.commit().await.unwrap(),
            }
            Ok(name)
        }
    };
    let results = for_each_tenant(&tenants, &Target::AllTenants, 2, task)
        .await
        .unwrap();
    let results: Vec<_> = results
        .into_iter()
        .map(|(tenant, result)| {
            assert_eq!(
                result.as_ref().is_ok_and(|name| name == tenant.schema().as_str()),
                result.is_ok()
            );
            result.map_err(|error| error.to_string())
        })
        .collect();
    assert!(results[0].as_ref().unwrap_err().contains("before it is a future"));
    assert_eq!(results[1], Err("it panicked: b went wrong".to_owned()));
    assert_eq!(results[2], Err("not this one".to_owned()));
    assert_eq!(results[3..], [Ok("d".to_owned()), Ok("e".to_owned())]);
    for (name, left) in NAMES.into_iter().zip([1, 1, 1, 0, 0]) {
        assert_eq!(
            count(&connection, &format!("SELECT FROM {name}.note")).await,
            left,
            "{name}"
        );
    }
}

#[tokio::test]
async fn tasks_that_run_end_where_nobody_waits_and_no_other_begins() {
    let (db, connection) = with_tenants(&with([NOTE]), &NAMES).await;
    let tenants = db.tenants().await;
    let task = |db: TenantConnection| async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        db.execute_unprepared("DELETE FROM note").await
    };
    let run = for_each_tenant(&tenants, &Target::AllTenants, 2, task);
    assert!(
        tokio::time::timeout(Duration::from_millis(150), run)
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(900)).await;
    for (name, left) in NAMES.into_iter().zip([0, 0, 1, 1, 1]) {
        assert_eq!(
            count(&connection, &format!("SELECT FROM {name}.note")).await,
            left,
            "{name}"
        );
    }
}

/// `Target::All` includes the public tenant, if there is one.
#[tokio::test]
async fn all_is_the_public_tenant_too() {
    let (db, connection) = with_tenants(&with([]), &["acme"]).await;
    let main = NewTenant::new(SchemaName::shared(), "Main");
    create_tenant(&connection, &with([]), &main).await.unwrap();
    let tenants = db.tenants().await;
    let names = async |target: &Target| {
        let task = |_| async { Ok::<_, DbErr>(()) };
        let results = for_each_tenant(&tenants, target, 1, task).await.unwrap();
        let names = results.into_iter().map(|(tenant, _)| tenant.schema().to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&Target::All).await, ["acme", "public"]);
    assert_eq!(names(&Target::Shared).await, ["public"]);
    assert_eq!(names(&Target::AllTenants).await, ["acme"]);
    assert_eq!(names(&Target::Kind("default".to_owned())).await, ["acme"]);
}

/// Returns migrations with many kinds of tasks.
fn with_tasks() -> Migrations {
    with([NOTE])
        .task("count", |_| async { Ok::<_, DbErr>("an older one") })
        .task("count", count_notes)
        .task("purge", |db: TenantConnection| async move {
            db.execute_unprepared("DELETE FROM note").await.map(|_| ())
        })
        .task("sometimes", |db: TenantConnection| async move {
            match db.tenant().schema().as_str() {
                "a" => Ok("fine\nindeed".to_owned()),
                "b" => Err(std::io::Error::other("no\u{1b}[31m luck").into()),
                "c" => Err::<_, Box<dyn std::error::Error + Send + Sync>>(
                    db.execute_unprepared("SELECT 1/0").await.unwrap_err().into(),
                ),
                name => panic!("{name}"),
            }
        })
        // Every job needs two connections at the same time: one for the transaction, and one for the count.
        .task("beside", |db: TenantConnection| async move {
            let transaction = db.begin().await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            let count = count_notes(db).await?;
            transaction.commit().await?;
            Ok::<_, DbErr>(count)
        })
}

fn compact(out: &str) -> Vec<String> {
    let lines = out.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

#[tokio::test]
async fn a_task_by_name_runs_for_the_tenants_that_are_named() {
    let migrations = with_tasks();
    let (db, connection) = with_tenants(&migrations, &NAMES[..3]).await;
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, &[&["tenant", "run"], words].concat()).await;
        result.unwrap();
        out
    };
    assert_eq!(
        compact(&run(&["purge", "--tenant", "b"]).await),
        ["schema result", "b done", "1 tenant: 1 done"]
    );
    assert_eq!(
        compact(&run(&["count", "--tenants", "--jobs", "2"]).await),
        ["schema result", "a 1", "b 0", "c 1", "3 tenants: 3 done"]
    );
    let out = run(&["count", "--tenant", "b,a", "--json"]).await;
    let expected = json!([
        { "schema": "b", "result": 0, "error": null },
        { "schema": "a", "result": 1, "error": null },
    ]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap(), expected);
    let out = run(&["beside", "--tenants"]).await;
    assert!(out.ends_with("3 tenants: 3 done\n"), "{out}");
    assert_eq!(count(&connection, "SELECT FROM a.note").await, 1);
}

#[tokio::test]
async fn a_task_that_fails_for_some_is_an_error_with_all_reasons() {
    let migrations = with_tasks();
    let (db, _) = with_tenants(&migrations, &NAMES[..4]).await;
    let words = ["tenant", "run", "sometimes", "--tenants"];
    let (out, result) = cli(&db, &migrations, &words).await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "3 of 4 tenants failed: see above"
    );
    assert_eq!(
        compact(&out),
        [
            "schema result error",
            r"a fine\nindeed",
            r"b no\u{1b}[31m luck",
            "c division by zero (22012)",
            "d it panicked: d",
            "4 tenants: 1 done, 3 failed",
        ]
    );
    let (out, result) = cli(&db, &migrations, &[&words[..], &["--json"]].concat()).await;
    assert!(matches!(
        result,
        Err(CliError::TenantsFailed { failed: 3, all: 4 })
    ));
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        answer[0],
        json!({ "schema": "a", "result": "fine\nindeed", "error": null })
    );
    assert_eq!(answer[2]["error"], "division by zero (22012)");
}

#[tokio::test]
async fn a_task_is_not_run_for_anybody_by_accident() {
    let migrations = with_tasks();
    let (db, connection) = with_tenants(&migrations, &["a"]).await;
    let (_, result) = cli(&db, &migrations, &["tenant", "run", "purge"]).await;
    assert!(matches!(result, Err(CliError::NoTenants)), "{result:?}");
    let (_, result) = cli(
        &db,
        &migrations,
        &["tenant", "run", "purge", "--tenant", "a,nobody"],
    )
    .await;
    assert!(matches!(result, Err(CliError::Lookup(_))), "{result:?}");
    let (_, result) = cli(&db, &migrations, &["tenant", "run", "purge-all", "--tenants"]).await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "there is no task purge-all: this program has beside, count, purge, sometimes"
    );
    let (_, result) = cli(&db, &with([]), &["tenant", "run", "purge", "--tenants"]).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("`Migrations::task`"), "{error}");
    assert_eq!(count(&connection, "SELECT FROM a.note").await, 1);
}

/// The result of a task keeps the variant of its error.
#[tokio::test]
async fn the_error_of_a_task_is_kept() {
    let (db, _) = with_tenants(&with([]), &["a"]).await;
    let task = |db: TenantConnection| async move { db.execute_unprepared("SELECT 1/0").await };
    let results = for_each_tenant(&db.tenants().await, &Target::AllTenants, 1, task)
        .await
        .unwrap();
    assert!(matches!(
        &results[..],
        [(_, Err(TaskError::Failed(DbErr::Exec(_))))]
    ));
}

#[tokio::test]
async fn completions_need_no_database() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let words = ["migration", "completions", shell, "--program", "notes-migration"];
        let args = Args::try_parse_from(words).unwrap();
        let mut out = Vec::new();
        tenant_migration::cli::run(&with([]), args, &mut out)
            .await
            .unwrap();
        let script = String::from_utf8(out).unwrap();
        for word in ["notes-migration", "completions", "tenant", "sql", "--tenants"] {
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let args = Args::try_parse_from(["migration", "completions", "bash"]).unwrap();
    let mut out = Vec::new();
    tenant_migration::cli::run(&with([]), args, &mut out)
        .await
        .unwrap();
    // The default program name is that of the running program.
    assert!(String::from_utf8(out).unwrap().contains("_integration"));
}
