//! Headers of proxies, and of clients that pretend to be one.

use tenant_core::resolve::{ByHeader, ByHost, ForwardedHost, Resolver, TrustedProxies};

use super::{PROXY, STRANGER, case, check, database, get};

fn proxies() -> TrustedProxies {
    TrustedProxies::of([PROXY]).unwrap()
}

/// Headers with which a client may try to choose a tenant.
const SPOOFED: [&str; 6] = [
    "X-Tenant: globex",
    "X-Forwarded-Host: globex.example.com",
    "Forwarded: host=globex.example.com",
    "X-Host: globex.example.com",
    "X-Original-Host: globex.example.com",
    "X-Real-Host: globex.example.com",
];

#[tokio::test]
async fn nobody_is_believed_by_default() {
    let database = database().await;
    let mut cases = Vec::new();
    for spoofed in SPOOFED {
        for client in [STRANGER, PROXY] {
            let request = |host: &str| get("/whoami", &[host, spoofed]);
            cases.push(case(request("Host: acme.example.com"), 200, "acme ").from(client));
            cases.push(case(request("Host: nobody.test"), 404, "").from(client));
        }
    }
    check(&database, &Resolver::default(), &cases).await;
    // Neither without a list of proxies.
    let resolver = Resolver::new(ByHeader::named("x-tenant"))
        .or(ByHost::new())
        .forwarded_host(ForwardedHost::XForwardedHost);
    check(&database, &resolver, &cases).await;
}

#[tokio::test]
async fn a_header_names_the_tenant_if_a_trusted_proxy_sent_it() {
    let database = database().await;
    let resolver = Resolver::new(ByHeader::named("X-Tenant"))
        .or(ByHost::new())
        .trusted_proxies(proxies());
    let request = |lines: &[&str]| {
        let lines: Vec<_> = ["Host: acme.example.com"]
            .into_iter()
            .chain(lines.iter().copied())
            .collect();
        get("/notes/7", &lines)
    };
    check(
        &database,
        &resolver,
        &[
            case(request(&["x-tenant: globex"]), 200, "of globex").from(PROXY),
            case(request(&["X-TENANT: GLOBEX"]), 200, "of globex").from(PROXY),
            case(request(&["x-tenant: globex"]), 200, "of acme").from(STRANGER),
            case(request(&["x-tenant: globex", "x-tenant: acme"]), 200, "of acme").from(STRANGER),
            case(request(&[]), 200, "of acme").from(PROXY),
            case(request(&["x-tenant: globex", "x-tenant: globex"]), 400, "").from(PROXY),
            case(request(&["x-tenant: nobody"]), 404, "").from(PROXY),
            case(request(&["x-tenant: public"]), 404, "").from(PROXY),
            case(request(&["x-tenant: acme, globex"]), 404, "").from(PROXY),
            case(request(&["x-tenant:"]), 404, "").from(PROXY),
            // The other headers are not configured.
            case(request(&["x-forwarded-host: globex.example.com"]), 200, "of acme").from(PROXY),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_forwarded_host_counts_if_a_trusted_proxy_sent_it() {
    let database = database().await;
    let request = |lines: &[&str]| {
        let lines: Vec<_> = ["Host: acme.example.com"]
            .into_iter()
            .chain(lines.iter().copied())
            .collect();
        get("/notes/7", &lines)
    };
    let by = |header| {
        Resolver::default()
            .trusted_proxies(proxies())
            .forwarded_host(header)
    };
    check(
        &database,
        &by(ForwardedHost::XForwardedHost),
        &[
            case(
                request(&["X-Forwarded-Host: globex.example.com"]),
                200,
                "of globex",
            )
            .from(PROXY),
            case(request(&["X-Forwarded-Host: globex.example.com"]), 200, "of acme").from(STRANGER),
            case(request(&["Forwarded: host=globex.example.com"]), 200, "of acme").from(PROXY),
            case(request(&[]), 200, "of acme").from(PROXY),
            case(request(&["X-Forwarded-Host: nobody.test"]), 404, "").from(PROXY),
            case(
                request(&["X-Forwarded-Host: globex.example.com, acme.example.com"]),
                400,
                "",
            )
            .from(PROXY),
            case(
                request(&[
                    "X-Forwarded-Host: globex.example.com",
                    "X-Forwarded-Host: acme.example.com",
                ]),
                400,
                "",
            )
            .from(PROXY),
            case(request(&["X-Forwarded-Host: a..b"]), 400, "").from(PROXY),
            case(request(&["X-Forwarded-Host:"]), 400, "").from(PROXY),
        ],
    )
    .await;
    check(
        &database,
        &by(ForwardedHost::Forwarded),
        &[
            case(
                request(&["Forwarded: for=192.0.2.1;host=\"globex.example.com\";proto=https"]),
                200,
                "of globex",
            )
            .from(PROXY),
            case(request(&["Forwarded: host=globex.example.com"]), 200, "of acme").from(STRANGER),
            case(request(&["X-Forwarded-Host: globex.example.com"]), 200, "of acme").from(PROXY),
            case(
                request(&["Forwarded: host=globex.example.com, host=acme.example.com"]),
                400,
                "",
            )
            .from(PROXY),
            case(
                request(&["Forwarded: host=globex.example.com;host=acme.example.com"]),
                400,
                "",
            )
            .from(PROXY),
        ],
    )
    .await;
}
