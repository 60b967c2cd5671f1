//! One suite for axum and actix-web: the same requests get the same answers, sent over raw sockets.

mod cache;
mod data;
mod guard;
mod hosts;
mod http2;
mod listener;
mod paths;
mod proxies;
mod rejections;
mod servers;
mod status;
mod tls_ask;
mod views;

use std::net::SocketAddr;

use tenant_core::{
    Host, SchemaName, Tenants, TenantsBuilder,
    resolve::{NoTenant, Resolver},
};
use tenant_migration::{Action, Executor, NewTenant, Target, create_tenant};
use tests::TestDatabase;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use servers::{FRAMEWORKS, Server};

/// Address of a client that is a trusted proxy in these tests, and of one that is not.
const PROXY: &str = "127.0.0.2";
const STRANGER: &str = "127.0.0.1";

/// Tenants `public`, `acme` and `globex`, each with a note 7 of its own.
pub(crate) async fn database() -> TestDatabase {
    let database = TestDatabase::create().await;
    let migrations = example_migration::migrations();
    let executor = Executor::connect(database.options(), migrations.clone())
        .await
        .unwrap();
    let plan = executor.plan(&Target::All, Action::UP).await.unwrap();
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
    executor.close().await.unwrap();
    let db = database.connect().await;
    for (schema, domain) in [
        ("public", "example.com"),
        ("acme", "acme.example.com"),
        ("globex", "globex.example.com"),
    ] {
        let new = NewTenant::new(SchemaName::new(schema).unwrap(), schema);
        let new = new.domain(Host::parse(domain).unwrap());
        create_tenant(&db, &migrations, &new).await.unwrap();
    }
    db.close().await.unwrap();
    for schema in ["acme", "globex"] {
        let row = format!("INSERT INTO {schema}.note (id, title, body) VALUES (7, 'of {schema}', '')");
        database.execute(&row).await;
    }
    database
}

/// Connects without a cache, so that each request sees the catalog as it is.
async fn uncached(database: &TestDatabase) -> Tenants {
    let builder = Tenants::builder().host_cache_ttl(std::time::Duration::ZERO);
    connect(database, builder).await
}

async fn connect(database: &TestDatabase, builder: TenantsBuilder) -> Tenants {
    builder.connect(database.options()).await.unwrap()
}

/// A response over a raw socket.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Sends the text of a request from an address, and reads the response to its end.
async fn send_from(client: &str, server: SocketAddr, request: &str) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("no status: {request:?}: {answer:?}"));
    Answer {
        status: status.parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Returns the text of a GET request with these lines in its head.
fn get(target: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
}

/// Returns the text of a GET request to a host.
fn get_at(host: &str, target: &str) -> String {
    get(target, &[&format!("Host: {host}")])
}

/// A request with the status and body that it must get, from all frameworks.
struct Case {
    client: &'static str,
    request: String,
    status: u16,
    /// Start of the body.
    body: &'static str,
}

fn case(request: String, status: u16, body: &'static str) -> Case {
    Case {
        client: STRANGER,
        request,
        status,
        body,
    }
}

impl Case {
    fn from(mut self, client: &'static str) -> Self {
        self.client = client;
        self
    }
}

/// Sends all requests to a server of each framework, without a cache.
async fn check(database: &TestDatabase, resolver: &Resolver, cases: &[Case]) {
    check_with(async || uncached(database).await, resolver, cases).await;
}

/// Sends all requests to a server of each framework. Each has a handle of its own, whose connections end with the server's
/// runtime.
async fn check_with(connect: impl AsyncFn() -> Tenants, resolver: &Resolver, cases: &[Case]) {
    for framework in FRAMEWORKS {
        let server = Server::start(framework, connect().await, resolver.clone());
        for case in cases {
            let answer = send_from(case.client, server.address, &case.request).await;
            let about = format!("{framework:?}: {:?}: {answer:?}", case.request);
            assert_eq!(answer.status, case.status, "{about}");
            assert!(answer.body.starts_with(case.body), "{about}");
        }
    }
}

/// The resolver by host that serves the public tenant for requests without a tenant.
fn or_public(resolver: Resolver) -> Resolver {
    resolver.without_tenant(NoTenant::Public)
}
