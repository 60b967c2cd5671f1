//! PostgreSQL's programs: where they are, and what they are told.

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
/// By default they are looked for on the `PATH`, and then where Debian (`/usr/lib/postgresql/*/bin`) and Red Hat
/// (`/usr/pgsql-*/bin`) install them. Those of the server's version are taken. If there are none, the next newer version is.
/// `pg_dump` refuses a newer server, and `pg_restore` of version 17 or newer does not work with an older server.
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

/// The directories that have one directory for each version, and what precedes the version in its name.
const INSTALLED: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

/// The first version whose `pg_restore` sets `transaction_timeout`, which older servers refuse.
const SETS_TRANSACTION_TIMEOUT: u32 = 17;

impl PgPrograms {
    /// Names the directory. No other is searched.
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

    /// Finds the `pg_restore` for a dump from one server that another one is to take.
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
        choose(found, needed).map_err(|too_old| match too_old {
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

/// Returns the first of the oldest ones that are not older than `needed`.
///
/// # Errors
/// The newest one, if all are older.
fn choose<T>(found: Vec<(T, u32)>, needed: u32) -> Result<(T, u32), Option<(T, u32)>> {
    let (enough, older): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, version)| *version >= needed);
    let oldest = enough.into_iter().min_by_key(|(_, version)| *version);
    oldest.ok_or_else(|| older.into_iter().max_by_key(|(_, version)| *version))
}

/// True for Debian's `pg_wrapper`, which runs a version of its choice, and another one when a host is named.
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

/// One of them.
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
            message: format!("it says that its version is {:?}", text.trim()),
        };
        parse_version(&text).ok_or_else(unknown)
    }

    /// Runs it to its end. It is killed if this future is dropped.
    ///
    /// All that is secret is in `place`, its environment: everybody on a computer can read the arguments of a program.
    pub(super) async fn run(
        &self,
        place: &[(&'static str, String)],
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Output, ProgramError> {
        let mut command = Command::new(&self.path);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        if !place.is_empty() {
            // They would lead somewhere else: libpq prefers them, and the driver does not know them, or less.
            for name in ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"] {
                command.env_remove(name);
            }
            command.envs(place.iter().map(|(name, value)| (name, value)));
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
            message: ending(&output.stderr),
        })
    }
}

/// The end of what a program said. The last line says most.
fn ending(said: &[u8]) -> String {
    const LONGEST: usize = 2_000;
    let from = said.len().saturating_sub(LONGEST);
    let text = String::from_utf8_lossy(said.get(from..).unwrap_or(said));
    match text.trim() {
        "" => "it did not say why".to_owned(),
        text => text.to_owned(),
    }
}

/// The major version in `pg_dump (PostgreSQL) 17.2 (Debian 17.2-1)`, or `18beta1`.
fn parse_version(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

/// Where a connection leads, as libpq reads it from the environment.
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
pub(super) fn place(options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let mut place = vec![
        ("PGHOST", host(options)),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", database(options).to_owned()),
    ];
    place.extend(options.get_options().map(|text| ("PGOPTIONS", text.to_owned())));
    place.extend(hidden(options));
    place
}

/// What the name of a database is for `pg_restore`, which needs it as an argument to connect at all.
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>
pub(super) fn database_argument(options: &PgConnectOptions) -> String {
    let name = database(options).replace('\\', "\\\\").replace('\'', "\\'");
    format!("--dbname=dbname='{name}'")
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.to_string_lossy().into_owned(),
        // An address of version 6 is in brackets in URLs.
        None => options.get_host().trim_matches(['[', ']']).to_owned(),
    }
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or(options.get_username())
}

/// What the driver shows in a URL only. The URL is made without the parts that could break it.
fn hidden(options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let mut url = options.clone().username("user").host("host").to_url_lossy();
    let mut hidden = Vec::new();
    for (name, value) in url.query_pairs() {
        match (&*name, value.strip_prefix("file: ")) {
            ("sslmode", _) => hidden.push(("PGSSLMODE", value.into_owned())),
            ("sslrootcert", Some(path)) => hidden.push(("PGSSLROOTCERT", path.to_owned())),
            ("sslcert", Some(path)) => hidden.push(("PGSSLCERT", path.to_owned())),
            ("sslkey", Some(path)) => hidden.push(("PGSSLKEY", path.to_owned())),
            _ => {}
        }
    }
    // A query is decoded as the password is to be.
    if let Some(password) = url.password().map(|password| format!("password={password}")) {
        url.set_query(Some(&password));
        hidden.extend(
            url.query_pairs()
                .map(|(_, value)| ("PGPASSWORD", value.into_owned())),
        );
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(place: &[(&str, String)], name: &str) -> Option<String> {
        let mut found = place.iter().filter(|(other, _)| *other == name);
        found.next().map(|(_, value)| value.clone())
    }

    #[test]
    fn a_url_becomes_an_environment() {
        let url = "postgres://m%40e:s%2B%25%20%C3%A9%26%3D%27@[::1]:6543/my%20db?sslmode=verify-full\
            &sslrootcert=/etc/ca%20.pem&options=-c%20geqo%3Doff";
        let options: PgConnectOptions = url.parse().unwrap();
        let place = place(&options);
        for (name, expected) in [
            ("PGHOST", "::1"),
            ("PGPORT", "6543"),
            ("PGUSER", "m@e"),
            ("PGPASSWORD", "s+% é&='"),
            ("PGDATABASE", "my db"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/etc/ca .pem"),
        ] {
            assert_eq!(value(&place, name).as_deref(), Some(expected), "{name}");
        }
        assert!(value(&place, "PGOPTIONS").unwrap().ends_with("-c geqo=off"));
    }

    #[test]
    fn what_would_break_a_url_does_not() {
        let options = PgConnectOptions::new_without_pgpass()
            .socket("/var/run/postgresql")
            .username("a/b:c@d [")
            .password("p:/@?#")
            .database("it's \\ a=b");
        let place = place(&options);
        assert_eq!(value(&place, "PGHOST").as_deref(), Some("/var/run/postgresql"));
        assert_eq!(value(&place, "PGUSER").as_deref(), Some("a/b:c@d ["));
        assert_eq!(value(&place, "PGPASSWORD").as_deref(), Some("p:/@?#"));
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
        let taken = programs.pg_restore(15, 17).await;
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
        taken.unwrap();
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
