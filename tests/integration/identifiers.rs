//! Names of schemas and hosts. PostgreSQL decides which names of schemas are valid.

use std::collections::HashSet;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestCaseError, TestRunner},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait};
use tenant_core::{Host, SchemaName, Tenant, TenantConnection, TenantId};
use tests::TestDatabase;

const CASES: u32 = 200;

/// Generates valid and invalid names.
fn candidate() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z0-9_-]{1,63}",
        1 => "[a-z]{62,66}",
        1 => "[A-Z][a-z]{1,5}_[0-9]{1,3}",
        1 => "\\PC{1,20}",
        1 => "[a-z\"'$.; \\\\]{1,12}",
        1 => "(?i:pg_[a-z]{1,5}|select|user|public|information_schema|t)",
    ]
}

/// Creates the schema in a transaction that is rolled back, and returns its name from the catalog.
async fn name_in_the_catalog(db: &DatabaseConnection, name: &SchemaName) -> Result<Option<String>, DbErr> {
    let transaction = db.begin().await?;
    let create = format!("CREATE SCHEMA {}", name.quoted());
    transaction.execute_unprepared(&create).await?;
    let question = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT nspname::text FROM pg_namespace WHERE nspname = $1",
        [name.as_str().into()],
    );
    let row = transaction.query_one_raw(question).await?;
    transaction.rollback().await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

#[test]
fn an_accepted_name_is_the_name_of_the_schema_in_postgresql() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = runtime.block_on(TestDatabase::create());
    let db = runtime.block_on(database.connect());
    let mut accepted = HashSet::new();
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&candidate(), |text| {
        let Ok(name) = SchemaName::for_tenant(&text) else {
            return Ok(());
        };
        match runtime.block_on(name_in_the_catalog(&db, &name)) {
            Ok(found) => prop_assert_eq!(found.as_deref(), Some(text.as_str())),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // The property proves nothing if no name is accepted.
    let mut samples = TestRunner::deterministic();
    for _ in 0..50 {
        let text = candidate().new_tree(&mut samples).unwrap().current();
        accepted.extend(SchemaName::for_tenant(text));
    }
    assert!(
        accepted.len() > 10,
        "only {} names of 50 are accepted",
        accepted.len()
    );
    runtime.block_on(db.close()).unwrap();
}

/// A tenant's statements reach the schema with exactly its name, and no schema whose name differs in case.
#[tokio::test]
async fn names_that_differ_in_case_are_schemas_of_their_own_for_postgresql_and_one_name_for_us() {
    let database = TestDatabase::create().await;
    database
        .execute(
            r#"CREATE SCHEMA "Tenant_1"; CREATE SCHEMA tenant_1;
               CREATE TABLE "Tenant_1".note AS SELECT 'upper' AS title;
               CREATE TABLE tenant_1.note AS SELECT 'lower' AS title"#,
        )
        .await;
    let db = database.connect().await;
    for (schema, title) in [("Tenant_1", "upper"), ("tenant_1", "lower")] {
        let tenant = Tenant::new(TenantId(1), SchemaName::new(schema).unwrap(), schema);
        let connection = TenantConnection::new(db.clone(), tenant).unwrap();
        let question = Statement::from_string(DbBackend::Postgres, r#"SELECT title FROM "$tenant".note"#);
        let row = connection.query_one_raw(question).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), title);
    }
    assert_eq!(
        SchemaName::new("Tenant_1").unwrap(),
        SchemaName::new("tenant_1").unwrap()
    );
    db.close().await.unwrap();
}

proptest! {
    #[test]
    fn an_accepted_host_has_one_form(text in "([A-Za-z0-9-]{1,10}\\.){0,4}[A-Za-z0-9]{1,10}\\.?(:[0-9]{1,5})?") {
        if let Ok(host) = Host::parse(&text) {
            prop_assert_eq!(host.as_str(), host.as_str().to_ascii_lowercase());
            prop_assert!(!host.as_str().contains(':') && !host.as_str().ends_with('.'));
            prop_assert_eq!(Host::parse(host.as_str()).unwrap(), host.clone());
            prop_assert_eq!(Host::parse(&text.to_ascii_uppercase()).unwrap(), host);
        }
    }
}
