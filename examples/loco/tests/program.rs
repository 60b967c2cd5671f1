//! [`Program`]: the application's program and a database for it.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use sea_orm::DatabaseConnection;
use serde_json::Value;
use tenant_core::SchemaName;
use tenant_migration::test_util::TestDatabase;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::{Instant, sleep},
};

/// Time in which something that was begun must have happened. A host is cached for 27 s at least, so within this time a change
/// by another process is known from the listener alone.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The program, with a database of its own.
pub struct Program {
    /// The database.
    pub database: TestDatabase,
}

impl Program {
    /// Creates an empty database.
    pub async fn new() -> Self {
        Self {
            database: TestDatabase::create().await,
        }
    }

    /// Creates a database with the main site and two tenants.
    pub async fn with_tenants() -> Self {
        let program = Self::new().await;
        program.run("task tenants:migrate").await;
        for tenant in [
            "schema:public name:Notes domain:localhost",
            "schema:acme name:Acme domain:acme.localhost",
            "schema:globex name:Globex domain:globex.localhost",
        ] {
            program.run(&format!("task tenant:create {tenant}")).await;
        }
        program
    }

    /// Begins the command `cargo loco ARGUMENTS`, without cargo.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_example_loco-cli"));
        command
            .args(arguments.split(' '))
            .env("DATABASE_URL", self.database.url())
            .env_remove("LOCO_ENV")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command that must succeed, and returns its output.
    pub async fn run(&self, arguments: &str) -> String {
        let output = self.output(arguments).await;
        assert!(output.status.success(), "{arguments}: {}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and returns all that it said.
    pub async fn fails(&self, arguments: &str) -> String {
        let output = self.output(arguments).await;
        assert!(!output.status.success(), "{arguments}: {}", text(&output));
        text(&output)
    }

    async fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Starts the server, with these arguments of `cargo loco start`.
    pub async fn start(&self, arguments: &str) -> Server {
        let port = free_port().await;
        let arguments = format!("start --binding 127.0.0.1 --port {port} {arguments}");
        let process = self.command(arguments.trim()).stdout(Stdio::null()).spawn();
        let mut server = Server {
            process: process.unwrap(),
            client: Client::new(),
            port,
        };
        let deadline = Instant::now() + TIMEOUT;
        while server
            .request(Method::GET, "localhost", "/")
            .send()
            .await
            .is_err()
        {
            let ended = server.process.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {ended:?}");
            assert!(Instant::now() < deadline, "the server does not answer");
            sleep(Duration::from_millis(50)).await;
        }
        server
    }

    /// Connects as another process, such as an operator's.
    pub async fn connect(&self) -> DatabaseConnection {
        self.database.connect().await
    }
}

/// Returns standard output and standard error.
fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// A running server. Dropping it kills the process.
pub struct Server {
    process: Child,
    client: Client,
    port: u16,
}

impl Server {
    /// Begins a request to a host.
    pub fn request(&self, method: Method, host: &str, path: &str) -> RequestBuilder {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        self.client.request(method, url).header("host", host)
    }

    /// Returns the status of the answer to GET.
    pub async fn status(&self, host: &str, path: &str) -> StatusCode {
        let answer = self.request(Method::GET, host, path).send().await;
        answer.unwrap().status()
    }

    /// Returns the JSON of the answer to GET, which must be 200.
    pub async fn get(&self, host: &str, path: &str) -> Value {
        let answer = self.request(Method::GET, host, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}{path}");
        answer.json().await.unwrap()
    }

    /// Sends JSON, which must be accepted.
    pub async fn post(&self, host: &str, path: &str, body: &Value) {
        let request = self.request(Method::POST, host, path).json(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{host}{path}: {answer:?}");
    }

    /// Returns ids and titles of a tenant's notes.
    pub async fn notes(&self, host: &str) -> Vec<(i64, String)> {
        let page = self.get(host, "/notes").await;
        let notes = page["results"].as_array().unwrap().iter();
        let note = |note: &Value| {
            let (id, title) = (note["id"].as_i64(), note["title"].as_str());
            (id.unwrap(), title.unwrap().to_owned())
        };
        notes.map(note).collect()
    }

    /// Waits until GET has this status.
    pub async fn wait_for(&self, host: &str, path: &str, status: StatusCode) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let now = self.status(host, path).await;
            if now == status {
                return;
            }
            assert!(Instant::now() < deadline, "{host}{path} is {now}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Waits until a check is true.
pub async fn wait_until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !check().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The schema of a tenant.
pub fn schema(name: &str) -> SchemaName {
    SchemaName::new(name).unwrap()
}
