//! `tenant suspend`, `resume`, `maintenance`, `archive`, `rename` and `drop`.

use std::{io::Write, time::Duration};

use sea_orm::DatabaseConnection;
use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        confirm::confirm,
        error::CliError,
        tenant::{ChangeCommand, Switch, with_delay},
    },
    lifecycle::{
        DropOptions, archive_tenant, drop_tenant, rename_tenant, resume_tenant, set_maintenance,
        suspend_tenant,
    },
};

pub(super) async fn run(
    context: &Context<'_>,
    command: ChangeCommand,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let db = context.connect().await?;
    let message = change(context, &db, command).await;
    db.close().await?;
    writeln!(out, "{}", message?)?;
    Ok(())
}

/// Changes a tenant, and returns a message about it.
async fn change(
    context: &Context<'_>,
    db: &DatabaseConnection,
    command: ChangeCommand,
) -> Result<String, CliError> {
    Ok(match command {
        ChangeCommand::Suspend { schema } => {
            let schema = SchemaName::new(schema)?;
            suspend_tenant(db, &schema).await?;
            with_delay(&format!("tenant {schema} is suspended"))
        }
        ChangeCommand::Resume { schema } => {
            let schema = SchemaName::new(schema)?;
            resume_tenant(db, context.migrations, &schema).await?;
            with_delay(&format!("tenant {schema} is in service"))
        }
        ChangeCommand::Maintenance { schema, switch } => {
            let (schema, is_on) = (SchemaName::new(schema)?, switch == Switch::On);
            set_maintenance(db, &schema, is_on).await?;
            let state = if is_on { "in maintenance" } else { "in service" };
            with_delay(&format!("tenant {schema} is {state}"))
        }
        ChangeCommand::Archive { schema } => {
            let schema = SchemaName::new(schema)?;
            archive_tenant(db, &schema).await?;
            with_delay(&format!("tenant {schema} is archived"))
        }
        ChangeCommand::Rename { schema, name } => {
            let schema = SchemaName::new(schema)?;
            rename_tenant(db, &schema, &name).await?;
            format!("tenant {schema} is now called {name}")
        }
        ChangeCommand::Drop {
            schema,
            drain,
            batch,
            confirmation,
        } => {
            let schema = SchemaName::new(schema)?;
            confirm(context, confirmation, &format!("`tenant drop` of {schema}"))?;
            let options = DropOptions::default()
                .drain(Duration::from_secs(drain))
                .batch(batch);
            let dropped = drop_tenant(db, context.migrations, &schema, &options).await?;
            let (objects, transactions) = (dropped.objects, dropped.transactions);
            format!("tenant {schema} is dropped: {objects} objects by name, {transactions} transactions")
        }
    })
}
