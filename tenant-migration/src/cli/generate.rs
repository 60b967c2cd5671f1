//! `init` and `generate`, which write files.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::cli::CliError;

/// Writes a migration and adds it to the `mod.rs` of its folder, as `sea-orm-cli migrate generate` does.
pub(super) fn generate(folder: &str, name: &str, is_local_time: bool) -> Result<(), CliError> {
    let file = migrator_file(Path::new(folder));
    let text = fs::read_to_string(&file).unwrap_or_default();
    if !text.contains("vec![") {
        return Err(CliError::NoMigrator {
            folder: folder.into(),
            file,
        });
    }
    sea_orm_cli::run_migrate_generate(folder, name, !is_local_time)
        .map_err(|error| CliError::Generate(error.to_string()))
}

/// Returns the file in which `sea-orm-cli` looks for the list of migrations.
fn migrator_file(folder: &Path) -> PathBuf {
    let source = folder.join("src");
    let folder = if source.is_dir() { source } else { folder.into() };
    let library = folder.join("lib.rs");
    if library.is_file() {
        library
    } else {
        folder.join("mod.rs")
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Files of a new migration crate, by their paths in it.
const SKELETON: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/_Cargo.toml")),
    ("src/main.rs", include_str!("template/main.rs")),
    ("src/lib.rs", include_str!("template/lib.rs")),
    ("src/shared/mod.rs", include_str!("template/shared.rs")),
    ("src/tenant/mod.rs", include_str!("template/tenant.rs")),
];

/// Writes a migration crate. Existing files are kept.
pub(super) fn init(folder: &str, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    for (name, text) in SKELETON {
        let path = Path::new(folder).join(name);
        let is_new =
            write_new(&path, &text.replace("<version>", VERSION)).map_err(|source| CliError::File {
                path: path.clone(),
                source,
            })?;
        let word = if is_new { "wrote" } else { "kept" };
        writeln!(out, "{word} {}", path.display())?;
    }
    writeln!(out, "\nNow write a migration:")?;
    writeln!(
        out,
        "  sea-orm-cli migrate generate create_note -d {}/src/tenant",
        folder.trim_end_matches('/')
    )?;
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
