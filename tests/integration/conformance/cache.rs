//! The cache of tenants behind the servers.

use std::time::Duration;

use tenant_core::{
    Tenants,
    resolve::{ByHost, ByPath, NoTenant, Resolver},
};
use tests::Proxy;

use super::{FRAMEWORKS, STRANGER, Server, connect, database, get_at, send_from};

#[tokio::test]
async fn a_host_is_looked_up_once() {
    let database = database().await;
    for framework in FRAMEWORKS {
        let tenants = connect(&database, Tenants::builder().without_listener()).await;
        let server = Server::start(framework, tenants.clone(), Resolver::default());
        let requests = (0..100).map(|_| async {
            let request = get_at("acme.example.com", "/whoami");
            send_from(STRANGER, server.address, &request).await.status
        });
        let statuses = futures_util::future::join_all(requests).await;
        assert_eq!(statuses, [200; 100], "{framework:?}");
        let status = tenants.cache_status();
        assert_eq!(
            (status.loads, status.tenants, status.hits + status.misses),
            (1, 1, 100),
            "{framework:?}"
        );
    }
}

#[tokio::test]
async fn tenants_are_served_through_an_outage_and_unknown_hosts_are_not_found_out() {
    let database = database().await;
    for framework in FRAMEWORKS {
        let proxy = Proxy::start(database.url()).await;
        let mut options = sea_orm::ConnectOptions::new(proxy.url());
        options
            .max_connections(4)
            .acquire_timeout(Duration::from_millis(500))
            .sqlx_logging(false);
        let builder = Tenants::builder()
            .host_cache_ttl(Duration::from_millis(500))
            .without_listener();
        let tenants = builder.connect(options).await.unwrap();
        let resolver = Resolver::new(ByPath::prefix("/t"))
            .or(ByHost::new())
            .without_tenant(NoTenant::Public);
        let server = Server::start(framework, tenants.clone(), resolver);
        let send =
            async |host: &str, path: &str| send_from(STRANGER, server.address, &get_at(host, path)).await;
        assert_eq!(send("acme.example.com", "/whoami").await.status, 200);
        assert_eq!(send("any.test", "/t/globex/whoami").await.status, 200);
        drop(proxy);
        tokio::time::sleep(Duration::from_millis(600)).await;
        for _ in 0..3 {
            let acme = send("acme.example.com", "/whoami").await;
            assert!(acme.body.starts_with("acme "), "{framework:?}: {acme:?}");
            let globex = send("any.test", "/t/globex/whoami").await;
            assert!(globex.body.starts_with("globex "), "{framework:?}: {globex:?}");
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        // An error is not "no tenant": neither 404, nor the main site.
        for (host, path) in [
            ("globex.example.com", "/whoami"),
            ("nobody.test", "/whoami"),
            ("any.test", "/t/nobody/"),
        ] {
            let unknown = send(host, path).await;
            assert_eq!(
                (unknown.status, unknown.body.as_str()),
                (503, "Service Unavailable\n"),
                "{framework:?}"
            );
        }
        assert!(tenants.cache_status().stale >= 6, "{:?}", tenants.cache_status());
    }
}
