//! Tenants by host and by subdomain.

use tenant_core::{
    Domain, SchemaName,
    resolve::{ByHost, BySubdomain, KeyKind, Resolver},
};
use tenant_migration::add_domain;

use super::{case, check, database, get, get_at, or_public};

/// The hosts of threats.md, section 4: malformed ones get 400, and well-formed ones without a tenant 404.
const MALFORMED: [&str; 28] = [
    "",
    ".",
    "..",
    "a..b",
    ".acme.example.com",
    "acme.example.com:",
    ":80",
    "acme.example.com:99999",
    "acme.example.com:-1",
    "acme.example.com:80:80",
    "acme.example.com: evil.com",
    "example.com@evil.tld",
    "example.com:80/badpath",
    "acme.example.com?x",
    "acme.example.com#x",
    "\\evil",
    "acme example.com",
    "acme%00.example.com",
    "acme_1.example.com",
    "-a.example.com",
    "xn--",
    "*.example.com",
    "<script>",
    "acme'--.example.com",
    "[::1",
    "::1",
    "[::1]x",
    "acme.example.com, globex.example.com",
];

#[tokio::test]
async fn a_host_leads_to_its_tenant() {
    let database = database().await;
    let mut cases = vec![
        case(
            get_at("acme.example.com", "/whoami?a=1"),
            200,
            "acme prefix= target=/whoami?a=1",
        ),
        case(
            get_at("GLOBEX.Example.com.:80", "/notes/7"),
            200,
            "of globex at /notes/7",
        ),
        case(get_at("example.com", "/whoami"), 200, "public "),
        case(
            get("http://acme.example.com/whoami", &["Host: acme.example.com"]),
            200,
            "acme ",
        ),
        case(
            get("http://acme.example.com:80/whoami", &["Host: ACME.example.com"]),
            200,
            "acme ",
        ),
    ];
    for host in [
        "nobody.example.com",
        "evilexample.com",
        "example.com.evil.com",
        "a.acme.example.com",
        "127.0.0.1",
        "0x7f.1",
    ] {
        cases.push(case(get_at(host, "/whoami"), 404, "Not Found\n"));
    }
    check(&database, &Resolver::default(), &cases).await;
}

#[tokio::test]
async fn a_malformed_or_ambiguous_host_is_refused() {
    let database = database().await;
    let long = format!("{}.example.com", "a".repeat(64));
    let name = format!("{}.com", vec!["a"; 126].join("."));
    let mut cases: Vec<_> = MALFORMED
        .iter()
        .copied()
        .chain([long.as_str(), &name])
        .map(|host| case(get_at(host, "/whoami"), 400, ""))
        .collect();
    for lines in [
        &[][..],
        &["Host: acme.example.com", "Host: acme.example.com"],
        &["Host: acme.example.com", "Host: globex.example.com"],
    ] {
        cases.push(case(get("/whoami", lines), 400, ""));
    }
    let contradiction = get("http://acme.example.com/whoami", &["Host: globex.example.com"]);
    cases.push(case(contradiction, 400, ""));
    cases.push(case("GET /whoami HTTP/1.0\r\n\r\n".to_owned(), 400, ""));
    check(&database, &Resolver::default(), &cases).await;
}

#[tokio::test]
async fn an_exact_domain_comes_before_a_wildcard_of_one_label() {
    let database = database().await;
    let db = database.connect().await;
    for (schema, domain) in [
        ("acme", "*.wild.test"),
        ("globex", "exact.wild.test"),
        ("globex", "*.deep.wild.test"),
    ] {
        let (schema, domain) = (SchemaName::new(schema).unwrap(), Domain::parse(domain).unwrap());
        add_domain(&db, &schema, domain, false).await.unwrap();
    }
    db.close().await.unwrap();
    check(
        &database,
        &Resolver::default(),
        &[
            case(get_at("any.wild.test", "/whoami"), 200, "acme "),
            case(get_at("exact.wild.test", "/whoami"), 200, "globex "),
            case(get_at("a.deep.wild.test", "/whoami"), 200, "globex "),
            case(get_at("deep.wild.test", "/whoami"), 200, "acme "),
            case(get_at("wild.test", "/whoami"), 404, ""),
            case(get_at("a.b.wild.test", "/whoami"), 404, ""),
            case(get_at("a.b.deep.wild.test", "/whoami"), 404, ""),
            case(get_at("evilwild.test", "/whoami"), 404, ""),
            case(get_at("*.wild.test", "/whoami"), 400, ""),
        ],
    )
    .await;
    // The tenant of the exact domain is out of service: the wildcard does not stand in for it.
    database
        .execute("UPDATE tenants SET status = 'archived' WHERE schema_name = 'globex'")
        .await;
    check(
        &database,
        &Resolver::default(),
        &[case(get_at("exact.wild.test", "/whoami"), 404, "")],
    )
    .await;
}

#[tokio::test]
async fn a_subdomain_is_a_schema_or_a_slug() {
    let database = database().await;
    database
        .execute(
            "INSERT INTO domains (tenant_id, domain) SELECT id, 'ag' FROM tenants WHERE schema_name = 'acme'",
        )
        .await;
    let by_schema = || BySubdomain::of("example.org").unwrap().reserved(["www"]);
    check(
        &database,
        &Resolver::new(by_schema()),
        &[
            case(get_at("acme.example.org", "/whoami"), 200, "acme "),
            case(get_at("ACME.example.org.:80", "/whoami"), 200, "acme "),
            case(get_at("ag.example.org", "/whoami"), 404, ""),
            case(get_at("public.example.org", "/whoami"), 404, ""),
            case(get_at("a.acme.example.org", "/whoami"), 404, ""),
            case(get_at("www.example.org", "/whoami"), 404, ""),
            case(get_at("example.org", "/whoami"), 404, ""),
            case(get_at("acme.example.com", "/whoami"), 404, ""),
            case(get_at("a..example.org", "/whoami"), 400, ""),
        ],
    )
    .await;
    let slugs = Resolver::new(by_schema().kind(KeyKind::Slug)).or(ByHost::new());
    check(
        &database,
        &or_public(slugs),
        &[
            case(get_at("ag.example.org", "/whoami"), 200, "acme "),
            // A name that nobody has is not the main site's.
            case(get_at("acme.example.org", "/whoami"), 404, ""),
            case(get_at("www.example.org", "/whoami"), 200, "public "),
            case(get_at("globex.example.com", "/whoami"), 200, "globex "),
            case(get_at("nobody.test", "/whoami"), 200, "public "),
        ],
    )
    .await;
}

#[tokio::test]
async fn hosts_outside_of_the_bases_are_not_looked_up() {
    let database = database().await;
    let resolver = Resolver::new(ByHost::within(["example.com"]).unwrap());
    let mut cases = vec![case(get_at("acme.example.com", "/whoami"), 200, "acme ")];
    for number in 0..50 {
        cases.push(case(get_at(&format!("t{number}.evil.test"), "/whoami"), 404, ""));
    }
    let handles = std::sync::Mutex::new(Vec::new());
    let connect = async || {
        let builder = tenant_core::Tenants::builder().without_listener();
        let tenants = super::connect(&database, builder).await;
        handles.lock().unwrap().push(tenants.clone());
        tenants
    };
    super::check_with(connect, &resolver, &cases).await;
    let loads = handles
        .into_inner()
        .unwrap()
        .iter()
        .map(|tenants| tenants.cache_status().loads)
        .collect::<Vec<_>>();
    assert_eq!(loads, [1, 1]);
}
