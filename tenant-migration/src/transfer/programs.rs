//! Finding and running `pg_dump` and `pg_restore`.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use sea_orm::sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tokio::process::Command;

use crate::transfer::error::ProgramError;

/// The directory of `pg_dump` and `pg_restore`.
///
/// By default the programs are searched on the `PATH`, and then where Debian (`/usr/lib/postgresql/*/bin`) and Red Hat
/// (`/usr/pgsql-*/bin`) install them. Programs of the server's version are preferred, then the next newer version. An older
/// `pg_dump` refuses the server. `pg_restore` of version 17 or newer does not work with a server older than 17.
///
/// # Example
/// ```
/// use tenant_migration::PgPrograms;
///
/// let found = PgPrograms::default();
/// let named = PgPrograms::in_folder("/usr/pgsql-17/bin");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PgPrograms {
    folder: Option<PathBuf>,
}

/// Parents of the directories of versions, and the prefixes of these directories' names.
const INSTALLED: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// The first version whose `pg_restore` sets `transaction_timeout`, which older servers refuse.
const SETS_TRANSACTION_TIMEOUT: u32 = 17;

impl PgPrograms {
    /// Uses the programs of a directory. No other directory is searched.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// Finds the `pg_dump` for a server.
    pub(super) async fn pg_dump(&self, server: u32) -> Result<Program, ProgramError> {
        let (program, _) = self.find("pg_dump", server).await?;
        Ok(program)
    }

    /// Finds the `pg_restore` for a dump. `dumped` is the version of the dump's server, `server` that of the target.
    pub(super) async fn pg_restore(&self, dumped: u32, server: u32) -> Result<Program, ProgramError> {
        let (program, version) = self.find("pg_restore", dumped.max(server)).await?;
        if server < SETS_TRANSACTION_TIMEOUT && version >= SETS_TRANSACTION_TIMEOUT {
            return Err(ProgramError::TooNew {
                program: program.path,
                version,
                server,
            });
        }
        Ok(program)
    }

    /// Finds the program whose version is `needed`, or else the next newer one.
    async fn find(&self, name: &'static str, needed: u32) -> Result<(Program, u32), ProgramError> {
        let mut failure = ProgramError::NotFound {
            program: name,
            folder: self.folder.clone(),
        };
        let mut found = Vec::new();
        for path in self.candidates(name) {
            let program = Program { path };
            match program.version().await {
                Ok(version) => found.push((program, version)),
                Err(error) => failure = error,
            }
        }
        choose(found, needed).map_err(|newest| match newest {
            Some((Program { path: program }, version)) => ProgramError::TooOld {
                program,
                version,
                needed,
            },
            None => failure,
        })
    }

    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let name = format!("{name}{}", env::consts::EXE_SUFFIX);
        match &self.folder {
            Some(folder) => vec![folder.join(&name)],
            None => folders().map(|folder| folder.join(&name)).collect(),
        }
        .into_iter()
        .filter(|path| path.is_file() && (self.folder.is_some() || !is_wrapper(path)))
        .collect()
    }
}

/// Returns the item with the oldest version that is at least `needed`, the first of several.
///
/// # Errors
/// The item with the newest version, if all are older than `needed`.
fn choose<T>(found: Vec<(T, u32)>, needed: u32) -> Result<(T, u32), Option<(T, u32)>> {
    let (enough, older): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, version)| *version >= needed);
    let oldest = enough.into_iter().min_by_key(|(_, version)| *version);
    oldest.ok_or_else(|| older.into_iter().max_by_key(|(_, version)| *version))
}

/// True for Debian's `pg_wrapper`, which chooses a version itself, and another one if a host is named.
fn is_wrapper(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.ends_with("pg_wrapper"))
}

fn folders() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<_> = env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect();
    let installed = INSTALLED.map(|(all, prefix)| folders_of_versions(Path::new(all), prefix));
    on_path.into_iter().chain(installed.into_iter().flatten())
}

/// Returns the directories of programs below `all`, the newest version first.
fn folders_of_versions(all: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = all.read_dir().into_iter().flatten().flatten();
    let mut versions: Vec<_> = entries
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|(a, _), (b, _)| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// `pg_dump` or `pg_restore`.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    async fn version(&self) -> Result<u32, ProgramError> {
        let output = self.run(&[], ["--version".into()]).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let unknown = || ProgramError::Failed {
            program: self.path.clone(),
            status: output.status,
            message: format!("its version could not be read: {:?}", text.trim()),
        };
        parse_version(&text).ok_or_else(unknown)
    }

    /// Runs the program until it exits. It is killed if this future is dropped.
    ///
    /// `environment` has the connection and its secrets, because every user of a computer can read a program's arguments.
    pub(super) async fn run(
        &self,
        environment: &[(&'static str, String)],
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Output, ProgramError> {
        let mut command = Command::new(&self.path);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        if !environment.is_empty() {
            // libpq prefers these variables to the others, so they could lead to another server than the driver's.
            for name in ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"] {
                command.env_remove(name);
            }
            command.envs(environment.iter().map(|(name, value)| (name, value)));
        }
        let output = command.output().await;
        let output = output.map_err(|source| ProgramError::NotRun {
            program: self.path.clone(),
            source,
        })?;
        if output.status.success() {
            return Ok(output);
        }
        Err(ProgramError::Failed {
            program: self.path.clone(),
            status: output.status,
            message: last_output(&output.stderr),
        })
    }
}

/// Returns the last 2,000 bytes of a program's output. The reason is usually in the last line.
fn last_output(output: &[u8]) -> String {
    const MAX_BYTES: usize = 2_000;
    let start = output.len().saturating_sub(MAX_BYTES);
    let text = String::from_utf8_lossy(output.get(start..).unwrap_or(output));
    match text.trim() {
        "" => "it wrote no reason".to_owned(),
        text => text.to_owned(),
    }
}

/// Returns the major version in a text such as `pg_dump (PostgreSQL) 17.2 (Debian 17.2-1)`, or `18beta1`.
fn parse_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

/// Returns the environment variables from which libpq reads a connection.
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
pub(super) fn environment(options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let mut environment = vec![
        ("PGHOST", host(options)),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", database(options).to_owned()),
    ];
    environment.extend(options.get_options().map(|text| ("PGOPTIONS", text.to_owned())));
    environment.extend(variables_from_url(options));
    environment
}

/// Returns the argument of the database for `pg_restore`, which connects only if it has one.
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>
pub(super) fn database_argument(options: &PgConnectOptions) -> String {
    let name = database(options).replace('\\', "\\\\").replace('\'', "\\'");
    format!("--dbname=dbname='{name}'")
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.to_string_lossy().into_owned(),
        // URLs have IPv6 addresses in brackets.
        None => options.get_host().trim_matches(['[', ']']).to_owned(),
    }
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or(options.get_username())
}

/// Returns the variables whose values the driver shows only in a URL: the TLS settings and the password. User and host are
/// replaced, because some of their characters would make the URL invalid.
fn variables_from_url(options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let mut url = options.clone().username("user").host("host").to_url_lossy();
    let mut variables = Vec::new();
    for (name, value) in url.query_pairs() {
        match (&*name, value.strip_prefix("file: ")) {
            ("sslmode", _) => variables.push(("PGSSLMODE", value.into_owned())),
            ("sslrootcert", Some(path)) => variables.push(("PGSSLROOTCERT", path.to_owned())),
            ("sslcert", Some(path)) => variables.push(("PGSSLCERT", path.to_owned())),
            ("sslkey", Some(path)) => variables.push(("PGSSLKEY", path.to_owned())),
            _ => {}
        }
    }
    // The URL's password is percent-encoded. The parser of queries decodes it.
    if let Some(password) = url.password().map(|password| format!("password={password}")) {
        url.set_query(Some(&password));
        variables.extend(
            url.query_pairs()
                .map(|(_, value)| ("PGPASSWORD", value.into_owned())),
        );
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(environment: &[(&str, String)], name: &str) -> Option<String> {
        let mut found = environment.iter().filter(|(other, _)| *other == name);
        found.next().map(|(_, value)| value.clone())
    }

    #[test]
    fn a_url_becomes_an_environment() {
        let url = "postgres://m%40e:s%2B%25%20%C3%A9%26%3D%27@[::1]:6543/my%20db?sslmode=verify-full\
            &sslrootcert=/etc/ca%20.pem&options=-c%20geqo%3Doff";
        let options: PgConnectOptions = url.parse().unwrap();
        let environment = environment(&options);
        for (name, expected) in [
            ("PGHOST", "::1"),
            ("PGPORT", "6543"),
            ("PGUSER", "m@e"),
            ("PGPASSWORD", "s+% é&='"),
            ("PGDATABASE", "my db"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/etc/ca .pem"),
        ] {
            assert_eq!(value(&environment, name).as_deref(), Some(expected), "{name}");
        }
        assert!(value(&environment, "PGOPTIONS").unwrap().ends_with("-c geqo=off"));
    }

    #[test]
    fn special_characters_are_kept() {
        let options = PgConnectOptions::new_without_pgpass()
            .socket("/var/run/postgresql")
            .username("a/b:c@d [")
            .password("p:/@?#")
            .database("it's \\ a=b");
        let environment = environment(&options);
        assert_eq!(
            value(&environment, "PGHOST").as_deref(),
            Some("/var/run/postgresql")
        );
        assert_eq!(value(&environment, "PGUSER").as_deref(), Some("a/b:c@d ["));
        assert_eq!(value(&environment, "PGPASSWORD").as_deref(), Some("p:/@?#"));
        assert_eq!(database_argument(&options), r"--dbname=dbname='it\'s \\ a=b'");
    }

    #[test]
    fn versions_are_read() {
        for (text, version) in [
            ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("pg_restore (PostgreSQL) 18beta1\n", Some(18)),
            ("pg_dump (PostgreSQL) 9\n", Some(9)),
            ("pg_dump (PostgreSQL) devel\n", None),
            ("something else", None),
        ] {
            assert_eq!(parse_version(text), version, "{text}");
        }
    }

    #[test]
    fn the_version_of_the_server_is_preferred() {
        let found = vec![("path", 18), ("first", 15), ("second", 15), ("old", 14)];
        for (needed, expected) in [
            (14, Ok(("old", 14))),
            (15, Ok(("first", 15))),
            (16, Ok(("path", 18))),
            (19, Err(Some(("path", 18)))),
        ] {
            assert_eq!(choose(found.clone(), needed), expected, "{needed}");
        }
        assert_eq!(choose(Vec::<((), u32)>::new(), 15), Err(None));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_newer_pg_restore_does_not_work_with_an_old_server() {
        let folder = env::temp_dir().join(format!("tenant-newer-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = "echo '#!/bin/sh\necho \"pg_restore (PostgreSQL) 18.1\"' >\"$1\"; chmod 755 \"$1\"";
        let path = folder.join("pg_restore");
        // Another process writes it: a file that is open for writing cannot be run.
        let written = std::process::Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(path)
            .status();
        assert!(written.unwrap().success());
        let programs = PgPrograms::in_folder(&folder);
        let refused = programs.pg_restore(15, 16).await;
        let accepted = programs.pg_restore(15, 17).await;
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            matches!(
                refused,
                Err(ProgramError::TooNew {
                    version: 18,
                    server: 16,
                    ..
                })
            ),
            "{refused:?}"
        );
        accepted.unwrap();
    }

    #[test]
    fn the_newest_folder_comes_first() {
        let all = env::temp_dir().join(format!("tenant-versions-{}", std::process::id()));
        for version in ["9.6", "9", "17", "15", "common", "pgsql-16"] {
            std::fs::create_dir_all(all.join(version)).unwrap();
        }
        let found = ["", "pgsql-"].map(|prefix| folders_of_versions(&all, prefix));
        let expected = [vec!["17", "15", "9"], vec!["pgsql-16"]].map(|versions| {
            let folders = versions.iter().map(|version| all.join(version).join("bin"));
            folders.collect::<Vec<_>>()
        });
        std::fs::remove_dir_all(&all).unwrap();
        assert_eq!(found, expected);
    }
}
