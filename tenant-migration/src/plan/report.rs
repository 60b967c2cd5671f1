//! [`Report`]: what happened to every schema.

use std::{fmt, time::Duration};

use tenant_core::SchemaName;

use crate::{
    define::Step,
    plan::{error::SchemaError, plan::SchemaPlan},
};

/// Results of a run, schema by schema, in the order of the plan.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The schemas, in the order of the plan.
    pub schemas: Vec<SchemaReport>,
}

/// Result of a run in one schema.
#[derive(Debug)]
#[non_exhaustive]
pub struct SchemaReport {
    /// The schema.
    pub schema: SchemaName,
    /// Outcome of the run.
    pub outcome: Outcome,
    /// Time that the schema took.
    pub time: Duration,
}

/// Outcome of a run in one schema.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// There was something to do, and it is done.
    Done(Vec<Step>),
    /// There was nothing to do.
    UpToDate,
    /// It failed.
    Failed {
        /// Steps that were done and are kept: those before and after a migration that does not run
        /// in a transaction is a transaction of its own.
        done: Vec<Step>,
        /// Why.
        error: SchemaError,
    },
    /// It was not begun.
    NotReached(NotReached),
}

/// Why a schema was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReached {
    /// The shared schema failed.
    SharedFailed,
    /// A tenant that goes first failed.
    CanaryFailed,
    /// The limit of failed tenants was reached.
    TooManyFailures,
}

/// The rest of "not begun, because".
impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SharedFailed => "the shared schema failed",
            Self::CanaryFailed => "a tenant that goes first failed",
            Self::TooManyFailures => "too many failed",
        })
    }
}

impl Report {
    /// True if no schema failed, and all were reached.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.schemas.iter().all(SchemaReport::is_success)
    }

    /// The report as an error, if it tells of one.
    ///
    /// # Errors
    /// [`Failed`] if a schema failed.
    pub fn into_result(self) -> Result<Self, Failed> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(Failed(self))
        }
    }
}

impl From<SchemaError> for Outcome {
    fn from(error: SchemaError) -> Self {
        Self::Failed {
            done: Vec::new(),
            error,
        }
    }
}

impl SchemaReport {
    pub(crate) fn new(schema: &SchemaName, outcome: Outcome, time: Duration) -> Self {
        Self {
            schema: schema.clone(),
            outcome,
            time,
        }
    }

    /// True if the schema is now as planned.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_) | Outcome::UpToDate)
    }
}

/// A run in which a schema failed.
#[derive(Debug)]
pub struct Failed(Report);

impl Failed {
    /// Returns the results of all schemas.
    pub fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.schemas.len();
        let failed = self.0.schemas.iter().filter(|schema| !schema.is_success());
        write!(f, "{} of {all} schemas not migrated:", failed.clone().count())?;
        let mut separator = "";
        for schema in failed {
            write!(f, "{separator} {}: ", schema.schema)?;
            separator = ";";
            match &schema.outcome {
                Outcome::Failed { error, .. } => error.fmt(f)?,
                Outcome::NotReached(reason) => write!(f, "not begun, because {reason}")?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failed {}

/// Observer of a run, for a display of its progress. `()` shows nothing.
///
/// # Example
/// ```
/// use tenant_migration::{Observer, SchemaReport};
///
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl Observer for Count {
///     fn finished(&mut self, _schema: &SchemaReport) {
///         self.0 += 1;
///     }
/// }
/// ```
pub trait Observer: Send {
    /// A schema is about to be worked on.
    fn started(&mut self, schema: &SchemaPlan) {
        let _ = schema;
    }

    /// A schema is done, whatever came of it, or was not reached.
    fn finished(&mut self, schema: &SchemaReport) {
        let _ = schema;
    }
}

impl Observer for () {}
