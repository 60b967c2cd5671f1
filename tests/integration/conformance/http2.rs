//! The same over HTTP/2, where the host is in `:authority`.

use http::Request;
use tenant_core::resolve::{ByHeader, ByHost, ByPath, Resolver, TrustedProxies};
use tokio::net::TcpSocket;

use super::{FRAMEWORKS, PROXY, STRANGER, Server, database, uncached};

/// Sends a request over a connection of its own, and returns the status and the body.
async fn send(client: &str, server: &Server, url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (response, _) = sender.send_request(request.body(()).unwrap(), true).unwrap();
    let response = response.await.unwrap();
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(part) = body.data().await {
        text.extend_from_slice(&part.unwrap());
    }
    connection.abort();
    (status, String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_authority_decides_and_a_contradiction_is_refused() {
    let database = database().await;
    for framework in FRAMEWORKS {
        let server = Server::start(framework, uncached(&database).await, Resolver::default());
        for (url, headers, status, body) in [
            (
                "http://acme.example.com/whoami?a",
                &[][..],
                200,
                "acme prefix= target=/whoami?a",
            ),
            ("http://ACME.example.com:80/notes/7", &[], 200, "of acme"),
            (
                "http://acme.example.com/whoami",
                &[("host", "acme.example.com:80")],
                200,
                "acme ",
            ),
            (
                "http://acme.example.com/whoami",
                &[("host", "globex.example.com")],
                400,
                "",
            ),
            (
                "http://acme.example.com/whoami",
                &[("host", "acme.example.com"), ("host", "globex.example.com")],
                400,
                "",
            ),
            ("http://acme_1.example.com/whoami", &[], 400, ""),
            ("http://nobody.example.com/whoami", &[], 404, "Not Found\n"),
            (
                "http://nobody.example.com/whoami",
                &[("x-forwarded-host", "acme.example.com")],
                404,
                "",
            ),
            (
                "http://acme.example.com/whoami",
                &[("forwarded", "host=globex.example.com")],
                200,
                "acme ",
            ),
        ] {
            let (answered, text) = send(STRANGER, &server, url, headers).await;
            assert_eq!(answered, status, "{framework:?}: {url} {headers:?}: {text}");
            assert!(text.starts_with(body), "{framework:?}: {url} {headers:?}: {text}");
        }
    }
}

#[tokio::test]
async fn paths_and_headers_name_tenants() {
    let database = database().await;
    let resolver = Resolver::new(ByHeader::named("x-tenant"))
        .or(ByPath::prefix("/t"))
        .or(ByHost::new())
        .trusted_proxies(TrustedProxies::of([PROXY]).unwrap());
    for framework in FRAMEWORKS {
        let server = Server::start(framework, uncached(&database).await, resolver.clone());
        let at = "http://acme.example.com";
        for (client, path, headers, body) in [
            (
                PROXY,
                "/notes/7",
                &[("x-tenant", "globex")][..],
                "of globex at /notes/7",
            ),
            (
                STRANGER,
                "/notes/7",
                &[("x-tenant", "globex")],
                "of acme at /notes/7",
            ),
            (
                STRANGER,
                "/t/globex/notes/7",
                &[],
                "of globex at /t/globex/notes/7",
            ),
        ] {
            let (status, text) = send(client, &server, &format!("{at}{path}"), headers).await;
            assert_eq!(
                (status, text.as_str()),
                (200, body),
                "{framework:?}: {path} {headers:?}"
            );
        }
    }
}
