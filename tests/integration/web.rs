//! The example application over HTTP, on axum and on actix-web: one suite for both.

#![allow(clippy::expect_used, clippy::panic, reason = "in tests a panic is the report")]

/// Makes a test on each framework out of each function.
macro_rules! on_each_framework {
    ($($test:ident),+ $(,)?) => { $(
        mod $test {
            use crate::web::Framework;

            #[tokio::test]
            async fn axum() {
                super::$test(Framework::Axum).await;
            }

            #[tokio::test]
            async fn actix() {
                super::$test(Framework::Actix).await;
            }
        }
    )+ };
}

mod alike;
mod concurrency;
mod hosts;
mod logs;
mod metrics;
mod notes;
mod operator;
mod pages;
mod server;
mod sign_up;
mod status;
mod version;

use std::{net::SocketAddr, time::Duration};

use example_app::{Site, operator::OperatorToken};
use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HOST, redirect::Policy};
use serde_json::Value;
use tenant_core::{Host, SchemaName, Tenants};
use tenant_migration::{Action, Executor, NewTenant, Target, create_tenant};
use tests::TestDatabase;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use server::{Framework, Server};

/// Host of the main site.
const MAIN: &str = "localhost";
const ACME: &str = "acme.localhost";
const GLOBEX: &str = "globex.localhost";

/// The example application on its own port and database, with the tenants `public`, `acme` and `globex`.
struct TestApp {
    client: Client,
    // Before the database, since fields are dropped in this order.
    server: Server,
    database: TestDatabase,
}

impl TestApp {
    async fn start(framework: Framework) -> Self {
        Self::start_that_remembers_hosts_for(framework, Duration::from_secs(60)).await
    }

    async fn start_that_remembers_hosts_for(framework: Framework, time: Duration) -> Self {
        Self::start_with(framework, time, None).await
    }

    async fn start_with_operator(framework: Framework, token: &str) -> Self {
        let token = OperatorToken::new(token).expect("a token");
        Self::start_with(framework, Duration::from_secs(60), Some(token)).await
    }

    async fn start_with(framework: Framework, time: Duration, token: Option<OperatorToken>) -> Self {
        let database = TestDatabase::create().await;
        migrate(&database).await;
        let builder = Tenants::builder().host_cache_ttl(time);
        let tenants = builder.connect(database.options()).await.expect("connect");
        for (schema, name, domain) in [
            ("public", "Notes", MAIN),
            ("acme", "Acme", ACME),
            ("globex", "Globex", GLOBEX),
        ] {
            create(&tenants, schema, name, domain).await;
        }
        Self::serve(framework, site(&tenants).operator_token(token), database)
    }

    fn serve(framework: Framework, site: Site, database: TestDatabase) -> Self {
        Self {
            client: client(),
            server: Server::start(framework, site),
            database,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Builds a request to `path` of the site at `host`.
    fn request(&self, method: Method, host: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address());
        let host = format!("{host}:{}", self.address().port());
        self.client.request(method, url).header(HOST, host)
    }

    async fn get(&self, host: &str, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, host, path)).await
    }

    async fn delete(&self, host: &str, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, host, path)).await
    }

    async fn post(&self, host: &str, path: &str, json: &Value) -> Answer {
        Answer::to(self.request(Method::POST, host, path).json(json)).await
    }

    async fn put(&self, host: &str, path: &str, json: &Value) -> Answer {
        Answer::to(self.request(Method::PUT, host, path).json(json)).await
    }

    /// Submits a form.
    async fn submit(&self, host: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        Answer::to(self.request(Method::POST, host, path).form(fields)).await
    }

    /// Sends a request's text unchanged, and returns the status and the body of the response.
    async fn raw(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).await.expect("connect");
        stream.write_all(request.as_bytes()).await.expect("send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        (status.parse().expect("a status"), body.to_owned())
    }
}

/// A response that was read completely.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Checks that the response is a JSON error whose message contains `part`.
    #[track_caller]
    fn expect_error(self, status: u16, part: &str) {
        let answer = self.expect(status);
        let json = answer.json();
        let error = json["error"].as_str().expect("an error");
        assert!(error.contains(part), "{error:?} is not about {part:?}");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1));
    }
}

async fn migrate(database: &TestDatabase) {
    let executor = Executor::connect(database.options(), example_migration::migrations())
        .await
        .expect("connect");
    let plan = executor.plan(&Target::All, Action::UP).await.expect("a plan");
    let report = executor.run(plan, &mut ()).await;
    assert!(report.is_success(), "{report:?}");
    executor.close().await.expect("close");
}

async fn create(tenants: &Tenants, schema: &str, name: &str, domain: &str) {
    let schema = SchemaName::new(schema).expect("a schema name");
    let domain = Host::parse(domain).expect("a host");
    let new = NewTenant::new(schema, name).domain(domain);
    let migrations = example_migration::migrations();
    create_tenant(tenants.shared_connection(), &migrations, &new)
        .await
        .expect("a tenant");
}

fn site(tenants: &Tenants) -> Site {
    Site::new(tenants.clone(), example_migration::migrations())
}

/// Returns a client that does not follow redirects.
fn client() -> Client {
    let builder = Client::builder().redirect(Policy::none()).no_proxy();
    builder.build().expect("a client")
}
