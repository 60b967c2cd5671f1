//! PostgreSQL's programs: where they are, and what they are told.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use sea_orm::sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tokio::process::Command;

use super::error::ProgramError;

/// Where `pg_dump` and `pg_restore` are.
///
/// They are looked for on the `PATH`, and then where Debian has them (`/usr/lib/postgresql/*/bin`, the newest first). The
/// first one that is not older than the server is taken.
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

/// Where Debian and its descendants have one folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

impl PgPrograms {
    /// In this folder, and nowhere else.
    #[must_use]
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// The program of a name, of a version that is `needed` or newer.
    pub(super) async fn find(&self, name: &'static str, needed: u32) -> Result<Program, ProgramError> {
        let mut refusal = ProgramError::NotFound {
            program: name,
            folder: self.folder.clone(),
        };
        for path in self.candidates(name) {
            let program = Program { path };
            match program.version().await {
                Ok(version) if version >= needed => return Ok(program),
                Ok(version) => {
                    refusal = ProgramError::TooOld {
                        program: program.path,
                        version,
                        needed,
                    };
                }
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let name = format!("{name}{}", env::consts::EXE_SUFFIX);
        let folders = match &self.folder {
            Some(folder) => vec![folder.clone()],
            None => folders(),
        };
        let paths = folders.into_iter().map(|folder| folder.join(&name));
        paths.filter(|path| path.is_file()).collect()
    }
}

fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).filter(|folder| folder.is_absolute());
    on_path.chain(folders_of_versions(Path::new(VERSIONS))).collect()
}

/// The newest first.
fn folders_of_versions(all: &Path) -> Vec<PathBuf> {
    let entries = all.read_dir().into_iter().flatten().flatten();
    let mut versions: Vec<_> = entries
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
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
    fn the_newest_folder_comes_first() {
        let all = env::temp_dir().join(format!("tenant-versions-{}", std::process::id()));
        for version in ["9.6", "9", "17", "15", "common"] {
            std::fs::create_dir_all(all.join(version)).unwrap();
        }
        let found = folders_of_versions(&all);
        let expected: Vec<_> = ["17", "15", "9"]
            .map(|version| all.join(version).join("bin"))
            .into();
        std::fs::remove_dir_all(&all).unwrap();
        assert_eq!(found, expected);
    }
}
