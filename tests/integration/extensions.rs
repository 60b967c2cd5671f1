//! Operators of extensions, which PostgreSQL finds on the `search_path` alone.

use sea_orm::{ConnectOptions, ConnectionTrait, DbBackend, Statement};
use tenant_core::{
    ConnectError, SchemaName, Scope, Tenant, TenantConnection, TenantId, Tenants, TenantsBuilder,
};
use tests::TestDatabase;
use tracing::Level;

use crate::log_lines::{LogLines, message};

/// A database with the extension `citext` in the schema `extensions`, and a tenant with a column of it.
async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    database
        .execute(
            "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; CREATE SCHEMA acme;
             CREATE TABLE acme.contact (mail extensions.citext); INSERT INTO acme.contact VALUES ('A@b')",
        )
        .await;
    database
}

fn builder() -> TenantsBuilder {
    Tenants::builder().table(Scope::Tenant, "contact")
}

fn with_extensions() -> TenantsBuilder {
    builder().extension_schemas([SchemaName::new("extensions").unwrap()])
}

fn acme(tenants: &Tenants) -> TenantConnection {
    tenants.connection(&Tenant::new(
        TenantId(1),
        SchemaName::new("acme").unwrap(),
        "Acme",
    ))
}

/// Counts the rows with an equal mail, for which `citext` ignores case.
async fn found(db: &impl ConnectionTrait) -> i64 {
    ask(db, "SELECT count(*) FROM contact WHERE mail = 'a@B'").await
}

async fn ask<T: sea_orm::TryGetable>(db: &impl ConnectionTrait, sql: &str) -> T {
    let row = db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
        .await;
    row.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// Connects, and returns the warnings about extensions.
async fn connect(builder: TenantsBuilder, options: ConnectOptions) -> (Tenants, Vec<String>) {
    let lines = LogLines::default();
    let collecting = lines.collect(Level::WARN);
    let tenants = builder.connect(options).await.unwrap();
    drop(collecting);
    let of_extensions = lines
        .take()
        .into_iter()
        .filter(|line| line["fields"]["extension"] == "citext");
    let warnings = of_extensions.map(|line| message(&line).to_owned()).collect();
    (tenants, warnings)
}

#[tokio::test]
async fn operators_of_an_extension_are_found_in_its_schema() {
    let database = database().await;
    let (tenants, warnings) = connect(builder(), database.options()).await;
    assert_eq!(found(&acme(&tenants)).await, 0, "compared like text");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("name it with `TenantsBuilder::extension_schemas`"),
        "{warnings:?}"
    );
    tenants.close().await.unwrap();

    let (tenants, warnings) = connect(with_extensions(), database.options()).await;
    assert_eq!(warnings, [] as [String; 0]);
    let db = acme(&tenants);
    assert_eq!(found(&db).await, 1);
    let unguarded = db.begin_unguarded().await.unwrap();
    assert_eq!(found(&unguarded).await, 1);
    let path: String = ask(&unguarded, "SHOW search_path").await;
    assert_eq!(path, "acme, public, extensions");
    unguarded.commit().await.unwrap();
    let sql = "SELECT count(*) FROM acme.contact WHERE mail = 'a@B'";
    assert_eq!(ask::<i64>(tenants.shared_connection(), sql).await, 1);
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn the_path_of_the_url_is_kept_without_the_users_schema() {
    let database = database().await;
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!(
        "{}{separator}options=-csearch_path%3D%22%24user%22,extensions,public",
        database.url()
    );
    let (tenants, _) = connect(with_extensions(), ConnectOptions::new(url)).await;
    let path: String = ask(tenants.shared_connection(), "SHOW search_path").await;
    assert_eq!(path, "extensions, public");
    tenants.close().await.unwrap();
}

#[tokio::test]
async fn a_tenants_schema_is_refused_as_that_of_an_extension() {
    let database = database().await;
    database
        .execute("CREATE TABLE public.tenants (schema_name text); INSERT INTO public.tenants VALUES ('extensions')")
        .await;
    let refused = with_extensions().connect(database.options()).await;
    assert!(matches!(refused, Err(ConnectError::AllowedTenantSchema { .. })));

    // Without the setting, the warning says what to do with an extension in a tenant's schema.
    let (tenants, warnings) = connect(builder(), database.options()).await;
    assert!(warnings[0].contains("move the extension"), "{warnings:?}");
    tenants.close().await.unwrap();
}
