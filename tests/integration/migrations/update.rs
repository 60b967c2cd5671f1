//! `update_tenant` and `tenant set`: the name, the metadata and the kind of a tenant.

use serde_json::json;
use tenant_core::{
    Tenant,
    catalog::{SeaOrmStore, TenantStore},
};
use tenant_migration::{LifecycleError, SchemaError, TenantChanges, update_tenant};

use super::*;

const SEAT: Sql = Sql::new("m3_create_seat", "CREATE TABLE seat (id int)", "DROP TABLE seat");

/// Returns migrations where tenants of kind `team` have one more, and those of kind `other` another one.
fn kinds() -> Migrations {
    with([NOTE, TAG])
        .for_kind("team", Set(vec![NOTE, TAG, SEAT]))
        .for_kind("other", Set(vec![NOTE]))
}

async fn acme(connection: &DatabaseConnection) -> Tenant {
    let found = SeaOrmStore::new(connection.clone())
        .by_schema(&schema("acme"))
        .await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_set_changes_and_the_rest_stays() {
    let migrations = kinds();
    let (db, connection) = with_tenants(&migrations, &["acme", "globex"]).await;
    let metadata = json!({ "seats": [1, "two"] });
    let run = async |words: &[&str]| {
        let (out, result) = cli(&db, &migrations, &[&["tenant", "set", "ACME"], words].concat()).await;
        result.unwrap();
        assert!(out.starts_with("tenant ACME is changed\n"), "{out}");
        acme(&connection).await
    };
    let found = run(&["--name", "Acme & 'Sons'"]).await;
    assert_eq!((found.name(), found.kind()), ("Acme & 'Sons'", "default"));
    let found = run(&["--metadata", &metadata.to_string()]).await;
    assert_eq!((found.metadata(), found.name()), (&metadata, "Acme & 'Sons'"));
    let found = run(&["--kind", "team", "--name", "Acme"]).await;
    assert_eq!(
        (found.kind(), found.name(), found.metadata()),
        ("team", "Acme", &metadata)
    );
    let others = "SELECT name || kind || metadata FROM tenants WHERE schema_name = 'globex'";
    assert_eq!(column(&connection, others).await, ["GLOBEXdefault{}"]);

    assert!(Args::try_parse_from(["migration", "tenant", "set", "acme"]).is_err());
    assert!(Args::try_parse_from(["migration", "tenant", "set", "acme", "--metadata", "{"]).is_err());
    let (_, result) = cli(&db, &migrations, &["tenant", "set", "nobody", "--name", "N"]).await;
    assert!(result.unwrap_err().to_string().contains("no tenant nobody"));
}

#[tokio::test]
async fn a_new_kind_comes_with_its_migrations() {
    let migrations = kinds();
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    let team = TenantChanges::default().kind("team");
    for _ in 0..2 {
        update_tenant(&connection, &migrations, &schema("acme"), &team)
            .await
            .unwrap();
        let found = acme(&connection).await;
        assert_eq!((found.kind(), found.version()), ("team", Some("m3_create_seat")));
        assert_eq!(
            tables(&connection, "acme").await,
            ["note", "seaql_migrations", "seat", "tag"]
        );
    }
    assert!(outcomes(&up(&db, &migrations).await).contains(&"acme: -".to_owned()));

    // Back: the schema has a migration that tenants of that kind do not have.
    let back = TenantChanges::default().kind("default").name("Another");
    let refused = update_tenant(&connection, &migrations, &schema("acme"), &back).await;
    assert!(
        matches!(&refused, Err(LifecycleError::UnknownToKind { names, .. }) if names == &["m3_create_seat"]),
        "{refused:?}"
    );
    let found = acme(&connection).await;
    assert_eq!((found.kind(), found.name()), ("team", "ACME"));

    assert!(
        act(&db, &migrations, &tenant("acme"), Action::Down { steps: 1 })
            .await
            .is_success()
    );
    update_tenant(&connection, &migrations, &schema("acme"), &back)
        .await
        .unwrap();
    assert_eq!(acme(&connection).await.version(), Some("m2_create_tag"));
    let other = TenantChanges::default().kind("other");
    let refused = update_tenant(&connection, &migrations, &schema("acme"), &other).await;
    assert!(
        matches!(refused, Err(LifecycleError::UnknownToKind { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_kind_whose_migrations_fail_is_not_taken() {
    let migrations = with([NOTE])
        .for_kind("team", Set(vec![NOTE, TAG, SEAT]))
        .for_kind("alone", Set(vec![NOTE, SEAT.outside_of_transactions()]));
    let (db, connection) = with_tenants(&migrations, &["acme"]).await;
    db.execute("CREATE TABLE acme.seat ()").await;
    let change = async |kind: &str| {
        let changes = TenantChanges::default().kind(kind).name("Another");
        update_tenant(&connection, &migrations, &schema("acme"), &changes)
            .await
            .unwrap_err()
    };
    let error = change("team").await;
    let text = "tenant acme does not become team: m3_create_seat could not be applied: relation \"seat\" already exists";
    assert!(error.to_string().starts_with(text), "{error}");
    let error = change("alone").await;
    let LifecycleError::KindNotChanged { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        matches!(**source, SchemaError::NotTransactional { .. }),
        "{error}"
    );
    db.execute("UPDATE tenants SET status = 'dropping'").await;
    let error = change("team").await;
    assert!(matches!(error, LifecycleError::WrongStatus { .. }), "{error}");
    let found = acme(&connection).await;
    assert_eq!((found.kind(), found.name()), ("default", "ACME"));
    assert_eq!(ledger(&connection, "acme").await, ["m1_create_note"]);
    assert_eq!(
        tables(&connection, "acme").await,
        ["note", "seaql_migrations", "seat"]
    );
}

#[tokio::test]
async fn the_public_tenant_has_a_kind_without_migrations() {
    let migrations = kinds();
    let (_db, connection) = with_tenants(&migrations, &[]).await;
    let main = NewTenant::new(SchemaName::shared(), "Main");
    create_tenant(&connection, &migrations, &main).await.unwrap();
    let changes = TenantChanges::default().kind("team").name("Notes");
    update_tenant(&connection, &migrations, &SchemaName::shared(), &changes)
        .await
        .unwrap();
    assert_eq!(
        column(&connection, "SELECT kind || name FROM tenants").await,
        ["teamNotes"]
    );
    assert!(!tables(&connection, "public").await.contains(&"seat".to_owned()));
}
