//! `init`, which writes a new application.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::cli::CliError;

pub(super) const EXAMPLES: &str = "\
Examples:
  tenant-migration init --axum                     a new application in this folder
  tenant-migration init notes --actix
  tenant-migration init notes --library ../tenant  with the library of a checkout, and not of crates.io";

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// The folder of the application. Existing files are kept
    #[arg(default_value = ".", value_name = "DIR")]
    pub(super) folder: PathBuf,

    /// Write a web application on axum, too
    #[arg(long, conflicts_with = "actix")]
    pub(super) axum: bool,

    /// Write a web application on actix-web, too
    #[arg(long)]
    pub(super) actix: bool,

    /// The folder of a checkout of the library, to depend on instead of crates.io
    #[arg(long, value_name = "DIR")]
    pub(super) library: Option<PathBuf>,
}

/// Files of each application, by their paths in it.
const FILES: &[(&str, &str)] = &[
    (".env", include_str!("template/env")),
    (".gitignore", include_str!("template/gitignore")),
    ("entity/Cargo.toml", include_str!("template/entity/_Cargo.toml")),
    ("entity/src/lib.rs", include_str!("template/entity/src/lib.rs")),
    ("entity/src/note.rs", include_str!("template/entity/src/note.rs")),
    (
        "migration/Cargo.toml",
        include_str!("template/migration/_Cargo.toml"),
    ),
    (
        "migration/src/main.rs",
        include_str!("template/migration/src/main.rs"),
    ),
    (
        "migration/src/lib.rs",
        include_str!("template/migration/src/lib.rs"),
    ),
    (
        "migration/src/shared/mod.rs",
        include_str!("template/migration/src/shared/mod.rs"),
    ),
    (
        "migration/src/tenant/mod.rs",
        include_str!("template/migration/src/tenant/mod.rs"),
    ),
    (
        "migration/src/tenant/m20260101_000001_create_note.rs",
        include_str!("template/migration/src/tenant/create_note.rs"),
    ),
];

const WORKSPACE: &str = include_str!("template/_Cargo.toml");

const AXUM: &[(&str, &str)] = &[
    ("web/Cargo.toml", include_str!("template/axum/_Cargo.toml")),
    ("web/src/main.rs", include_str!("template/axum/src/main.rs")),
];

const ACTIX: &[(&str, &str)] = &[
    ("web/Cargo.toml", include_str!("template/actix/_Cargo.toml")),
    ("web/src/main.rs", include_str!("template/actix/src/main.rs")),
];

/// Writes an application: a workspace with entities, migrations and, if asked for, a web application.
pub(super) fn init(args: &InitArgs, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let workspace = workspace(args)?;
    let web = match (args.axum, args.actix) {
        (true, _) => AXUM,
        (_, true) => ACTIX,
        _ => &[],
    };
    let has_workspace = !write_new(&args.folder.join("Cargo.toml"), &workspace, out)?;
    for (name, text) in FILES.iter().chain(web) {
        write_new(&args.folder.join(name), text, out)?;
    }
    if has_workspace {
        writeln!(
            out,
            "\nCargo.toml was there already. It needs these members and dependencies:\n\n{workspace}"
        )?;
    }
    show_next_steps(!web.is_empty(), out)?;
    Ok(())
}

/// Returns the text of the workspace's Cargo.toml.
fn workspace(args: &InitArgs) -> Result<String, CliError> {
    let (web, feature) = match (args.axum, args.actix) {
        (true, _) => (r#", "web""#, r#", features = ["axum"]"#),
        (_, true) => (r#", "web""#, r#", features = ["actix"]"#),
        _ => ("", ""),
    };
    let library = args.library.as_deref().map(library).transpose()?;
    let source = |name: &str| match &library {
        Some(library) => format!("path = {:?}", library.join(name).display().to_string()),
        None => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
    };
    Ok(WORKSPACE
        .replace("<members>", &format!(r#""entity", "migration"{web}"#))
        .replace(
            "<tenant-core>",
            &format!("{{ {}{feature} }}", source("tenant-core")),
        )
        .replace(
            "<tenant-migration>",
            &format!("{{ {} }}", source("tenant-migration")),
        ))
}

/// Returns the full path of a checkout of the library.
fn library(folder: &Path) -> Result<PathBuf, CliError> {
    let error = |source| CliError::Library {
        folder: folder.into(),
        source,
    };
    let full = folder.canonicalize().map_err(error)?;
    fs::metadata(full.join("tenant-migration/Cargo.toml")).map_err(error)?;
    Ok(full)
}

fn show_next_steps(has_web: bool, out: &mut (dyn Write + Send)) -> io::Result<()> {
    writeln!(out, "\nSet DATABASE_URL, in .env or in the environment. Then:\n")?;
    writeln!(out, "  cargo run --bin migration -- up")?;
    writeln!(
        out,
        "  cargo run --bin migration -- tenant create acme --name Acme --domain acme.localhost"
    )?;
    if has_web {
        writeln!(out, "  cargo run --bin web")?;
        writeln!(out, "\nand open http://acme.localhost:8000")?;
    }
    writeln!(
        out,
        "\nA migration for all tenants, and the entities of its tables:\n"
    )?;
    writeln!(
        out,
        "  cargo run --bin migration -- generate create_task -d migration/src/tenant"
    )?;
    writeln!(out, "  cargo run --bin migration -- generate entity -s acme")
}

/// Writes a file, if there is none. Returns `false` if there is one, which is kept.
pub(super) fn write_new(path: &Path, text: &str, out: &mut (dyn Write + Send)) -> Result<bool, CliError> {
    let is_new = try_write_new(path, text).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    let verb = if is_new { "wrote" } else { "kept" };
    writeln!(out, "{verb} {}", path.display())?;
    Ok(is_new)
}

/// Writes a file, or writes it anew.
pub(super) fn overwrite(path: &Path, text: &str, out: &mut (dyn Write + Send)) -> Result<(), CliError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| fs::write(path, text));
    written.map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    writeln!(out, "wrote {}", path.display())?;
    Ok(())
}

fn try_write_new(path: &Path, text: &str) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}
