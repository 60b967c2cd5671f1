//! Schemas that are missing, not in the catalog, misnamed or accessible to others.

use tenant_core::{ConnectError, Scope, Tenants};

use super::*;

#[tokio::test]
async fn schemas_and_the_catalog_are_compared() {
    let sql = "DROP SCHEMA globex CASCADE; CREATE SCHEMA orphan; CREATE SCHEMA \"ACME\";
        ALTER TABLE public.tenants DROP CONSTRAINT tenants_schema_name_check;
        INSERT INTO public.tenants (schema_name, name, status) VALUES ('pg_x', '', 'active'), ('public', '', 'active')";
    let expected = [
        "ACME: differs from the tenant acme in case alone",
        "globex: the catalog has this tenant, and the database no such schema",
        "orphan: is no tenant's, not shared and not allowed: drop it or allow it",
        "pg_x: the catalog has a tenant whose schema cannot be one: schema name \"pg_x\" is reserved: `pg_...`, \
            `information_schema` and `public` in another case cannot be a tenant's",
        "pg_x: the catalog has this tenant, and the database no such schema",
    ];
    assert_eq!(messages_after(sql).await, expected);
}

#[tokio::test]
async fn a_schema_in_which_everybody_creates_is_found() {
    let sql = "GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT ALL ON SCHEMA acme TO PUBLIC";
    let expected = ["acme", "public"].map(|schema| {
        format!("{schema}: everybody may create in it: REVOKE CREATE ON SCHEMA ... FROM PUBLIC")
    });
    assert_eq!(messages_after(sql).await, expected);
}

#[tokio::test]
async fn a_tenants_schema_that_is_allowed_is_found() {
    let (test, db) = clean().await;
    db.execute_unprepared("CREATE SCHEMA reference; CREATE TABLE reference.country (code text)")
        .await
        .unwrap();
    let tenants = Tenants::builder()
        .allow_schema("reference")
        .allow_schema("GLOBEX")
        .from_connection(test.connect().await)
        .await
        .unwrap();
    let audit = audit(&db, &Expected::of(&tenants).without_entities())
        .await
        .unwrap();
    assert_eq!(
        pairs(&audit),
        [("globex".to_owned(), Finding::AllowedTenantSchema)]
    );
}

#[tokio::test]
async fn a_handle_refuses_to_allow_a_tenants_schema() {
    let (test, _db) = clean().await;
    let connect = async |schema: &str| {
        Tenants::builder()
            .allow_schema(schema)
            .connect(test.options())
            .await
    };
    for name in ["acme", "GLOBEX"] {
        let error = connect(name).await.unwrap_err();
        assert!(
            matches!(&error, ConnectError::AllowedTenantSchema { .. }),
            "{error:?}"
        );
        let text = error.to_string().to_ascii_lowercase();
        assert!(
            text.starts_with(&format!("the schema {} is allowed", name.to_ascii_lowercase())),
            "{text}"
        );
    }
    connect("reference").await.unwrap();
    let empty = TestDatabase::create().await;
    Tenants::builder()
        .allow_schema("acme")
        .connect(empty.options())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_schema_of_an_extension_is_known() {
    let (_db, db) = clean().await;
    let sql = "CREATE SCHEMA ours; ALTER EXTENSION plpgsql ADD SCHEMA ours; CREATE TABLE ours.t (id int)";
    db.execute_unprepared(sql).await.unwrap();
    assert_eq!(found(&db).await, []);
}

#[tokio::test]
async fn a_table_in_both_scopes_is_found() {
    let (_db, db) = clean().await;
    db.execute_unprepared("CREATE VIEW public.busy AS SELECT 1; CREATE TABLE acme.plan (id int)")
        .await
        .unwrap();
    let both = |schema: &str, table: &str| {
        let table = table.to_owned();
        (schema.to_owned(), Finding::TableInBothScopes { table })
    };
    let expected = [both("acme", "busy"), both("acme", "plan"), both("globex", "busy")];
    assert_eq!(found(&db).await, expected);
    // The finding does not depend on the registry.
    let mut registry = Registry::default();
    registry.add_table(Scope::Tenant, "busy").unwrap();
    let audit = audit(&db, &Expected::new(registry)).await.unwrap();
    assert!(pairs(&audit).contains(&both("globex", "busy")));
}

#[tokio::test]
async fn an_extension_in_a_tenants_schema_is_found() {
    let sql = "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; CREATE EXTENSION hstore SCHEMA acme";
    let messages = messages_after(sql).await;
    let extension = "acme: the extension hstore is in this tenant's schema, and is for the whole database: ALTER EXTENSION hstore SET \
        SCHEMA extensions";
    assert!(messages.contains(&extension.to_owned()), "{messages:?}");
    assert!(
        !messages.iter().any(|message| message.contains("citext")),
        "{messages:?}"
    );
}
