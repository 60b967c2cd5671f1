//! A PgBouncer for one test.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    thread,
    time::Duration,
};

use sea_orm::sqlx::{ConnectOptions, postgres::PgConnectOptions};

use crate::{TestDatabase, programs::is_program};

/// PgBouncer's `pool_mode`: the time for which a client keeps a server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// Until the client disconnects.
    Session,
    /// One transaction.
    Transaction,
}

/// A PgBouncer in front of a database. Dropping this value stops the process.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    directory: PathBuf,
    port: u16,
    database: String,
}

impl Pooler {
    /// Starts a PgBouncer. `None` if none is installed and `WITHOUT_PGBOUNCER` is set.
    ///
    /// # Panics
    /// If none is installed and `WITHOUT_PGBOUNCER` is not set, or if PgBouncer does not start.
    #[must_use]
    pub fn start(database: &TestDatabase, mode: PoolMode) -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                env::var_os("WITHOUT_PGBOUNCER").is_some(),
                "install pgbouncer, or set WITHOUT_PGBOUNCER to leave the tests of poolers out"
            );
            return None;
        };
        let port = free_port();
        let directory = env::temp_dir().join(format!("pooler_{}_{port}", database.name()));
        fs::create_dir(&directory).expect("a directory");
        let settings = directory.join("pgbouncer.ini");
        fs::write(&settings, configuration(database, mode, port, version(&program))).expect("the settings");
        let pooler = Self {
            process: run(&program, &settings),
            directory,
            port,
            database: database.name().to_owned(),
        };
        pooler.wait();
        Some(pooler)
    }

    /// Returns the URL of the database through the pooler.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://anyone@127.0.0.1:{}/{}", self.port, self.database)
    }

    /// True if this PgBouncer supports prepared statements in transaction mode.
    ///
    /// # Panics
    /// If no PgBouncer is installed.
    #[must_use]
    pub fn prepares() -> bool {
        version(&program().expect("pgbouncer")) >= PREPARES
    }

    fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("PgBouncer does not listen");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// First version with `max_prepared_statements`.
const PREPARES: (u32, u32) = (1, 21);

/// Finds PgBouncer. Debian installs it in `/usr/sbin`, which is on root's `PATH` only.
fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    directories
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| is_program(program))
}

fn version(program: &Path) -> (u32, u32) {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .expect("its version");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

fn configuration(database: &TestDatabase, mode: PoolMode, port: u16, version: (u32, u32)) -> String {
    let server = PgConnectOptions::from_str(database.url()).expect("the URL of the server");
    let url = server.to_url_lossy();
    // PgBouncer would read an empty password in quotes, `''`, as one quote.
    let password = url.password().map_or_else(String::new, |password| {
        format!("password='{}'", password.replace('\'', "''"))
    });
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
    };
    let prepared = if version >= PREPARES {
        "max_prepared_statements = 200\n"
    } else {
        ""
    };
    format!(
        "[databases]\n{name} = host={host} port={server_port} user={user} {password} dbname={name}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n{prepared}",
        name = database.name(),
        host = server.get_host(),
        server_port = server.get_port(),
        user = server.get_username(),
    )
}

fn run(program: &Path, settings: &Path) -> Child {
    let mut command = Command::new(program);
    // PgBouncer refuses to run as root.
    if fs::metadata(settings).expect("the settings").uid() == 0 {
        command.args(["-u", "nobody"]);
    }
    command
        .arg("-q")
        .arg(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pgbouncer")
}
