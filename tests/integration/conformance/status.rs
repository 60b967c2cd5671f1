//! Tenants that are not served, however they were found.

use tenant_core::{
    SchemaName, SchemaVersions, SkewPolicy, Tenants,
    resolve::{ByHeader, ByHost, ByPath, NoTenant, Resolver, TrustedProxies},
};

use super::{PROXY, case, check, check_with, database, get, get_at};

fn chain() -> Resolver {
    Resolver::new(ByHeader::named("x-tenant"))
        .or(ByPath::prefix("/t"))
        .or(ByHost::new())
        .trusted_proxies(TrustedProxies::of([PROXY]).unwrap())
        .without_tenant(NoTenant::Schema(SchemaName::new("acme").unwrap()))
}

/// One request to acme in each way.
fn requests() -> [(&'static str, String); 4] {
    [
        (PROXY, get("/whoami", &["Host: any.test", "x-tenant: acme"])),
        (PROXY, get_at("any.test", "/t/acme/whoami")),
        (PROXY, get_at("acme.example.com", "/whoami")),
        // The named tenant stands in for an unknown host.
        (PROXY, get_at("nobody.test", "/whoami")),
    ]
}

#[tokio::test]
async fn only_active_tenants_are_served_by_each_resolver() {
    let database = database().await;
    for (word, status, body) in [
        ("active", 200, "acme "),
        ("suspended", 403, "Forbidden: this site is suspended.\n"),
        (
            "maintenance",
            503,
            "Service Unavailable: this site is being worked on.\n",
        ),
        (
            "provisioning",
            503,
            "Service Unavailable: this site is being worked on.\n",
        ),
        ("archived", 404, "Not Found\n"),
        ("dropping", 404, "Not Found\n"),
        ("pending", 404, "Not Found\n"),
    ] {
        let sql = format!("UPDATE tenants SET status = '{word}' WHERE schema_name = 'acme'");
        database.execute(&sql).await;
        let cases = requests().map(|(client, request)| case(request, status, body).from(client));
        check(&database, &chain(), &cases).await;
    }
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_by_each_resolver() {
    let database = database().await;
    let versions = SchemaVersions::new(["m20260101_000001_create_note", "m20990101_000001_next"]);
    let connect = async || {
        let builder = Tenants::builder().expect_versions(versions.clone(), SkewPolicy::Refuse);
        super::connect(&database, builder).await
    };
    for (version, status, body) in [
        ("m20260101_000001_create_note", 503, "Service Unavailable"),
        ("m20990101_000001_next", 200, "acme "),
    ] {
        let sql = format!("UPDATE tenants SET version = '{version}' WHERE schema_name = 'acme'");
        database.execute(&sql).await;
        let cases = requests().map(|(client, request)| case(request, status, body).from(client));
        check_with(connect, &chain(), &cases).await;
    }
}

#[tokio::test]
async fn without_a_tenant_the_configuration_decides() {
    let database = database().await;
    let named = |schema| NoTenant::Schema(SchemaName::new(schema).unwrap());
    for (choice, status, body) in [
        (NoTenant::NotFound, 404, "Not Found\n"),
        (NoTenant::Public, 200, "public "),
        (named("globex"), 200, "globex "),
        (named("nobody"), 404, "Not Found\n"),
    ] {
        let resolver = Resolver::default().without_tenant(choice);
        let cases = [
            case(get_at("nobody.test", "/whoami"), status, body),
            case(get_at("acme.example.com", "/whoami"), 200, "acme "),
            case(get_at("a..b", "/whoami"), 400, ""),
        ];
        check(&database, &resolver, &cases).await;
    }
}
