//! `audit` on the command line.

use tenant_migration::{LookupError, cli::CliError};

use super::*;

#[tokio::test]
async fn a_clean_database_succeeds() {
    let (test, _db) = clean().await;
    let (out, result) = cli(&test, &with([CLEAN]), &["audit", "--no-entities", "--strict"]).await;
    result.unwrap();
    assert_eq!(
        out,
        "Tables were not compared with entities.\n2 tenants: 0 errors and 0 warnings\n"
    );
}

#[tokio::test]
async fn errors_fail_and_warnings_do_if_asked() {
    let (test, db) = clean().await;
    let run = async |words: &[&str]| {
        let words: Vec<_> = ["audit", "--no-entities"].iter().chain(words).copied().collect();
        cli(&test, &with([CLEAN]), &words).await
    };
    db.execute_unprepared("CREATE SCHEMA orphan").await.unwrap();
    run(&[]).await.1.unwrap();
    let error = run(&["--strict"]).await.1.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the audit found 0 errors and 1 warning: see above"
    );

    db.execute_unprepared("CREATE VIEW acme.v AS SELECT id FROM globex.note")
        .await
        .unwrap();
    let (out, result) = run(&[]).await;
    assert!(
        matches!(
            result,
            Err(CliError::Audited {
                errors: 1,
                warnings: 1
            })
        ),
        "{result:?}"
    );
    let lines: Vec<Vec<_>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[1].join(" "),
        "acme error view acme.v depends on table globex.note"
    );

    // Only one schema.
    run(&["-s", "globex", "--strict"]).await.1.unwrap();
    assert!(run(&["-s", "acme"]).await.1.is_err());
    let (_, result) = run(&["-s", "nosuch"]).await;
    assert!(
        matches!(result, Err(CliError::Lookup(LookupError::NoSuchTenant { .. }))),
        "{result:?}"
    );
}

#[tokio::test]
async fn json_is_for_programs() {
    let (test, db) = clean().await;
    db.execute_unprepared("CREATE VIEW acme.v AS SELECT id FROM globex.note")
        .await
        .unwrap();
    let (out, result) = cli(&test, &with([CLEAN]), &["audit", "--no-entities", "--json"]).await;
    assert!(result.is_err());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = serde_json::json!({
        "tenants": ["acme", "globex"],
        "entities_compared": false,
        "findings": [{
            "schema": "acme",
            "severity": "error",
            "message": "view acme.v depends on table globex.note",
            "finding": "reference",
            "kind": "view",
            "object": "view acme.v",
            "target": "table globex.note",
            "target_schema": "globex",
        }],
    });
    assert_eq!(json, expected);
}

/// `audit` compares the entities that are linked into the program.
#[tokio::test]
async fn entities_are_compared_where_there_are_any() {
    let (test, db) = clean().await;
    db.execute_unprepared("CREATE TABLE acme.nobodys (id int)")
        .await
        .unwrap();
    let (out, _) = cli(&test, &with([CLEAN]), &["audit", "--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["entities_compared"], true);
    let mut findings = json["findings"].as_array().unwrap().iter();
    assert!(findings.any(|found| found["table"] == "nobodys" && found["finding"] == "table_without_entity"));
}
