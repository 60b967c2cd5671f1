//! A PostgreSQL server for one test alone.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};

/// A server of a test that would get in the way of others on theirs, such as by taking all locks that there are. It is
/// made by `scripts/with-postgres`, and ends with this value.
#[derive(Debug)]
pub struct TestServer {
    url: String,
    script: Child,
    input: Option<ChildStdin>,
}

impl TestServer {
    /// Starts one with default settings.
    ///
    /// # Panics
    /// If it does not start.
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

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Restarts it, as an administrator does: sessions end, and nobody connects until it is there again. It is known by what
    /// Linux tells of processes.
    ///
    /// # Panics
    /// If it does not restart.
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

/// The directory of the programs of the server that runs on a data directory.
fn programs(data: &Path) -> PathBuf {
    let file = fs::read_to_string(data.join("postmaster.pid")).expect("postmaster.pid");
    let process = file.lines().next().expect("its first line");
    let program = fs::read_link(format!("/proc/{process}/exe")).expect("the program");
    program.parent().expect("a directory").to_owned()
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The command reads the end of its input, and ends.
        self.input = None;
        let _ = self.script.wait();
    }
}
