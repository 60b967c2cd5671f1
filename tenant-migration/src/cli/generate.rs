//! `generate`, which writes a migration.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;

use crate::cli::{CliError, entities::EntityArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  migration generate create_note -d migration/src/tenant    for the tenants
  migration generate create_plan -d migration/src/shared    for the shared schema
  migration generate entity -s acme                         entities of acme's tables and of the shared tables";

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct GenerateArgs {
    /// Generators other than the one of migrations.
    #[command(subcommand)]
    pub(super) command: Option<GenerateCommand>,

    /// The migration's name, such as `create_note`
    #[arg(value_name = "NAME", required = true)]
    pub(super) migration_name: Option<String>,

    /// The folder of the migrations, such as `migration/src/tenant`
    #[arg(short = 'd', long, env = "MIGRATION_DIR", value_name = "DIR", required = true)]
    pub(super) migration_dir: Option<String>,

    /// Name the file after the time in UTC, which is the default
    #[arg(long, conflicts_with = "local_time")]
    pub(super) universal_time: bool,

    /// Name the file after the local time
    #[arg(long)]
    pub(super) local_time: bool,
}

/// Generators other than the one of migrations.
#[derive(Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Write entities of the tables of one tenant and of the shared schema, with `#[tenant]`, `#[shared]` and relations
    #[command(after_long_help = super::entities::EXAMPLES)]
    Entity(EntityArgs),
}

/// Writes a migration and adds it to the `mod.rs` of its folder, as `sea-orm-cli migrate generate` does.
pub(super) fn migration(args: &GenerateArgs) -> Result<(), CliError> {
    let folder = args.migration_dir.as_deref().unwrap_or_default();
    let name = args.migration_name.as_deref().unwrap_or_default();
    let file = migrator_file(Path::new(folder));
    let text = fs::read_to_string(&file).unwrap_or_default();
    if !text.contains("vec![") {
        return Err(CliError::NoMigrator {
            folder: folder.into(),
            file,
        });
    }
    sea_orm_cli::run_migrate_generate(folder, name, !args.local_time)
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
