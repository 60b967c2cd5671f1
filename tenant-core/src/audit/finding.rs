//! [`Finding`]: what can be wrong with a schema.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::schema_name::SHARED_SCHEMA;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Rows of one tenant can get to another, or something does not work.
    Error,
    /// People should look at it.
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

/// What is wrong with a schema. Objects are named as PostgreSQL's `pg_identify_object` does, with their schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// The catalog has a tenant whose schema cannot be one.
    InvalidSchemaName {
        /// What is wrong with the name.
        reason: String,
    },
    /// The catalog has a tenant, and the database has no schema of that name.
    MissingSchema,
    /// The schema's name differs from that of a tenant in case alone.
    CaseTwin {
        /// The schema of the tenant.
        tenant: String,
    },
    /// The schema is nobody's: no tenant's, not shared, not allowed, without extensions.
    UnknownSchema,
    /// The schema is a tenant's, and the configuration or an entity opens it to all others.
    AllowedTenantSchema,
    /// Every user of the database may create something in the schema.
    EveryoneCreates,
    /// The function has no `search_path` of its own, so what its body names is looked up where the caller stands.
    UnpinnedFunction {
        /// The function or procedure.
        function: String,
        /// Whether it runs with the rights of its owner.
        security_definer: bool,
        /// Whether it is a procedure that seems to end transactions, so that it cannot have a `search_path`.
        commits: bool,
    },
    /// The function's own `search_path` leads elsewhere.
    PinnedElsewhere {
        /// The function or procedure.
        function: String,
        /// Whether it runs with the rights of its owner.
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
        /// What depends on it.
        kind: ReferenceKind,
        /// Which.
        object: String,
        /// What it depends on.
        target: String,
        /// The schema that this is in.
        target_schema: String,
    },
    /// The shared schema has a table of the same name.
    TableInBothScopes {
        /// The table.
        table: String,
    },
    /// An entity stands for a table that is not there.
    MissingTable {
        /// The table.
        table: String,
    },
    /// An enum stands for a type that is not there.
    MissingType {
        /// The type.
        name: String,
    },
    /// No entity stands for the table.
    TableWithoutEntity {
        /// The table.
        table: String,
    },
    /// No enum stands for the enum type.
    TypeWithoutEnum {
        /// The type.
        name: String,
    },
}

/// What depends on something in another schema.
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
    /// By the word that the query has for it.
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
    /// How bad it is, in the shared schema or elsewhere.
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

/// A finding, and the schema that has it.
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

    /// The schema, as the catalog or the database has it.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What it is.
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
