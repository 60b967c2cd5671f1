//! Plain SQL in files, which `psql` runs.

use std::{env, fs, path::PathBuf, process};

/// Number of psql processes: the default number of jobs of a run.
pub(crate) const JOBS: usize = tenant_migration::DEFAULT_JOBS;

/// Unit that psql sends in one message.
#[derive(Clone, Copy)]
pub(crate) enum Message {
    /// One statement, psql's default.
    Statement,
    /// All statements of a tenant, joined with `\;`, which is the fastest way.
    Tenant,
}

/// One file for each process. Dropping this value removes them.
pub(crate) struct Files(Vec<PathBuf>);

impl Files {
    /// Writes the files, with the tenants distributed over the processes.
    pub(crate) fn write(
        processes: usize,
        message: Message,
        tenants: impl Iterator<Item = Vec<String>>,
    ) -> Self {
        let separator = match message {
            Message::Statement => ";\n",
            Message::Tenant => "\\;\n",
        };
        let mut scripts = vec![String::new(); processes];
        for (tenant, statements) in tenants.enumerate() {
            let script = &mut scripts[tenant % processes];
            script.push_str(&statements.join(separator));
            script.push_str(";\n");
        }
        let write = |(at, script): (usize, String)| {
            let path = env::temp_dir().join(format!("tenant-bench-{}-{at}.sql", process::id()));
            fs::write(&path, script).unwrap();
            path
        };
        Self(scripts.into_iter().enumerate().map(write).collect())
    }

    /// Runs all files at the same time, and waits for them.
    ///
    /// # Panics
    /// If a statement fails.
    pub(crate) fn run(&self, url: &str) {
        let start = |path: &PathBuf| {
            let mut psql = process::Command::new("psql");
            psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f"])
                .arg(path);
            psql.stdout(process::Stdio::null()).spawn().expect("psql")
        };
        let running: Vec<_> = self.0.iter().map(start).collect();
        for mut psql in running {
            assert!(psql.wait().unwrap().success(), "psql failed");
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}
