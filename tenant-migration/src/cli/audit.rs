//! `audit`.

use std::io::{self, Write};

use tenant_core::{
    SchemaName,
    audit::{Audit, AuditError, Expected, audit},
};

use crate::{
    cli::{
        Context,
        error::CliError,
        linked_entities::{NO_ENTITIES, has_entities},
        output::{count, plain_table},
    },
    define::{LookupError, Migrations},
};

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    /// Show the findings as JSON
    #[arg(long)]
    json: bool,

    /// Do not compare tables with the entities of this program. Use it if the program has only some of them
    #[arg(long)]
    no_entities: bool,

    /// Exit with code 1 for warnings, too
    #[arg(long)]
    strict: bool,
}

pub(super) async fn run(
    context: &Context<'_>,
    args: &AuditArgs,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let audit = run_audit(context, args).await?;
    if args.json {
        let json = serde_json::to_string_pretty(&audit).map_err(io::Error::from)?;
        writeln!(out, "{json}")?;
    } else {
        show(&audit, context.schema.as_deref(), out)?;
    }
    match (audit.errors(), audit.warnings()) {
        (0, 0) => Ok(()),
        (0, _) if !args.strict => Ok(()),
        (errors, warnings) => Err(CliError::Audited { errors, warnings }),
    }
}

async fn run_audit(context: &Context<'_>, args: &AuditArgs) -> Result<Audit, CliError> {
    let schema = context.schema.as_deref().map(SchemaName::new).transpose()?;
    let expected = expected(context.migrations, args)?;
    let db = context.connect().await?;
    let audited = audit(&db, &expected).await;
    db.close().await?;
    match schema {
        Some(schema) => Ok(restrict_to(audited?, schema)?),
        None => Ok(audited?),
    }
}

fn expected(migrations: &Migrations, args: &AuditArgs) -> Result<Expected, AuditError> {
    let mut program = Expected::of_program()?;
    if args.no_entities {
        program = program.without_entities();
    }
    let ledgers = migrations.sets().map(|(.., set)| set.ledger());
    let expected = ledgers.fold(program, Expected::ledger);
    Ok(migrations
        .extension_schemas()
        .iter()
        .fold(expected, Expected::allow_schema))
}

fn restrict_to(audit: Audit, schema: SchemaName) -> Result<Audit, LookupError> {
    let name = schema.as_str();
    if schema.is_shared() || audit.tenants().iter().any(|tenant| tenant == name) {
        Ok(audit.only(name))
    } else {
        Err(LookupError::NoSuchTenant { schema })
    }
}

fn show(audit: &Audit, schema: Option<&str>, out: &mut (dyn Write + Send)) -> io::Result<()> {
    if !audit.is_clean() {
        let mut table = plain_table(["schema", "severity", "finding"]);
        for found in audit.findings() {
            table.add_row([
                found.schema().to_owned(),
                found.severity().to_string(),
                found.finding().to_string(),
            ]);
        }
        writeln!(out, "{}\n", table.trim_fmt())?;
    }
    if !audit.entities_compared() {
        writeln!(out, "Tables were not compared with entities.")?;
    }
    if !has_entities() {
        writeln!(out, "{NO_ENTITIES}")?;
    }
    let audited = schema.map_or_else(|| count(audit.tenants().len(), "tenant"), ToOwned::to_owned);
    writeln!(out, "{audited}: {}", counts(audit.errors(), audit.warnings()))
}

/// Counts errors and warnings, such as "1 error and 2 warnings".
pub(super) fn counts(errors: usize, warnings: usize) -> String {
    let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
    format!("{errors} and {warnings}")
}
