//! The audit, and the `search_path` that migrations set on functions.

mod command_line;
mod entities;
mod functions;
mod many_tenants;
mod references;
mod schemas;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tenant_core::{
    Registry,
    audit::{Audit, Expected, Finding, ReferenceKind, Severity, audit},
};
use tenant_migration::create_tenant;
use tests::TestDatabase;

use crate::migrations::{Sql, cli, column, new, schema, up, with, with_tenants};

/// Creates one object of each kind that a schema without findings may have.
const CLEAN: Sql = Sql::new(
    "m1_clean",
    "CREATE TYPE mood AS ENUM ('calm', 'busy');
     CREATE TABLE note (id serial PRIMARY KEY, mood mood DEFAULT 'calm', plan text REFERENCES public.plan (code));
     CREATE TABLE log (note int REFERENCES note) PARTITION BY RANGE (note);
     CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (1) TO (1000);
     CREATE INDEX ON log (note);
     CREATE VIEW busy AS SELECT * FROM note JOIN public.plan ON note.plan = plan.code WHERE mood = 'busy';
     CREATE FUNCTION busy_notes() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM busy; END;
     CREATE FUNCTION write_log() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO log VALUES (new.id); RETURN new; END';
     CREATE TRIGGER log AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION write_log();
     CREATE PROCEDURE forget() LANGUAGE sql AS 'DELETE FROM log'",
    "DROP PROCEDURE forget; DROP VIEW busy CASCADE; DROP TABLE log, note; DROP FUNCTION write_log; DROP TYPE mood",
);

/// Creates a database with the tenants acme and globex, for which the audit finds nothing.
async fn clean() -> (TestDatabase, DatabaseConnection) {
    with_tenants(&with([CLEAN]), &["acme", "globex"]).await
}

/// Returns the findings of an audit without entities, with their schemas.
async fn found(db: &DatabaseConnection) -> Vec<(String, Finding)> {
    pairs(&audit(db, &nothing()).await.unwrap())
}

fn nothing() -> Expected {
    Expected::new(Registry::default())
}

fn pairs(audit: &Audit) -> Vec<(String, Finding)> {
    let findings = audit.findings().iter();
    findings
        .map(|found| (found.schema().to_owned(), found.finding().clone()))
        .collect()
}

/// Executes `sql` in a clean database, and returns the schema and message of each finding.
async fn messages_after(sql: &str) -> Vec<String> {
    let (_db, db) = clean().await;
    db.execute_unprepared(sql).await.unwrap();
    let found = found(&db).await.into_iter();
    found
        .map(|(schema, finding)| format!("{schema}: {finding}"))
        .collect()
}

#[tokio::test]
async fn a_clean_database_has_no_findings() {
    let (_db, db) = clean().await;
    let audit = audit(&db, &nothing()).await.unwrap();
    assert_eq!(audit.findings(), []);
    assert!(audit.is_clean() && !audit.entities_compared());
    assert_eq!(audit.tenants(), ["acme", "globex"]);
}

#[tokio::test]
async fn without_a_catalog_it_says_so() {
    let db = TestDatabase::create().await;
    let error = audit(&db.connect().await, &nothing()).await.unwrap_err();
    assert!(
        matches!(error, tenant_core::audit::AuditError::NoCatalog),
        "{error:?}"
    );
}
