//! A separate PostgreSQL server for one test.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};

/// A separate server, for a test that would disturb the others, such as one that fills the lock table.
/// `scripts/with-postgres` starts it. Dropping this value stops it.
#[derive(Debug)]
pub struct TestServer {
    url: String,
    script: Child,
    input: Option<ChildStdin>,
}

impl TestServer {
    /// Starts a server with default settings.
    ///
    /// # Panics
    /// If the server does not start.
    #[must_use]
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/with-postgres");
        let mut script = Command::new(script)
            .args(["sh", "-c", "echo \"$DATABASE_URL\"; read -r end"])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/with-postgres");
        let mut url = String::new();
        let output = script.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut url).expect("the URL");
        Self {
            url: url.trim().to_owned(),
            input: script.stdin.take(),
            script,
        }
    }

    /// Returns the server's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Restarts the server with `pg_ctl`: all sessions end, and connecting fails until the server is up again. Works on
    /// Linux only: it finds `pg_ctl` through `/proc`.
    ///
    /// # Panics
    /// If the server does not restart.
    pub async fn restart(&self) {
        let data = self.data_directory().await;
        let owner = fs::metadata(&data).expect("the data directory");
        let restarted = tokio::process::Command::new(programs(&data).join("pg_ctl"))
            .args(["restart", "--mode=fast", "--wait", "--log=log", "--pgdata=."])
            // PostgreSQL does not run as root.
            .uid(owner.uid())
            .gid(owner.gid())
            .current_dir(&data)
            .stdout(Stdio::null())
            .status();
        assert!(restarted.await.expect("pg_ctl").success());
    }

    async fn data_directory(&self) -> PathBuf {
        let db = Database::connect(&self.url).await.expect("connect");
        let show = Statement::from_string(DbBackend::Postgres, "SHOW data_directory");
        let row = db.query_one_raw(show).await.expect("an answer").expect("a row");
        db.close().await.expect("close");
        let path: String = row.try_get_by_index(0).expect("a path");
        path.into()
    }
}

/// Returns the directory of the programs of the server that runs on a data directory.
fn programs(data: &Path) -> PathBuf {
    let file = fs::read_to_string(data.join("postmaster.pid")).expect("postmaster.pid");
    let process = file.lines().next().expect("its first line");
    let program = fs::read_link(format!("/proc/{process}/exe")).expect("the program");
    program.parent().expect("a directory").to_owned()
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The end of its input ends the command, and so the script and the server.
        self.input = None;
        let _ = self.script.wait();
    }
}
