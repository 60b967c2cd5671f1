//! PostgreSQL's client programs.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Returns the directory of the `pg_dump` and `pg_restore` to test with.
///
/// It is the first on the `PATH` or below `/usr/lib/postgresql` whose version is the server's, or else a newer one.
///
/// # Panics
/// If `DATABASE_URL` is not set, its server cannot be reached, or no programs are installed.
#[must_use]
pub fn pg_programs() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(find);
    &DIRECTORY
}

/// True for an executable file.
pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o111 != 0)
}

fn find() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let installed = installed.map(|entry| entry.unwrap().path().join("bin"));
    let directories: Vec<_> = env::split_paths(&path)
        .chain(installed)
        .filter(|directory| {
            ["pg_dump", "pg_restore", "psql"]
                .iter()
                .all(|name| is_program(&directory.join(name)) && !is_wrapper(&directory.join(name)))
        })
        .collect();
    let any = directories.first().expect("install PostgreSQL's client programs");
    let server = server_version(any);
    let versions = directories.iter().map(|directory| version(directory));
    let found = versions
        .zip(&directories)
        .filter(|(version, _)| *version >= server);
    let (_, directory) = found
        .min_by_key(|(version, _)| *version)
        .unwrap_or_else(|| panic!("install PostgreSQL's client programs, version {server} or newer"));
    directory.clone()
}

/// True for Debian's `pg_wrapper`, which runs a version of its choice.
fn is_wrapper(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.ends_with("pg_wrapper"))
}

fn server_version(directory: &Path) -> u32 {
    let url = env::var("DATABASE_URL").expect("DATABASE_URL");
    let arguments = ["-XAtc", "SHOW server_version_num", &url];
    let number: u32 = output(&directory.join("psql"), &arguments)
        .trim()
        .parse()
        .unwrap();
    number / 10_000
}

fn version(directory: &Path) -> u32 {
    let text = output(&directory.join("pg_dump"), &["--version"]);
    let (_, version) = text.split_once("(PostgreSQL) ").expect("a version");
    let digits = version.split(|c: char| !c.is_ascii_digit()).next();
    digits.unwrap().parse().unwrap()
}

fn output(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
