//! `tenant suspend`, `resume`, `maintenance`, `archive`, `set` and `drop`.

use std::{io::Write, time::Duration};

use sea_orm::DatabaseConnection;
use serde_json::Value;
use tenant_core::SchemaName;

use crate::{
    cli::{
        Context,
        confirm::confirm,
        error::CliError,
        progress::Countdown,
        tenant::{ChangeCommand, Switch},
    },
    lifecycle::{
        DropOptions, Dropped, LifecycleError, TenantChanges, archive_tenant, drop_observed, resume_tenant,
        set_maintenance, suspend_tenant, update_tenant,
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
            format!("tenant {schema} is suspended")
        }
        ChangeCommand::Resume { schema } => {
            let schema = SchemaName::new(schema)?;
            resume_tenant(db, context.migrations, &schema).await?;
            format!("tenant {schema} is in service")
        }
        ChangeCommand::Maintenance { schema, switch } => {
            let (schema, is_on) = (SchemaName::new(schema)?, switch == Switch::On);
            set_maintenance(db, &schema, is_on).await?;
            let state = if is_on { "in maintenance" } else { "in service" };
            format!("tenant {schema} is {state}")
        }
        ChangeCommand::Archive { schema } => {
            let schema = SchemaName::new(schema)?;
            archive_tenant(db, &schema).await?;
            format!("tenant {schema} is archived")
        }
        ChangeCommand::Set {
            schema,
            name,
            kind,
            metadata,
        } => {
            let schema = SchemaName::new(schema)?;
            let changes = changes(name, kind, metadata);
            update_tenant(db, context.migrations, &schema, &changes).await?;
            format!("tenant {schema} is changed")
        }
        ChangeCommand::Drop {
            schema,
            drain,
            batch,
            confirmation,
        } => {
            let schema = SchemaName::new(schema)?;
            confirm(
                context,
                confirmation,
                &format!("`tenant drop` of {schema} drops data"),
            )?;
            let options = DropOptions::default()
                .drain(Duration::from_secs(drain))
                .batch(batch);
            let dropped = drop_with_countdown(context, db, &schema, &options).await?;
            let (objects, transactions) = (dropped.objects, dropped.transactions);
            format!("tenant {schema} is dropped: {objects} objects by name, {transactions} transactions")
        }
    })
}

fn changes(name: Option<String>, kind: Option<String>, metadata: Option<Value>) -> TenantChanges {
    let mut changes = TenantChanges::default();
    if let Some(name) = name {
        changes = changes.name(name);
    }
    if let Some(kind) = kind {
        changes = changes.kind(kind);
    }
    if let Some(metadata) = metadata {
        changes = changes.metadata(metadata);
    }
    changes
}

/// Drops a tenant. While it waits, it says so on the standard error.
async fn drop_with_countdown(
    context: &Context<'_>,
    db: &DatabaseConnection,
    schema: &SchemaName,
    options: &DropOptions,
) -> Result<Dropped, LifecycleError> {
    let countdown = Countdown::new(context.has_progress);
    let on_drain = {
        let countdown = countdown.clone();
        let message = format!(
            "tenant {schema} is out of service, but other processes may cache its host (--drain 0 does not wait for them). \
             Its tables are dropped in"
        );
        move |time| countdown.start(&message, time)
    };
    let dropped = drop_observed(db, context.migrations, schema, options, on_drain).await;
    countdown.finish();
    dropped
}
