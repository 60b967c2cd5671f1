//! Tenants by a segment of the path, which routes do not see.

use tenant_core::resolve::{ByHost, ByPath, KeyKind, Resolver};

use super::{case, check, database, get, get_at, or_public, uncached};

#[tokio::test]
async fn the_segment_is_removed_and_links_lead_back() {
    let database = database().await;
    let at = |target| get_at("any.test", target);
    let resolver = Resolver::new(ByPath::prefix("/t"));
    check(
        &database,
        &resolver,
        &[
            case(
                at("/t/acme/whoami?page=2&x"),
                200,
                "acme prefix=/t/acme target=/whoami?page=2&x",
            ),
            case(at("/t/globex/notes/7"), 200, "of globex at /t/globex/notes/7"),
            case(at("/t/acme/notes/7"), 200, "of acme at /t/acme/notes/7"),
            case(at("/t/ACME/whoami"), 200, "acme prefix=/t/ACME "),
            case(at("/t/acme"), 200, "acme prefix=/t/acme target=/"),
            case(at("/t/acme/"), 200, "acme prefix=/t/acme target=/"),
            case(at("/t/acme?a"), 200, "acme prefix=/t/acme target=/?a"),
            // No host is needed.
            case(get("/t/acme/whoami", &["Host:"]), 200, "acme "),
            // The rest of the path is the tenant's, as it was sent.
            case(at("/t/acme/t/globex/whoami"), 404, "no route"),
            case(at("/t/acme/../globex/whoami"), 404, "no route"),
            case(at("/t/acme/%2e%2e/globex/whoami"), 404, "no route"),
            case(at("/t/acme//whoami"), 404, "no route"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_segment_names_no_tenant() {
    let database = database().await;
    let mut cases = Vec::new();
    for target in [
        "/whoami",
        "/t",
        "/t/",
        "/t//acme/whoami",
        "//t/acme/whoami",
        "/T/acme/whoami",
        "/team/acme/whoami",
        "/tacme/whoami",
        "/x/t/acme/whoami",
        "/%74/acme/whoami",
        "/./t/acme/whoami",
        "/t/nobody/whoami",
        "/t/%61cme/whoami",
        "/t/acme%2fwhoami",
        "/t/../acme/whoami",
        "/t/public/whoami",
        "/t/acme;x/whoami",
        "/t/acme%00/whoami",
        "/t/pg_catalog/whoami",
        "/t/acme.example.com/whoami",
    ] {
        cases.push(case(get_at("acme.example.com", target), 404, "Not Found\n"));
    }
    check(&database, &Resolver::new(ByPath::prefix("/t")), &cases).await;
}

#[tokio::test]
async fn without_the_prefix_the_next_resolver_or_the_main_site_answers() {
    let database = database().await;
    let chain = Resolver::new(ByPath::prefix("/t")).or(ByHost::new());
    check(
        &database,
        &or_public(chain),
        &[
            case(
                get_at("acme.example.com", "/whoami"),
                200,
                "acme prefix= target=/whoami",
            ),
            case(
                get_at("acme.example.com", "/t/globex/whoami"),
                200,
                "globex prefix=/t/globex ",
            ),
            case(get_at("nobody.test", "/whoami"), 200, "public "),
            // A tenant that is named and does not exist is not the main site.
            case(get_at("nobody.test", "/t/nobody/whoami"), 404, "Not Found\n"),
            case(get_at("acme.example.com", "/t/%61/whoami"), 404, "Not Found\n"),
            case(get_at("a..b", "/whoami"), 400, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_segment_is_an_id_or_a_slug() {
    let database = database().await;
    // Ids are given in the order of creation: public, acme, globex.
    database
        .execute(
            "INSERT INTO domains (tenant_id, domain) SELECT id, 'ag' FROM tenants WHERE schema_name = 'acme'",
        )
        .await;
    let tenants = uncached(&database).await;
    let list = tenants.list().await.unwrap();
    let acme = list
        .iter()
        .find(|tenant| tenant.schema().as_str() == "acme")
        .unwrap();
    let id = acme.id().to_string();
    let at = |segment: &str| get_at("any.test", &format!("/{segment}/whoami"));
    check(
        &database,
        &Resolver::new(ByPath::prefix("/").kind(KeyKind::Id)),
        &[
            case(at(&id), 200, "acme prefix=/"),
            case(at(&format!("0{id}")), 404, ""),
            case(at(&format!("+{id}")), 404, ""),
            case(at("999999"), 404, ""),
            case(at("acme"), 404, ""),
            case(at("99999999999999999999"), 404, ""),
        ],
    )
    .await;
    check(
        &database,
        &Resolver::new(ByPath::prefix("/org").kind(KeyKind::Slug)),
        &[
            case(
                get_at("any.test", "/org/ag/whoami"),
                200,
                "acme prefix=/org/ag target=/whoami",
            ),
            case(get_at("any.test", "/org/acme/whoami"), 404, ""),
            case(get_at("any.test", "/org/acme.example.com/whoami"), 404, ""),
        ],
    )
    .await;
}
