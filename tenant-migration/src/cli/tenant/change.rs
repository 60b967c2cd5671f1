//! Changes of one tenant: its status, its name, kind and metadata, its schema's name, and its end.

use std::time::Duration;

use clap::{ArgGroup, Subcommand, ValueEnum};
use sea_orm::DatabaseConnection;
use serde_json::Value;
use tenant_core::SchemaName;

use crate::{
    cli::{
        Context, args::Confirmation, confirm::confirm, error::CliError, progress::Countdown,
        tenant::with_delay,
    },
    lifecycle::{
        DropOptions, Dropped, LifecycleError, RenameOptions, TenantChanges, archive_tenant, drop_observed,
        rename_schema, resume_tenant, set_maintenance, suspend_tenant, update_tenant,
    },
};

const MAINTENANCE: &str = "\
Example:
  migration tenant maintenance acme on";

const SET: &str = "\
Examples:
  migration tenant set acme --name \"Acme & Sons\"
  migration tenant set acme --kind enterprise --metadata '{\"seats\": 50}'";

const DROP: &str = "\
Example:
  migration tenant drop acme --yes";

const RENAME_SCHEMA: &str = "\
Example:
  migration tenant suspend acme
  migration tenant schema rename acme acme2
  migration tenant resume acme2";

/// Commands that change one tenant.
#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand {
    /// Rename the schema of a tenant
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Take a tenant out of service: its requests get 403
    Suspend {
        /// The tenant's schema
        schema: SchemaName,
    },
    /// Take a suspended or archived tenant, or one in maintenance, back into service
    Resume {
        /// The tenant's schema
        schema: SchemaName,
    },
    /// Begin or end the maintenance of a tenant. Meanwhile its requests get 503
    #[command(after_long_help = MAINTENANCE)]
    Maintenance {
        /// The tenant's schema
        schema: SchemaName,

        /// `on` to begin the maintenance, `off` to end it
        switch: Switch,
    },
    /// Archive a tenant: its data is kept, its requests get 404, and it is migrated only if it is named
    Archive {
        /// The tenant's schema
        schema: SchemaName,
    },
    /// Change the customer's name, the kind and the metadata of a tenant. Its schema and its domains stay as they are
    #[command(after_long_help = SET, group = ArgGroup::new("changes").required(true).multiple(true))]
    Set {
        /// The tenant's schema
        schema: SchemaName,

        /// The customer's new name
        #[arg(long, group = "changes")]
        name: Option<String>,

        /// The new kind. Its pending migrations run in the same transaction. It is refused if the schema has migrations
        /// that the new kind does not have
        #[arg(long, group = "changes")]
        kind: Option<String>,

        /// The new metadata, as JSON. It replaces the old metadata
        #[arg(long, value_name = "JSON", value_parser = parse_json, group = "changes")]
        metadata: Option<Value>,
    },
    /// Drop a tenant: its schema with all tables and rows, its domains, its role and its row in the catalog. If it is
    /// interrupted, run it again: it goes on. No other tenant gets the schema's name
    #[command(after_long_help = DROP)]
    Drop {
        /// The tenant's schema
        schema: SchemaName,

        /// Seconds between the end of the tenant's service and the first dropped table, because other processes cache the
        /// tenant's host. The time that it is already suspended, in maintenance or archived counts. 0 does not wait
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        drain: u64,

        /// Number of tables that one transaction drops
        #[arg(long, value_name = "N", default_value_t = crate::DEFAULT_DROP_BATCH)]
        batch: u32,

        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Commands for a tenant's schema.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Rename the schema of a tenant. The tenant must be out of service: suspended, in maintenance or archived. No other
    /// tenant gets the old name
    #[command(after_long_help = RENAME_SCHEMA)]
    Rename {
        /// The present name
        old: SchemaName,

        /// The new name: 1 to 63 ASCII letters, digits, `_` and `-`
        #[arg(value_parser = |name: &str| SchemaName::for_tenant(name))]
        new: SchemaName,

        /// Seconds that the tenant must have been out of service, because other processes cache its host. The command
        /// waits for the remaining time
        #[arg(long, value_name = "SECONDS", default_value_t = tenant_core::DEFAULT_HOST_CACHE_TTL.as_secs())]
        settle: u64,

        /// Reuse the name of a dropped tenant's schema, 90 s after the drop. Work that still runs for the dropped tenant
        /// then reaches the rows of this one
        #[arg(long)]
        reuse_name: bool,
    },
}

/// Switch of the maintenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Begin the maintenance
    On,
    /// End the maintenance
    Off,
}

/// Changes a tenant, and returns a message about it.
pub(super) async fn run(
    context: &Context<'_>,
    db: &DatabaseConnection,
    command: ChangeCommand,
) -> Result<String, CliError> {
    let migrations = context.migrations;
    Ok(match command {
        ChangeCommand::Schema(SchemaCommand::Rename {
            old,
            new,
            settle,
            reuse_name,
        }) => {
            let mut options = RenameOptions::default().settle(Duration::from_secs(settle));
            if reuse_name {
                options = options.reuse_name();
            }
            let renamed = rename_schema(db, migrations, &old, &new, &options).await?;
            let warnings = renamed.outdated.iter().map(|object| {
                format!("\nwarning: {object}: has the old name {old} in a text, which may be the schema's: look at it")
            });
            format!(
                "the schema of tenant {old} is now called {new}{}",
                warnings.collect::<String>()
            )
        }
        ChangeCommand::Suspend { schema } => {
            suspend_tenant(db, &schema).await?;
            with_delay(&format!("tenant {schema} is suspended"))
        }
        ChangeCommand::Resume { schema } => {
            resume_tenant(db, migrations, &schema).await?;
            with_delay(&format!("tenant {schema} is in service"))
        }
        ChangeCommand::Maintenance { schema, switch } => {
            let is_on = switch == Switch::On;
            set_maintenance(db, &schema, is_on).await?;
            let state = if is_on { "in maintenance" } else { "in service" };
            with_delay(&format!("tenant {schema} is {state}"))
        }
        ChangeCommand::Archive { schema } => {
            archive_tenant(db, &schema).await?;
            with_delay(&format!("tenant {schema} is archived"))
        }
        ChangeCommand::Set {
            schema,
            name,
            kind,
            metadata,
        } => {
            update_tenant(db, migrations, &schema, &changes(name, kind, metadata)).await?;
            format!("tenant {schema} is changed")
        }
        ChangeCommand::Drop {
            schema,
            drain,
            batch,
            confirmation,
        } => {
            confirm(
                context,
                confirmation,
                &format!("`tenant drop` of {schema} drops data"),
            )?;
            let drain = Duration::from_secs(drain);
            let options = DropOptions::default().drain(drain).batch(batch);
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

fn parse_json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

/// Drops a tenant. While it waits, it says so on the standard error.
async fn drop_with_countdown(
    context: &Context<'_>,
    db: &DatabaseConnection,
    schema: &SchemaName,
    options: &DropOptions,
) -> Result<Dropped, LifecycleError> {
    let countdown = Countdown::new(context.terminal.has_progress);
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
