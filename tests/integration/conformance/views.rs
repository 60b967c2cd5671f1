//! Routes of the main site, of tenants, and of tenants of a kind.

use tenant_core::{Tenants, UrlScheme, resolve::Resolver};

use super::{case, check, connect, database, get_at};

#[tokio::test]
async fn each_kind_of_tenant_has_its_routes() {
    let database = database().await;
    database
        .execute("UPDATE tenants SET kind = 'trial' WHERE schema_name IN ('globex', 'public')")
        .await;
    check(
        &database,
        &Resolver::default(),
        &[
            case(get_at("acme.example.com", "/site"), 200, "customers"),
            case(get_at("globex.example.com", "/site"), 200, "trials"),
            // The main site comes before kinds.
            case(get_at("example.com", "/site"), 200, "main"),
        ],
    )
    .await;
}

#[tokio::test]
async fn addresses_have_the_stored_domain_and_the_configured_port() {
    let database = database().await;
    let builder = Tenants::builder().url_origin(UrlScheme::Http, Some(8000));
    let tenants = connect(&database, builder).await;
    let acme = tenants
        .by_host(&"acme.example.com".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        acme.url("/notes").as_deref(),
        Some("http://acme.example.com:8000/notes")
    );
    for tenant in tenants.list().await.unwrap() {
        let url = tenant.url("/").unwrap();
        assert!(
            url.starts_with("http://") && url.ends_with("example.com:8000/"),
            "{url}"
        );
    }
    let by_schema = tenants.by_schema(acme.schema()).await.unwrap().unwrap();
    assert_eq!(by_schema.url("/notes"), acme.url("/notes"));
}
