//! The question of a TLS server before it gets a certificate.

use tenant_core::Tenants;

use super::{FRAMEWORKS, STRANGER, Server, connect, database, get_at, send_from, uncached};

async fn ask(server: &Server, query: &str) -> u16 {
    let request = get_at("127.0.0.1", &format!("/tls-ask{query}"));
    send_from(STRANGER, server.address, &request).await.status
}

#[tokio::test]
async fn domains_of_served_tenants_get_certificates() {
    let database = database().await;
    database
        .execute("INSERT INTO domains (tenant_id, domain) SELECT id, '*.wild.test' FROM tenants WHERE schema_name = 'acme'")
        .await;
    for framework in FRAMEWORKS {
        let server = Server::start_tls_ask(framework, uncached(&database).await);
        for (query, status) in [
            ("?domain=acme.example.com", 200),
            ("?domain=ACME.example.com", 200),
            ("?domain=example.com", 200),
            ("?domain=nobody.example.com", 404),
            ("?domain=any.wild.test", 404),
            ("?domain=wild.test", 404),
            ("?domain=%2a.wild.test", 404),
            ("?domain=acme.example.com&domain=evil.test", 404),
            ("?domain=", 404),
            ("?host=acme.example.com", 404),
            ("", 404),
        ] {
            assert_eq!(ask(&server, query).await, status, "{framework:?}: {query}");
        }
        for (word, status) in [
            ("suspended", 404),
            ("archived", 404),
            ("dropping", 404),
            ("provisioning", 404),
            ("maintenance", 200),
            ("active", 200),
        ] {
            let sql = format!("UPDATE tenants SET status = '{word}' WHERE schema_name = 'acme'");
            database.execute(&sql).await;
            assert_eq!(
                ask(&server, "?domain=acme.example.com").await,
                status,
                "{framework:?}: {word}"
            );
        }
    }
}

#[tokio::test]
async fn unknown_hosts_are_limited_and_cached_ones_are_not() {
    let database = database().await;
    for framework in FRAMEWORKS {
        let tenants = connect(&database, Tenants::builder()).await;
        let server = Server::start_tls_ask(framework, tenants.clone());
        assert_eq!(ask(&server, "?domain=acme.example.com").await, 200);
        let queries: Vec<_> = (0..400).map(|number| format!("?domain=t{number}.test")).collect();
        let answers = queries.iter().map(|query| ask(&server, query));
        let answers = futures_util::future::join_all(answers).await;
        let limited = answers.iter().filter(|status| **status == 429).count();
        assert!(limited >= 5, "{framework:?}: {limited}");
        assert!(
            answers.iter().all(|status| [404, 429].contains(status)),
            "{framework:?}: {answers:?}"
        );
        for _ in 0..20 {
            assert_eq!(
                ask(&server, "?domain=acme.example.com").await,
                200,
                "{framework:?}"
            );
        }
    }
}
