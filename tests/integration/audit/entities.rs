//! Comparison of entities and enums with tables and types.

use tenant_core::Scope;

use super::*;

/// Returns a registry with all tables and types of the clean database.
fn complete() -> Registry {
    let mut registry = Registry::default();
    for table in ["note", "log", "busy"] {
        registry.add_table(Scope::Tenant, table).unwrap();
    }
    registry.add_table(Scope::Shared, "plan").unwrap();
    registry.add_type(Scope::Tenant, "mood").unwrap();
    registry
}

#[tokio::test]
async fn tables_that_have_entities_are_no_findings() {
    let (_db, db) = clean().await;
    let audit = audit(&db, &Expected::new(complete())).await.unwrap();
    assert_eq!(audit.findings(), []);
    assert!(audit.entities_compared());
}

#[tokio::test]
async fn what_is_there_on_one_side_alone_is_found() {
    let (_db, db) = clean().await;
    let mut registry = complete();
    registry.add_table(Scope::Tenant, "tag").unwrap();
    registry.add_table(Scope::Shared, "country").unwrap();
    registry.add_type(Scope::Shared, "currency").unwrap();
    let sql = "CREATE TABLE acme.tag (id int); CREATE TABLE globex.stray (id int); CREATE TABLE public.rest (id int);
        CREATE TYPE globex.size AS ENUM ('small')";
    db.execute_unprepared(sql).await.unwrap();
    let audit = audit(&db, &Expected::new(registry)).await.unwrap();
    let found: Vec<_> = audit
        .findings()
        .iter()
        .map(|found| format!("{} {}: {}", found.severity(), found.schema(), found.finding()))
        .collect();
    let expected = [
        "error globex: an entity stands for table tag, which is not there",
        "warning globex: no entity stands for table stray",
        "warning globex: no enum stands for type size",
        "error public: an entity stands for table country, which is not there",
        "error public: an enum stands for type currency, which is not there",
        "warning public: no entity stands for table rest",
    ];
    assert_eq!(found, expected);
}

/// The audit expects all annotated entities of this binary, and reports those whose tables are missing.
#[tokio::test]
async fn a_programs_own_entities_are_compared() {
    let (_db, db) = with_tenants(&with([]), &["acme"]).await;
    let audit = audit(&db, &Expected::of_program().unwrap()).await.unwrap();
    let table = "note".to_owned();
    assert!(pairs(&audit).contains(&("acme".to_owned(), Finding::MissingTable { table })));
}
