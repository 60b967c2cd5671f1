//! [`Finding`]: faults of a schema.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::schema_name::SHARED_SCHEMA;

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Rows of one tenant can get to another, or something does not work.
    Error,
    /// Somebody should look at it.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A fault of a schema. Objects are named with their schema, as by PostgreSQL's `pg_identify_object`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// The catalog has a tenant whose schema cannot be one.
    InvalidSchemaName {
        /// The rule that the name breaks.
        reason: String,
    },
    /// The catalog has a tenant, and the database has no schema of that name.
    MissingSchema,
    /// The schema's name differs from that of a tenant in case alone.
    CaseTwin {
        /// The schema of the tenant.
        tenant: String,
    },
    /// The schema is unknown: not a tenant's, not shared, not allowed, and without extensions.
    UnknownSchema,
    /// The schema is a tenant's, and the configuration or an entity opens it to all others.
    AllowedTenantSchema,
    /// An extension lives in the schema of a tenant. Other tenants are without it, and lose what uses it when this one is dropped.
    TenantExtension {
        /// The extension.
        extension: String,
    },
    /// Every user of the database may create something in the schema.
    EveryoneCreates,
    /// The function has no `search_path` of its own, so names in its body are found on the caller's.
    UnpinnedFunction {
        /// The function or procedure.
        function: String,
        /// True if it runs with the rights of its owner.
        security_definer: bool,
        /// True for a procedure that seems to end transactions, which cannot have a `search_path`.
        commits: bool,
    },
    /// The function's own `search_path` names another tenant's schema, or `$user`.
    PinnedElsewhere {
        /// The function or procedure.
        function: String,
        /// True if it runs with the rights of its owner.
        security_definer: bool,
        /// Another tenant's schema, or `$user`.
        elsewhere: String,
    },
    /// The function seems to change the session, which other tenants use after it.
    SessionChange {
        /// The function or procedure.
        function: String,
    },
    /// Something in the schema depends on something in another one.
    Reference {
        /// Kind of the dependent object.
        kind: ReferenceKind,
        /// The dependent object.
        object: String,
        /// The object that it depends on.
        target: String,
        /// The schema of that object.
        target_schema: String,
    },
    /// The shared schema has a table of the same name.
    TableInBothScopes {
        /// The table.
        table: String,
    },
    /// The table of an entity does not exist.
    MissingTable {
        /// The table.
        table: String,
    },
    /// The type of an enum does not exist.
    MissingType {
        /// The type.
        name: String,
    },
    /// The table has no entity.
    TableWithoutEntity {
        /// The table.
        table: String,
    },
    /// The enum type has no enum in the program.
    TypeWithoutEnum {
        /// The type.
        name: String,
    },
}

/// Kind of an object that depends on an object in another schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReferenceKind {
    /// A foreign key.
    ForeignKey,
    /// Another constraint, such as a check that calls a function.
    Constraint,
    /// The default of a column, such as the next value of a sequence; or what a column is generated from.
    ColumnDefault,
    /// The type of a column.
    ColumnType,
    /// A table that inherits from another or is a partition of it.
    Parent,
    /// A view.
    View,
    /// A rule.
    Rule,
    /// A trigger.
    Trigger,
    /// A policy of row level security.
    Policy,
    /// An index.
    Index,
    /// A function: its types, its defaults, or its body if that is `BEGIN ATOMIC`.
    Function,
    /// A type, such as a domain.
    Type,
    /// Anything else.
    Other,
}

impl ReferenceKind {
    /// Returns the kind for a word of the query.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "foreign_key" => Self::ForeignKey,
            "constraint" => Self::Constraint,
            "default" => Self::ColumnDefault,
            "column_type" => Self::ColumnType,
            "parent" => Self::Parent,
            "view" => Self::View,
            "rule" => Self::Rule,
            "trigger" => Self::Trigger,
            "policy" => Self::Policy,
            "index" => Self::Index,
            "function" => Self::Function,
            "type" => Self::Type,
            _ => Self::Other,
        }
    }
}

impl Finding {
    /// Returns the severity in the shared schema or in another one.
    pub(super) fn severity(&self, is_shared: bool) -> Severity {
        match self {
            Self::UnpinnedFunction {
                security_definer: false,
                commits,
                ..
            } if is_shared || *commits => Severity::Warning,
            Self::UnknownSchema
            | Self::SessionChange { .. }
            | Self::TableInBothScopes { .. }
            | Self::TableWithoutEntity { .. }
            | Self::TypeWithoutEnum { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidSchemaName { reason } => {
                write!(f, "the catalog has a tenant whose schema cannot be one: {reason}")
            }
            Self::MissingSchema => {
                f.write_str("the catalog has this tenant, and the database no such schema")
            }
            Self::CaseTwin { tenant } => write!(f, "differs from the tenant {tenant} in case alone"),
            Self::UnknownSchema => {
                f.write_str("is no tenant's, not shared and not allowed: drop it or allow it")
            }
            Self::AllowedTenantSchema => f.write_str(
                "is a tenant's, and open to all others, because the configuration or an entity allows it",
            ),
            Self::TenantExtension { extension } => write!(
                f,
                "the extension {extension} is in this tenant's schema, and is for the whole database: ALTER EXTENSION \
                 {extension} SET SCHEMA extensions"
            ),
            Self::EveryoneCreates => {
                f.write_str("everybody may create in it: REVOKE CREATE ON SCHEMA ... FROM PUBLIC")
            }
            Self::UnpinnedFunction {
                function,
                security_definer,
                commits,
            } => unpinned(f, function, *security_definer, *commits),
            Self::PinnedElsewhere {
                function, elsewhere, ..
            } => write!(f, "the search_path of {function} leads to {elsewhere}"),
            Self::SessionChange { function } => write!(
                f,
                "{function} seems to change the session, which other tenants use after it: use what ends with the \
                 transaction (SET LOCAL, pg_advisory_xact_lock), or let no statement or trigger call it"
            ),
            Self::Reference { object, target, .. } => write!(f, "{object} depends on {target}"),
            Self::TableInBothScopes { table } => {
                write!(f, "the shared schema has a table {table} too: rename one of them")
            }
            Self::MissingTable { table } => {
                write!(f, "an entity stands for table {table}, which is not there")
            }
            Self::MissingType { name } => write!(f, "an enum stands for type {name}, which is not there"),
            Self::TableWithoutEntity { table } => write!(f, "no entity stands for table {table}"),
            Self::TypeWithoutEnum { name } => write!(f, "no enum stands for type {name}"),
        }
    }
}

fn unpinned(
    f: &mut fmt::Formatter<'_>,
    function: &str,
    security_definer: bool,
    commits: bool,
) -> fmt::Result {
    let definer = if security_definer {
        ", with the rights of its owner"
    } else {
        ""
    };
    write!(
        f,
        "{function} finds what it names where its caller stands{definer}: "
    )?;
    f.write_str(if commits {
        "name everything in it in full, as a procedure that commits has no search_path of its own"
    } else {
        "ALTER ROUTINE ... SET search_path, or BEGIN ATOMIC"
    })
}

/// A finding with its schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaFinding {
    schema: String,
    severity: Severity,
    finding: Finding,
}

impl SchemaFinding {
    pub(super) fn new(schema: &str, finding: Finding) -> Self {
        Self {
            schema: schema.to_owned(),
            severity: finding.severity(schema == SHARED_SCHEMA),
            finding,
        }
    }

    /// Returns the name of the schema, as in the catalog or the database.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Returns the severity.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the finding.
    #[must_use]
    pub fn finding(&self) -> &Finding {
        &self.finding
    }
}

impl Serialize for SchemaFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flat<'a> {
            schema: &'a str,
            severity: Severity,
            message: String,
            #[serde(flatten)]
            finding: &'a Finding,
        }
        Flat {
            schema: &self.schema,
            severity: self.severity,
            message: self.finding.to_string(),
            finding: &self.finding,
        }
        .serialize(serializer)
    }
}
