//! The guard and the claims: tokens of one tenant at another's host.

use std::future::ready;

use tenant_core::resolve::{ByClaim, ByHost, KeyKind, Resolver};

use super::{case, check, database, get, servers::Claims};

fn guarded() -> Resolver {
    Resolver::default().guard(|head, tenant| {
        let claims = head.extension::<Claims>();
        ready(claims.is_none_or(|claims| claims.tenant == tenant.schema().as_str()))
    })
}

#[tokio::test]
async fn a_token_of_another_tenant_is_refused() {
    let database = database().await;
    let cases = [
        case(
            get("/notes/7", &["Host: acme.example.com", "x-token: acme"]),
            200,
            "of acme",
        ),
        case(get("/notes/7", &["Host: acme.example.com"]), 200, "of acme"),
        case(
            get("/notes/7", &["Host: globex.example.com", "x-token: acme"]),
            403,
            "Forbidden: you are not signed in",
        ),
        case(
            get("/whoami", &["Host: example.com", "x-token: acme"]),
            403,
            "Forbidden",
        ),
        // The answer to hosts without a tenant does not depend on the token.
        case(
            get("/whoami", &["Host: nobody.test", "x-token: acme"]),
            404,
            "Not Found\n",
        ),
    ];
    check(&database, &guarded(), &cases).await;

    // The same with a session that is read asynchronously, and fails for one token.
    let resolver = Resolver::default().guard(|head, tenant| {
        let (claims, schema) = (head.extension::<Claims>().cloned(), tenant.schema().to_string());
        async move {
            tokio::task::yield_now().await;
            claims.is_none_or(|claims| claims.tenant == schema)
        }
    });
    check(&database, &resolver, &cases).await;
}

#[tokio::test]
async fn a_tenant_that_is_not_served_is_not_told_apart_by_tokens() {
    let database = database().await;
    database
        .execute("UPDATE tenants SET status = 'suspended' WHERE schema_name = 'acme'")
        .await;
    let suspended = "Forbidden: this site is suspended.\n";
    check(
        &database,
        &guarded(),
        &[
            case(
                get("/whoami", &["Host: acme.example.com", "x-token: acme"]),
                403,
                suspended,
            ),
            case(
                get("/whoami", &["Host: acme.example.com", "x-token: globex"]),
                403,
                suspended,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_claim_names_the_tenant() {
    let database = database().await;
    let by_claim = ByClaim::new(|claims: &Claims| KeyKind::Schema.parse(&claims.tenant).ok());
    let resolver = Resolver::new(by_claim).or(ByHost::new());
    check(
        &database,
        &resolver,
        &[
            case(
                get("/notes/7", &["Host: any.test", "x-token: globex"]),
                200,
                "of globex",
            ),
            case(
                get("/notes/7", &["Host: acme.example.com", "x-token: globex"]),
                200,
                "of globex",
            ),
            case(get("/notes/7", &["Host: acme.example.com"]), 200, "of acme"),
            case(
                get("/notes/7", &["Host: acme.example.com", "x-token: nobody"]),
                404,
                "",
            ),
        ],
    )
    .await;
}
