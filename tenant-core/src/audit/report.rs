//! [`audit()`] and its report.

use sea_orm::DatabaseConnection;
use serde::Serialize;

use super::{
    checks::check_all,
    error::AuditError,
    expected::Expected,
    facts::Facts,
    finding::{SchemaFinding, Severity},
};
use crate::connection::{ShutDown, detached};

/// Audits all schemas of a database. It only reads.
///
/// # Errors
/// [`AuditError`] if there is no catalog, or the database does not answer.
pub async fn audit(db: &DatabaseConnection, expected: &Expected) -> Result<Audit, AuditError> {
    let (db, expected) = (db.clone(), expected.clone());
    // A `begin` that is cancelled would leave its transaction open.
    let audited = detached(async move {
        let facts = Facts::read(&db, &expected).await?;
        Ok(Audit {
            findings: check_all(&facts, &expected),
            entities_compared: expected.has_entities(),
            tenants: facts.schemas.tenants.into_iter().collect(),
        })
    });
    audited
        .await
        .unwrap_or_else(|ShutDown| Err(AuditError::Interrupted))
}

/// Report of an audit. Serialized, it is an object with the tenants and the findings, each with its severity and a
/// message for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    tenants: Vec<String>,
    entities_compared: bool,
    findings: Vec<SchemaFinding>,
}

impl Audit {
    /// Returns all findings, in the order of the schemas, errors first in each.
    #[must_use]
    pub fn findings(&self) -> &[SchemaFinding] {
        &self.findings
    }

    /// Returns the schemas of the tenants, in the order of their names.
    #[must_use]
    pub fn tenants(&self) -> &[String] {
        &self.tenants
    }

    /// True if entities and enums were compared with tables and types. A program without entities compares none.
    #[must_use]
    pub fn entities_compared(&self) -> bool {
        self.entities_compared
    }

    /// True if there are no findings.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the number of errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// Returns the number of warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Keeps the findings of one schema.
    #[must_use]
    pub fn only(mut self, schema: &str) -> Self {
        self.findings.retain(|found| found.schema() == schema);
        self
    }

    fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings.filter(|found| found.severity() == severity).count()
    }
}
