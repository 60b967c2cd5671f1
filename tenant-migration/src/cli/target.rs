//! Schemas that a command works on, by its arguments.

use tenant_core::SchemaName;

use crate::{
    cli::{Context, args::TargetArgs, error::CliError},
    plan::Target,
};

/// Returns the schemas that the arguments name, or all schemas if they name none.
pub(super) fn target(context: &Context<'_>, args: &TargetArgs) -> Result<Target, CliError> {
    match (target_of_flags(args), &context.schema) {
        (Some(_), Some(schema)) => Err(CliError::TwoTargets {
            schema: schema.clone(),
        }),
        (Some(target), None) => Ok(target),
        (None, Some(name)) => Ok(match SchemaName::new(name)? {
            schema if schema.is_shared() => Target::Shared,
            schema => Target::Tenants(vec![schema]),
        }),
        (None, None) => Ok(Target::All),
    }
}

fn target_of_flags(args: &TargetArgs) -> Option<Target> {
    if args.shared {
        return Some(Target::Shared);
    }
    if args.tenants {
        return Some(Target::AllTenants);
    }
    if let Some(kind) = &args.kind {
        return Some(Target::Kind(kind.clone()));
    }
    (!args.tenant.is_empty()).then(|| Target::Tenants(args.tenant.clone()))
}

/// Describes a target in a question, such as "every tenant of kind trial".
pub(super) fn describe(target: &Target) -> String {
    match target {
        Target::All => "the shared schema and every tenant".to_owned(),
        Target::Shared => "the shared schema".to_owned(),
        Target::AllTenants => "every tenant".to_owned(),
        Target::Kind(kind) => format!("every tenant of kind {kind}"),
        Target::Tenants(schemas) => schemas
            .iter()
            .map(SchemaName::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
